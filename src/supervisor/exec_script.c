// SPDX-License-Identifier: Apache-2.0
// A script that was approved is read by its interpreter, under its own name. What that gets is a
// copy of what was approved.
#include <errno.h>
#include <string.h>

#include "exec.h"
#include "files.h"
#include "kernel.h"
#include "notify.h"
#include "tracee.h"
#include "util.h"

void
exec_scripts_done(struct exec_scripts *x)
{
    for (size_t i = 0; i < EXEC_SCRIPTS_MAX; i++)
        if (x->rows[i].pid)
            close_fd(&x->rows[i].copy);
}

static bool
is_alive(const struct exec_script *row)
{
    uint64_t start;
    return row->pid && proc_start_time(row->pid, &start) == 0 && start == row->start_time;
}

void
exec_scripts_add(struct exec_scripts *x, pid_t pid, const struct stat *st, int copy)
{
    struct exec_script *row = &x->rows[x->next];
    uint64_t start;
    int fd = fcntl(copy, F_DUPFD_CLOEXEC, 3);
    if (fd < 0 || proc_start_time(pid, &start) < 0) {
        close_fd(&fd);
        return;
    }
    // The oldest makes room: its interpreter has read it, or asks like everybody else.
    x->next = (x->next + 1) % EXEC_SCRIPTS_MAX;
    for (size_t i = 0; i < EXEC_SCRIPTS_MAX; i++)
        if (x->rows[i].pid && (&x->rows[i] == row || !is_alive(&x->rows[i]))) {
            close_fd(&x->rows[i].copy);
            x->rows[i].pid = 0;
        }
    *row = (struct exec_script){
        .pid = pid, .start_time = start, .dev = st->st_dev, .ino = st->st_ino, .copy = fd};
}

bool
exec_scripts_serve(struct exec_scripts *x, int listener, const struct open_call *c,
                   const struct stat *st)
{
    struct tracee_status status;
    if (c->flags & (O_TRUNC | O_DIRECTORY) || (c->flags & O_ACCMODE) != O_RDONLY ||
        tracee_read_status(c->call.tid, &status) < 0)
        return false;
    for (size_t i = 0; i < EXEC_SCRIPTS_MAX; i++) {
        const struct exec_script *row = &x->rows[i];
        if (row->pid != status.tgid || row->dev != st->st_dev || row->ino != st->st_ino ||
            !is_alive(row))
            continue;
        cleanup_fd int fd = exec_reopen(row->copy, (int)(c->flags & O_NONBLOCK));
        if (fd < 0)
            return false;
        int ret = notify_give_fd(listener, c->call.id, fd, files_cloexec(c));
        if (ret < 0 && ret != -ENOENT)
            notify_fail(listener, c->call.id, -ret);
        return true;
    }
    return false;
}
