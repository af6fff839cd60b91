// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "buf.h"
#include "exec.h"
#include "kernel.h"
#include "tracee.h"
#include "util.h"

void
exec_call_done(struct exec_call *c)
{
    free(c->name);
    free(c->pointers);
    free(c->argv);
    for (unsigned i = 0; i < EXEC_PARTS; i++) {
        free(c->interpreter[i]);
        free(c->argument[i]);
    }
    memset(&c->name, 0, sizeof *c - offsetof(struct exec_call, name));
}

int
exec_decode(const struct call_row *row, const struct seccomp_notif *n, struct exec_call *c)
{
    const __u64 *a = n->data.args;
    memset(c, 0, offsetof(struct exec_call, path));
    memset(&c->name, 0, sizeof *c - offsetof(struct exec_call, name));
    c->call = (struct call){.row = row, .id = n->id, .tid = (pid_t)n->pid};
    bool at = row->nr == SYS_execveat;
    c->dirfd = at ? (int)a[0] : AT_FDCWD;
    c->path_addr = at ? a[1] : a[0];
    c->argv_addr = at ? a[2] : a[1];
    c->flags = at ? (unsigned)a[4] : 0;
    ssize_t len = tracee_read_path(c->call.tid, c->path_addr, c->path);
    if (len < 0)
        return len == -EPERM ? EACCES : (int)-len;
    c->path_len = (size_t)len;
    return len == 0 && !(c->flags & AT_EMPTY_PATH) ? ENOENT : 0;
}

int
exec_resolve(const struct exec_call *c, unsigned flags, struct resolved *r)
{
    if (c->path_len == 0)
        return resolve_task_fd(c->call.tid, c->dirfd, 0, r);
    if (c->flags & AT_SYMLINK_NOFOLLOW)
        flags |= RESOLVE_KEEP_LINK;
    return resolve_path(c->call.tid, c->dirfd, c->path, flags, r);
}

// --- argv --------------------------------------------------------------------------------------

// A NULL argv is an empty one (execve(2), NOTES).
static int
read_pointers(struct exec_call *c)
{
    size_t room = 0;
    uint64_t chunk[64];
    while (c->argv_addr) {
        // By pieces that end with a page: the array may end with the mapping.
        uint64_t at = c->argv_addr + c->argc * sizeof chunk[0];
        size_t n = (4096 - (at & 4095)) / sizeof chunk[0];
        n = n == 0 ? 1 : n > ARRAY_SIZE(chunk) ? ARRAY_SIZE(chunk) : n;
        int ret = tracee_read(c->call.tid, at, chunk, n * sizeof chunk[0]);
        if (ret < 0)
            return ret;
        if (c->argc + n > room) {
            room = (c->argc + n) * 2;
            c->pointers = xrealloc(c->pointers, room * sizeof *c->pointers);
        }
        for (size_t i = 0; i < n; i++) {
            if (!chunk[i])
                return 0;
            c->pointers[c->argc++] = chunk[i];
        }
        if (c->argc > NONO_EXEC_ARGV_MAX / sizeof chunk[0])
            return -E2BIG;
    }
    return 0;
}

// Appends the string at addr with its NUL.
static int
read_string(pid_t tid, uint64_t addr, struct buf *out)
{
    char page[4096];
    for (;;) {
        size_t n = 4096 - (addr & 4095);
        int ret = tracee_read(tid, addr, page, n);
        if (ret < 0)
            return ret;
        const char *end = memchr(page, 0, n);
        if (end)
            n = (size_t)(end - page) + 1;
        if (out->len + n > NONO_EXEC_ARGV_MAX)
            return -E2BIG;
        buf_add(out, page, n);
        if (end)
            return 0;
        addr += n;
    }
}

static int
read_argv(struct exec_call *c)
{
    struct buf strings = {0};
    int ret = read_pointers(c);
    for (size_t i = 0; ret == 0 && i < c->argc; i++)
        ret = read_string(c->call.tid, c->pointers[i], &strings);
    c->argv_len = strings.len;
    c->argv = buf_steal(&strings);
    return ret;
}

size_t
exec_script_texts(const struct exec_call *c, const char *texts[EXEC_TEXTS])
{
    size_t n = 0;
    // Each level puts itself in front of what the one before has made of argv.
    for (unsigned i = c->parts - 1; i-- > 0;) {
        texts[n++] = c->interpreter[i];
        if (c->argument[i])
            texts[n++] = c->argument[i];
    }
    if (n)
        texts[n++] = c->name;
    return n;
}

char *
exec_final_argv(const struct exec_call *c, size_t *ret_len)
{
    struct buf b = {0};
    const char *texts[EXEC_TEXTS];
    size_t n = exec_script_texts(c, texts);
    for (size_t i = 0; i < n; i++)
        buf_add(&b, texts[i], strlen(texts[i]) + 1);
    size_t skip = n && c->argc ? strlen(c->argv) + 1 : 0;
    buf_add(&b, c->argv + skip, c->argv_len - skip);
    // The kernel gives an empty argv one empty string (Linux 5.18).
    if (b.len == 0)
        buf_add(&b, "", 1);
    *ret_len = b.len;
    return buf_steal(&b);
}

