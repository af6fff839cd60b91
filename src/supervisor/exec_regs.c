// SPDX-License-Identifier: Apache-2.0
#include "exec_regs.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "buf.h"
#include "kernel.h"
#include "util.h"

#if defined __x86_64__

#define RED_ZONE 128u /* below the stack pointer, in use by leaf functions (psABI) */
#define COMM_LEN 16
#define AUXV_BLOCK_MAX (4u << 20)

static int
write_mem(pid_t pid, uint64_t addr, const void *data, size_t n)
{
    struct iovec local = {.iov_base = (void *)(uintptr_t)data, .iov_len = n};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)addr, .iov_len = n};
    return process_vm_writev(pid, &local, 1, &remote, 1, 0) == (ssize_t)n ? 0 : -EFAULT;
}

static ssize_t
read_mem(pid_t pid, uint64_t addr, void *data, size_t n)
{
    struct iovec local = {.iov_base = data, .iov_len = n};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)addr, .iov_len = n};
    return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

int
exec_regs_save(pid_t tid, struct exec_saved *s)
{
    uint64_t all = ~0ull;
    if (ptrace(PTRACE_GETREGS, tid, 0, &s->regs) < 0 ||
        ptrace(PTRACE_GETSIGMASK, tid, sizeof s->signals, &s->signals) < 0 ||
        ptrace(PTRACE_SETSIGMASK, tid, sizeof all, &all) < 0)
        return -errno;
    return 0;
}

// Runs to the next stop of a system call. Of signals only a stop can come between.
static int
next_syscall_stop(pid_t pid)
{
    int status;
    long signal = 0;
    do {
        if (ptrace(PTRACE_SYSCALL, pid, 0, signal) < 0)
            return -errno;
        while (waitpid(pid, &status, __WALL | __WNOTHREAD) < 0)
            if (errno != EINTR)
                return -errno;
        if (!WIFSTOPPED(status))
            return -ESRCH;
        signal = status >> 16 ? 0 : WSTOPSIG(status);
    } while (signal != (SIGTRAP | 0x80));
    return 0;
}

// argv of the interpreter as it lies at base: strings first, then the pointers to them and to the
// caller's own. Returns the offset of the pointers.
static size_t
build_script_argv(const struct exec_call *c, uint64_t base, struct buf *b)
{
    const char *texts[EXEC_TEXTS];
    size_t offsets[EXEC_TEXTS], n = exec_script_texts(c, texts);
    buf_reset(b);
    for (size_t i = 0; i < n; i++) {
        offsets[i] = b->len;
        buf_add(b, texts[i], strlen(texts[i]) + 1);
    }
    while (b->len % sizeof(uint64_t))
        buf_putc(b, 0);
    size_t array = b->len;
    for (size_t i = 0; i < n; i++) {
        uint64_t at = base + offsets[i];
        buf_add(b, &at, sizeof at);
    }
    if (c->argc > 1)
        buf_add(b, c->pointers + 1, (c->argc - 1) * sizeof(uint64_t));
    buf_add(b, &(uint64_t){0}, sizeof(uint64_t));
    return array;
}

// Lets the task map n bytes, in the place of the call that it made. 0 when it cannot.
static uint64_t
map_room(pid_t tid, const struct exec_saved *s, size_t n)
{
    struct user_regs_struct r = s->regs;
    r.orig_rax = SYS_mmap;
    r.rax = (uint64_t)-NONO_ERESTARTNOINTR;
    r.rdi = 0;
    r.rsi = n;
    r.rdx = PROT_READ | PROT_WRITE;
    r.r10 = MAP_PRIVATE | MAP_ANONYMOUS;
    r.r8 = (uint64_t)-1;
    r.r9 = 0;
    if (ptrace(PTRACE_SETREGS, tid, 0, &r) < 0 || next_syscall_stop(tid) < 0 ||
        next_syscall_stop(tid) < 0 || ptrace(PTRACE_GETREGS, tid, 0, &r) < 0)
        return 0;
    return r.rax < (uint64_t)-4095 ? r.rax : 0;
}

// Below the stack, where it leaves nothing behind in a memory that the task shares; where the stack
// does not reach as far, in a mapping. *ret_mapped: the task has made another call meanwhile.
static int
write_script_argv(pid_t tid, const struct exec_saved *s, const struct exec_call *c,
                  uint64_t *ret_at, bool *ret_mapped)
{
    cleanup_buf struct buf b = {0};
    build_script_argv(c, 0, &b);
    uint64_t base = (s->regs.rsp - RED_ZONE - b.len) & ~15ull;
    size_t array = build_script_argv(c, base, &b);
    *ret_mapped = write_mem(tid, base, b.data, b.len) < 0;
    if (*ret_mapped) {
        base = map_room(tid, s, b.len);
        if (!base)
            return -ENOMEM;
        build_script_argv(c, base, &b);
        if (write_mem(tid, base, b.data, b.len) < 0)
            return -ENOMEM;
    }
    *ret_at = base + array;
    return 0;
}

int
exec_regs_rewrite(pid_t tid, const struct exec_saved *s, const struct exec_call *c, int fd)
{
    struct user_regs_struct r = s->regs;
    bool at = c->call.row->nr == SYS_execveat, mapped = false;
    uint64_t argv = c->argv_addr, envp = at ? r.r10 : r.rdx;
    if (c->parts > 1) {
        int ret = write_script_argv(tid, s, c, &argv, &mapped);
        if (ret < 0)
            return ret;
    }
    r.orig_rax = SYS_execveat;
    r.rax = (uint64_t)-NONO_ERESTARTNOINTR;
    if (mapped) {
        // The restart was used up: back to the instruction by hand.
        r.orig_rax = (uint64_t)-1;
        r.rax = SYS_execveat;
        r.rip -= 2;
    }
    // The path's own end is an empty string. What others write there makes no difference to what is
    // compared afterwards.
    r.rdi = (uint64_t)fd;
    r.rsi = c->path_addr + c->path_len;
    r.rdx = argv;
    r.r10 = envp;
    r.r8 = AT_EMPTY_PATH;
    return ptrace(PTRACE_SETREGS, tid, 0, &r) < 0 ? -errno : 0;
}

