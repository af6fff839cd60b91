// SPDX-License-Identifier: Apache-2.0
#include "outlook.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "denial.h"
#include "exec.h"
#include "files.h"
#include "kernel.h"
#include "landlock.h"
#include "launch.h"
#include "util.h"

_Static_assert(OUTLOOK_PARTS == EXEC_PARTS, "as many as the supervisor follows");

void
outlook_done(struct outlook *o)
{
    free(o->path);
    free(o->numbered);
    free(o->interpreter);
    *o = (struct outlook){0};
}

pid_t
outlook_start(void)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        while (getppid() == parent)
            pause();
        _exit(0);
    }
    return pid < 0 ? -errno : pid;
}

void
outlook_stop(pid_t task)
{
    if (task > 0) {
        kill(task, SIGKILL);
        waitpid(task, NULL, 0);
    }
}

static bool
is_refused(int error)
{
    return error == EACCES || error == EPERM;
}

// The kernel asks for ptrace(2)'s rights at the open of some entries, when others are read.
static bool
can_be_read(int fd, bool dir)
{
    char byte;
    if (!dir)
        return read(fd, &byte, 1) >= 0 || !is_refused(errno);
    DIR *d = fdopendir(fd);
    errno = 0;
    while (d && readdir(d))
        ;
    return d && !is_refused(errno);
}

// With the power of a session's command, in a domain of Landlock that restricts nothing else.
static bool
opens_in_a_domain(const char *path, bool write, bool dir)
{
    if (launch_drop_caps() < 0 || landlock_enter_domain() < 0)
        return false;
    int fd = open(path, (write ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return fd >= 0 && (write || can_be_read(fd, dir));
}

static bool
kernel_gives(const char *path, bool write, bool dir)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(!opens_in_a_domain(path, write, dir));
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static bool
mode_forbids(const struct resolved *r, enum op op, const struct stat *st)
{
    struct open_call c = {.flags = op == OP_WRITE ? O_WRONLY | O_CREAT : O_RDONLY};
    if (op == OP_EXEC)
        return r->exists && (!S_ISREG(st->st_mode) ||
                             faccessat(r->fd, "", X_OK, AT_EACCESS | AT_EMPTY_PATH) < 0);
    // "Changed" means what lies below a directory.
    if (op == OP_WRITE && r->exists && S_ISDIR(st->st_mode))
        return faccessat(r->fd, "", W_OK | X_OK, AT_EACCESS | AT_EMPTY_PATH) < 0;
    return (r->exists || op == OP_WRITE) && files_fails_natively(&c, r, st->st_mode);
}

static char *
interpreter_of(const struct resolved *r)
{
    char head[EXEC_HEAD], interpreter[EXEC_HEAD], argument[EXEC_HEAD];
    if (exec_read_head(r->fd, false, head) < 0 || exec_format_of(head) != EXEC_SCRIPT ||
        exec_parse_line(head, interpreter, argument) < 0)
        return NULL;
    return path_absolute(interpreter);
}

static void
look(const struct resolved *r, enum op op, struct outlook *o)
{
    bool opens = op == OP_READ || op == OP_WRITE;
    o->exists = r->exists;
    if (fstat(r->object_fd >= 0 ? r->object_fd : r->fd, &o->st) < 0)
        return;
    o->foreign = r->exists && files_is_foreign_process(r);
    if (opens || op == OP_EXEC)
        o->native = mode_forbids(r, op, &o->st) ? OUTLOOK_MODE : OUTLOOK_POLICY;
    if (o->native == OUTLOOK_POLICY && opens && r->exists && S_ISSOCK(o->st.st_mode))
        o->native = OUTLOOK_SOCKET;
    if (o->native == OUTLOOK_POLICY && o->foreign &&
        !kernel_gives(r->path, op == OP_WRITE, S_ISDIR(o->st.st_mode)))
        o->native = OUTLOOK_FOREIGN;
    if (op == OP_EXEC && o->native == OUTLOOK_POLICY)
        o->interpreter = interpreter_of(r);
}

// What names the task's own entry of /proc names the one that asks.
static char *
path_for_anyone(pid_t task, const char *path)
{
    const char *rest = path_in_process(path, task);
    return rest ? xasprintf("/proc/self%s", rest) : xstrdup(path);
}

void
outlook_at(pid_t task, const char *path, enum op op, struct outlook *ret_o)
{
    struct resolved r;
    *ret_o = (struct outlook){0};
    int ret = resolve_path(task, AT_FDCWD, path,
                           op == OP_BIND ? RESOLVE_PARENT : RESOLVE_WANT_PARENT, &r);
    if (ret == -EACCES) {
        // Who is in no sandbox may follow a link through another process.
        cleanup_free char *real = realpath(path, NULL);
        ret_o->path = xstrdup(path);
        ret_o->native = real ? OUTLOOK_FOREIGN : OUTLOOK_MODE;
    } else if (ret < 0) {
        ret_o->path = path_canonical(path);
    } else {
        look(&r, op, ret_o);
        ret_o->path = path_for_anyone(task, r.path);
        ret_o->numbered = xstrdup(r.path);
        resolved_done(&r);
    }
    if (!ret_o->numbered)
        ret_o->numbered = xstrdup(ret_o->path);
}