// --- what it is --------------------------------------------------------------------------------

static char *
kernel_name(const struct exec_call *c)
{
    if (c->path_len == 0)
        return xasprintf("/dev/fd/%d", c->dirfd);
    if (c->dirfd == AT_FDCWD || c->path[0] == '/')
        return xstrdup(c->path);
    return xasprintf("/dev/fd/%d/%s", c->dirfd, c->path);
}

// As the kernel would refuse it: mode, noexec, open for writing.
static int
check_exec(int fd)
{
    static char name[1], *none[] = {name, NULL};
    struct statvfs fs;
    // A flag that the kernel does not know it refuses before anything else.
    if (syscall(SYS_execveat, fd, "", none, none + 1, AT_EMPTY_PATH | NONO_AT_EXECVE_CHECK) == 0)
        return 0;
    if (errno != EINVAL)
        return -errno;
    if (faccessat(fd, "", X_OK, AT_EACCESS | AT_EMPTY_PATH) < 0)
        return -errno;
    return fstatvfs(fd, &fs) < 0 || fs.f_flag & ST_NOEXEC ? -EACCES : 0;
}

static int
may_run(const struct resolved *r, char head[EXEC_HEAD])
{
    int ret = exec_read_head(r->fd, false, head);
    return ret < 0 ? ret : check_exec(r->fd);
}

static int
look_at(struct exec_program *p, const struct resolved *r, const char head[EXEC_HEAD])
{
    p->format = exec_format_of(head);
    if (p->format == EXEC_OTHER)
        return -ENOEXEC;
    return exec_digest(r->fd, false, &p->st, p->sha256);
}

// The name that the new program goes by: of a bare descriptor that of its file (Linux 6.14).
static void
set_comm(struct exec_call *c, const struct resolved *r)
{
    const char *path = c->path_len ? c->name : r->path;
    const char *slash = strrchr(path, '/');
    path = slash ? slash + 1 : path;
    memcpy(c->comm, path, strnlen(path, sizeof c->comm - 1));
}

// A script is opened again by its interpreter: what it is reached by must still be there then.
static bool
is_out_of_reach(const struct exec_call *c)
{
    char path[64];
    cleanup_free char *text = NULL;
    if (strncmp(c->name, "/dev/fd/", 8) != 0 || c->path[0] == '/')
        return false;
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)c->call.tid, c->dirfd);
    const char *flags =
        read_file_at(AT_FDCWD, path, 65536, &text) > 0 ? strstr(text, "flags:") : NULL;
    return flags && strtoul(flags + 6, NULL, 8) & O_CLOEXEC;
}

// Holds what the #! line of part i names, and reads its head.
static int
follow(struct exec_call *c, unsigned i, char head[EXEC_HEAD], struct resolved *next)
{
    char interpreter[EXEC_HEAD], argument[EXEC_HEAD];
    int ret = exec_parse_line(head, interpreter, argument);
    if (ret == 0)
        ret = resolve_path(c->call.tid, AT_FDCWD, interpreter, 0, next);
    if (ret < 0)
        return ret;
    c->interpreter[i] = xstrdup(interpreter);
    c->argument[i] = argument[0] ? xstrdup(argument) : NULL;
    return may_run(next, head);
}

int
exec_look(struct exec_call *c, struct resolved *ends)
{
    char head[EXEC_HEAD];
    struct stat st;
    if (fstat(ends[EXEC_PROGRAM].fd, &st) == 0 && S_ISLNK(st.st_mode))
        return -ELOOP;
    int ret = may_run(&ends[EXEC_PROGRAM], head);
    if (ret < 0)
        return ret;
    c->name = kernel_name(c);
    set_comm(c, &ends[EXEC_PROGRAM]);
    ret = read_argv(c);
    for (c->parts = 1; ret == 0; c->parts++) {
        unsigned last = c->parts - 1;
        ret = look_at(&c->program[last], &ends[last], head);
        if (ret < 0 || c->program[last].format != EXEC_SCRIPT)
            break;
        if (is_out_of_reach(c))
            return -ENOENT;
        struct resolved beyond = {.fd = -1, .object_fd = -1};
        ret = follow(c, last, head, c->parts < EXEC_PARTS ? &ends[c->parts] : &beyond);
        resolved_done(&beyond);
        if (ret == 0 && c->parts == EXEC_PARTS)
            return -ELOOP;
    }
    return ret;
}

const char *
exec_path(const struct call *c, enum op *ret_op)
{
    *ret_op = OP_EXEC;
    return ((const struct exec_call *)c)->path;
}