bool
exec_regs_comes_again(pid_t tid)
{
    struct user_regs_struct r;
    return ptrace(PTRACE_GETREGS, tid, 0, &r) == 0 && r.rax <= (uint64_t)-NONO_ERESTARTSYS &&
           r.rax >= (uint64_t)-NONO_ERESTART_LAST;
}

void
exec_regs_failed(pid_t tid, const struct exec_saved *s, int error)
{
    struct user_regs_struct now, r = s->regs;
    if (ptrace(PTRACE_GETREGS, tid, 0, &now) == 0) {
        r.rax = error ? (uint64_t)error : now.rax;
        r.rip = s->regs.rip;
        // Over: nothing is restarted.
        r.orig_rax = (uint64_t)-1;
        ptrace(PTRACE_SETREGS, tid, 0, &r);
    }
    ptrace(PTRACE_SETSIGMASK, tid, sizeof s->signals, &s->signals);
}

// --- the new program ---------------------------------------------------------------------------

// Calls prctl(PR_SET_NAME) in the task's name: there is no other way to set comm from outside.
static void
set_comm(pid_t pid, const struct user_regs_struct *start, const char comm[COMM_LEN])
{
    struct user_regs_struct r = *start;
    uint64_t at = (start->rsp - RED_ZONE - COMM_LEN) & ~15ull;
    errno = 0;
    long text = ptrace(PTRACE_PEEKTEXT, pid, start->rip, 0);
    long call = (text & ~0xffffl) | 0x050f; // syscall
    if (errno || write_mem(pid, at, comm, COMM_LEN) < 0 ||
        ptrace(PTRACE_POKETEXT, pid, start->rip, call) < 0)
        return;
    r.orig_rax = (uint64_t)-1;
    r.rax = SYS_prctl;
    r.rdi = PR_SET_NAME;
    r.rsi = at;
    if (ptrace(PTRACE_SETREGS, pid, 0, &r) == 0 && next_syscall_stop(pid) == 0)
        next_syscall_stop(pid);
    ptrace(PTRACE_POKETEXT, pid, start->rip, text);
    write_mem(pid, at, &(char[COMM_LEN]){0}, COMM_LEN);
}

// Offset of the value of AT_EXECFN in the block of words at the start of the stack, and the end of
// that: 0 when the block holds no end.
static size_t
find_execfn(const uint64_t *w, size_t n, size_t *ret_execfn)
{
    size_t i = n ? w[0] + 2 : n; // argc, argv, NULL
    while (i < n && w[i])
        i++;
    for (i++; i + 1 < n; i += 2) {
        if (w[i] == AT_EXECFN)
            *ret_execfn = i + 1;
        if (w[i] == AT_NULL)
            return i + 2;
    }
    return 0;
}

// Makes room above the block, which nothing points into yet, for the name that the program was
// called by.
static void
set_execfn(pid_t pid, struct user_regs_struct *start, const char *name)
{
    size_t room = 1u << 14, execfn = 0, words = 0;
    cleanup_free uint64_t *w = NULL;
    for (; !words && room <= AUXV_BLOCK_MAX; room *= 4) {
        w = xrealloc(w, room);
        ssize_t got = read_mem(pid, start->rsp, w, room);
        if (got <= 0)
            return;
        words = find_execfn(w, (size_t)got / sizeof *w, &execfn);
        if ((size_t)got < room)
            break;
    }
    if (!words || !execfn)
        return;
    size_t len = strlen(name) + 1;
    uint64_t sp = start->rsp - ((len + 15) & ~15ull);
    w[execfn] = sp + words * sizeof *w;
    if (write_mem(pid, sp, w, words * sizeof *w) == 0 && write_mem(pid, w[execfn], name, len) == 0)
        start->rsp = sp;
}

void
exec_regs_dress(pid_t pid, const struct exec_saved *s, const struct exec_call *c)
{
    struct user_regs_struct start;
    struct iovec io = {.iov_base = &start, .iov_len = sizeof start};
    // The end of execve itself: from here on the registers are the program's. A 32-bit one has
    // fewer of them and no use for its name: the filter refuses its calls.
    if (next_syscall_stop(pid) == 0 && ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &io) == 0 &&
        io.iov_len == sizeof start) {
        set_execfn(pid, &start, c->name);
        set_comm(pid, &start, c->comm);
        ptrace(PTRACE_SETREGS, pid, 0, &start);
    }
    ptrace(PTRACE_SETSIGMASK, pid, sizeof s->signals, &s->signals);
}

#else

bool
exec_regs_comes_again(pid_t tid)
{
    return false;
}

int
exec_regs_save(pid_t tid, struct exec_saved *ret_s)
{
    return -ENOSYS;
}

int
exec_regs_rewrite(pid_t tid, const struct exec_saved *s, const struct exec_call *c, int fd)
{
    return -ENOSYS;
}

void
exec_regs_failed(pid_t tid, const struct exec_saved *s, int error)
{
}

void
exec_regs_dress(pid_t pid, const struct exec_saved *s, const struct exec_call *c)
{
}

#endif
