// SPDX-License-Identifier: Apache-2.0
// What was approved is what runs. A thread that shares its memory or its descriptors with others
// can have its path, its argv and its descriptor swapped until the kernel has read them, so nothing
// of that is trusted: the call is traced, and at PTRACE_EVENT_EXEC, when the new program is alone
// in its memory and has not run an instruction, /proc says what it is.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "copies.h"
#include "exec.h"
#include "exec_regs.h"
#include "kernel.h"
#include "notify.h"
#include "util.h"

#define SYSCALL_STOP (SIGTRAP | 0x80) /* PTRACE_O_TRACESYSGOOD */
#define EXEC_STOP (SIGTRAP | PTRACE_EVENT_EXEC << 8)

// Waits for what this thread traces, which is one task. A thread that runs a program takes the
// number of its process. Returns the wait status shifted by 8 bits, or -ESRCH when the task is
// gone.
static int
wait_stop(pid_t *ret_pid)
{
    int status;
    pid_t pid;
    // Main reaps without taking what belongs to a tracer (session/life.c).
    while ((pid = waitpid(-1, &status, __WALL | __WNOTHREAD)) < 0)
        if (errno != EINTR)
            return -ESRCH;
    if (!WIFSTOPPED(status))
        return -ESRCH;
    *ret_pid = pid;
    return status >> 8;
}

static bool
is_event_stop(int stop)
{
    return stop >> 8 == PTRACE_EVENT_STOP;
}

// A signal that a stop is about has still to be delivered.
static long
signal_of(int stop)
{
    return stop >> 8 == 0 && stop != SYSCALL_STOP ? stop & 0xff : 0;
}

static void
detach(pid_t pid, long signal)
{
    ptrace(PTRACE_DETACH, pid, 0, signal);
}

// Runs until the next stop and gives up what is traced then.
static void
let_go(void)
{
    pid_t pid;
    int stop = wait_stop(&pid);
    if (stop >= 0)
        detach(pid, signal_of(stop));
}

static int
seize(const struct exec_order *o, const struct call *c)
{
    long options = PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SEIZE, c->tid, 0, options) < 0)
        return errno == ESRCH ? -ESRCH : -EACCES;
    if (notify_valid(o->listener, c->id))
        return 0;
    // The asker died before, and the number may be another task's by now.
    ptrace(PTRACE_INTERRUPT, c->tid, 0, 0);
    let_go();
    return -ESRCH;
}

// --- comparing ---------------------------------------------------------------------------------

static bool
runs_file(pid_t pid, const struct stat *want)
{
    char link[40];
    struct stat st;
    snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
    return stat(link, &st) == 0 && st.st_dev == want->st_dev && st.st_ino == want->st_ino;
}

static bool
has_argv(pid_t pid, const struct exec_call *c)
{
    char path[40];
    size_t len;
    cleanup_free char *want = exec_final_argv(c, &len);
    cleanup_free char *got = xmalloc(len + 1);
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    ssize_t k;
    while (fd >= 0 && n <= len && (k = read(fd, got + n, len + 1 - n)) > 0)
        n += (size_t)k;
    // Before Linux 5.18 an empty argv stays empty.
    return fd >= 0 &&
           ((n == len && memcmp(got, want, len) == 0) || (n == 0 && c->argc == 0 && c->parts == 1));
}

// A writer could have changed it since it was shown; while it runs the kernel lets nobody write.
static bool
has_content(const struct exec_call *c, unsigned part, int fd)
{
    struct stat st;
    uint8_t sha256[SHA256_LEN];
    return exec_digest(fd, c->writable[part], &st, sha256) == 0 &&
           memcmp(sha256, c->program[part].sha256, SHA256_LEN) == 0;
}

// --- the kernel runs it by its own name --------------------------------------------------------

static bool
is_approved(pid_t pid, const struct exec_call *c, const struct resolved *ends)
{
    unsigned part = c->parts - 1;
    return runs_file(pid, &c->program[part].st) && has_argv(pid, c) &&
           has_content(c, part, ends[part].fd);
}

// The stop that was asked for comes when the call failed; one for the exec comes before it.
static int
run_native(struct exec_order *o, struct exec_call *c, const struct resolved *ends)
{
    pid_t tid = c->call.tid, pid;
    int ret = seize(o, &c->call);
    if (ret < 0)
        return ret == -ESRCH ? 0 : ret;
    ptrace(PTRACE_INTERRUPT, tid, 0, 0);
    notify_continue(o->listener, c->call.id);
    int stop = wait_stop(&pid);
    if (stop < 0)
        return 0;
    if (stop != EXEC_STOP) {
        detach(pid, signal_of(stop));
        return 0;
    }
    if (!is_approved(pid, c, ends)) {
        o->mismatch(o);
        kill(pid, SIGKILL);
        let_go();
        return 0;
    }
    o->started(o, pid);
    detach(pid, 0);
    return 0;
}

// --- the floor forbids it: the call is made again on a descriptor --------------------------------

static int
stop_for_restart(const struct exec_order *o, const struct exec_call *c)
{
    pid_t pid;
    // Asked for before the answer: else the call comes again before it can be changed.
    ptrace(PTRACE_INTERRUPT, c->call.tid, 0, 0);
    if (notify_fail(o->listener, c->call.id, NONO_ERESTARTNOINTR) < 0) {
        let_go();
        return -ESRCH;
    }
    int stop = wait_stop(&pid);
    if (stop < 0)
        return stop;
    if (is_event_stop(stop))
        return 0;
    detach(pid, signal_of(stop));
    return -ESRCH;
}

// Until the program is there or the call failed: 1 or 0, or -ESRCH. The call is let through while
// it is on its way in, and no other one: the next may be about anything.
static int
run_to_end(struct exec_order *o, pid_t tid, pid_t *ret_pid)
{
    bool entered = false;
    int stop;
    long signal = 0;
    *ret_pid = tid;
    for (;;) {
        // One that was killed says so to the wait.
        ptrace(PTRACE_SYSCALL, *ret_pid, 0, signal);
        stop = wait_stop(ret_pid);
        if (stop < 0 || stop == EXEC_STOP)
            break;
        // SIGSTOP cannot be blocked: until the call is received it can have it come once more.
        if (stop == SYSCALL_STOP && entered && !exec_regs_comes_again(*ret_pid))
            break;
        entered ^= stop == SYSCALL_STOP;
        atomic_store(&o->restarted, entered);
        signal = signal_of(stop);
    }
    atomic_store(&o->restarted, false);
    return stop < 0 ? stop : stop == EXEC_STOP;
}

static int
restart(struct exec_order *o, struct exec_call *c, const struct resolved *ends, int fd)
{
    int number = notify_lend_fd(o->listener, c->call.id, fd);
    if (number < 0) {
        ptrace(PTRACE_INTERRUPT, c->call.tid, 0, 0);
        notify_fail(o->listener, c->call.id, number == -EMFILE ? EMFILE : EACCES);
        let_go();
        return 0;
    }
    int ret = stop_for_restart(o, c);
    if (ret < 0)
        return 0;
    // A handler must not see the changed call: signals wait until it is over.
    struct exec_saved saved;
    pid_t tid = c->call.tid, pid;
    if (exec_regs_save(tid, &saved) < 0) {
        kill(tid, SIGKILL);
        let_go();
        return 0;
    }
    ret = exec_regs_rewrite(tid, &saved, c, number);
    ret = ret < 0 ? ret : run_to_end(o, tid, &pid);
    if (ret == -ESRCH)
        return 0;
    if (ret <= 0) {
        exec_regs_failed(tid, &saved, ret);
        detach(tid, 0);
        return 0;
    }
    struct stat st;
    if (fstat(fd, &st) < 0 || !runs_file(pid, &st) || !has_argv(pid, c)) {
        o->mismatch(o);
        kill(pid, SIGKILL);
        let_go();
        return 0;
    }
    if (o->copy)
        copies_add(&st, ends[c->parts - 1].path, c->program[c->parts - 1].sha256);
    o->started(o, pid);
    exec_regs_dress(pid, &saved, c);
    detach(pid, 0);
    return 0;
}

int
exec_run(struct exec_order *o, struct exec_call *c, const struct resolved *ends)
{
    if (o->native)
        return run_native(o, c, ends);
    if (!EXEC_REGS_KNOWN)
        return -EACCES;
    unsigned part = c->parts - 1;
    uint8_t sha256[SHA256_LEN];
    struct stat st;
    int ret = o->copy ? exec_copy(ends[part].fd, sha256)
                      : exec_digest(ends[part].fd, c->writable[part], &st, sha256);
    if (ret < 0)
        return ret;
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", ends[part].fd);
    cleanup_fd int fd = o->copy ? ret : open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    // It is not what was shown any more: the call comes again and is judged anew.
    if (memcmp(sha256, c->program[part].sha256, SHA256_LEN) != 0)
        return -NONO_ECHANGED;
    ret = seize(o, &c->call);
    return ret < 0 ? (ret == -ESRCH ? 0 : ret) : restart(o, c, ends, fd);
}
