// SPDX-License-Identifier: Apache-2.0
// FAMILY_QUEUE: POSIX message queues. They belong to a user and are named beside all files:
// Landlock refuses to open one, but neither to make nor to remove it. Made, opened and removed on
// behalf, by the name that was copied (I2), those that the sandbox made are its own; one that was
// made outside is refused, and that is recorded. Receiver only, without the lock.
#include <errno.h>
#include <mqueue.h>
#include <sys/stat.h>

#include "bounds.h"
#include "judge.h"
#include "kernel.h"
#include "notify.h"
#include "tracee.h"
#include "util.h"

struct queue_call {
    struct call call;
    char name[NONO_PATH_MAX]; /* without the slash of mq_open(3) */
    int flags;
    unsigned mode;
    bool has_attr;
    struct mq_attr attr;
};

// The inodes of what the sandbox made and did not remove, the newest; 0: none. One sandbox in a
// process, one IPC namespace.
static ino_t made[NONO_IPC_MAX];
static size_t n_made; /* ever */

static ino_t *
find_made(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return NULL;
    for (size_t i = 0; i < NONO_IPC_MAX; i++)
        if (made[i] && made[i] == st.st_ino)
            return &made[i];
    return NULL;
}

// Close-on-exec always (ipc/mqueue.c).
static int
open_queue(const struct queue_call *c, int flags)
{
    int fd = (int)syscall(SYS_mq_open, c->name, flags, c->mode, c->has_attr ? &c->attr : NULL);
    return fd < 0 ? -errno : fd;
}

// 0 or an errno (positive).
static int
decode(const struct call_row *row, const struct seccomp_notif *n, struct queue_call *c)
{
    const __u64 *a = n->data.args;
    c->call = (struct call){.row = row, .id = n->id, .tid = (pid_t)n->pid};
    c->flags = c->has_attr = 0;
    c->mode = 0;
    if (row->nr == SYS_mq_open) {
        c->flags = (int)a[1];
        c->mode = (unsigned)a[2];
        c->has_attr = a[3];
        int ret = c->has_attr ? tracee_read(c->call.tid, a[3], &c->attr, sizeof c->attr) : 0;
        if (ret < 0)
            return ret == -EPERM ? EACCES : -ret;
    }
    ssize_t len = tracee_read_path(c->call.tid, a[0], c->name);
    // I1: a name that cannot be read is a refusal.
    return len < 0 ? (len == -EPERM ? EACCES : (int)-len) : len == 0 ? ENOENT : 0;
}

static void
refuse(struct supervisor *s, const struct queue_call *c, enum op op, unsigned access)
{
    cleanup_free char *target = xasprintf("/dev/mqueue/%s", c->name);
    judge_refuse_outside(s, &c->call, op, access, target, "a message queue");
}

static int
create(const struct queue_call *c)
{
    struct tracee_status st;
    int ret = tracee_read_status(c->call.tid, &st);
    if (ret < 0)
        return ret;
    umask(st.umask);
    int fd = open_queue(c, c->flags | O_EXCL);
    struct stat queue;
    if (fd >= 0 && fstat(fd, &queue) == 0)
        made[n_made++ % NONO_IPC_MAX] = queue.st_ino;
    return fd;
}

static void
open_on_behalf(struct supervisor *s, const struct queue_call *c)
{
    // What is made belongs to somebody who waits for it.
    if (!notify_valid(s->o.listener, c->call.id))
        return;
    if (!tracee_has_free_fd(c->call.tid)) {
        notify_fail(s->o.listener, c->call.id, EMFILE);
        return;
    }
    cleanup_fd int fd = c->flags & O_CREAT ? create(c) : -EEXIST;
    if (fd == -EEXIST && (c->flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL)) {
        fd = open_queue(c, c->flags & ~O_CREAT);
        if (fd >= 0 && !find_made(fd)) {
            static const enum op ops[] = {OP_READ, OP_WRITE, OP_READWRITE, OP_READWRITE};
            static const unsigned access[] = {ACCESS_READ, ACCESS_WRITE, ACCESS_READ | ACCESS_WRITE,
                                              ACCESS_READ | ACCESS_WRITE};
            refuse(s, c, ops[c->flags & O_ACCMODE], access[c->flags & O_ACCMODE]);
            return;
        }
    }
    // Of the task that -ENOENT speaks of nothing is left to be answered.
    int ret = fd < 0 ? 0 : notify_give_fd(s->o.listener, c->call.id, fd, true);
    if (fd < 0 || (ret < 0 && ret != -ENOENT))
        notify_fail(s->o.listener, c->call.id, fd < 0 ? -fd : -ret);
}

static void
unlink_on_behalf(struct supervisor *s, const struct queue_call *c)
{
    if (!notify_valid(s->o.listener, c->call.id))
        return;
    cleanup_fd int fd = open_queue(c, O_RDONLY);
    if (fd == -EACCES)
        fd = open_queue(c, O_WRONLY);
    ino_t *own = fd >= 0 ? find_made(fd) : NULL;
    if (own && syscall(SYS_mq_unlink, c->name) == 0) {
        *own = 0;
        notify_return(s->o.listener, c->call.id, 0);
    } else if (own) {
        notify_fail(s->o.listener, c->call.id, errno);
    } else if (fd >= 0 || fd == -EACCES) {
        refuse(s, c, OP_DELETE, ACCESS_WRITE);
    } else {
        notify_fail(s->o.listener, c->call.id, -fd);
    }
}

static void
queue_notified(struct supervisor *s, const struct call_row *row, const struct seccomp_notif *n)
{
    struct queue_call c;
    int error = decode(row, n, &c);
    if (error)
        notify_fail(s->o.listener, n->id, error);
    else if (row->nr == SYS_mq_open)
        open_on_behalf(s, &c);
    else
        unlink_on_behalf(s, &c);
}

// Nothing of this family is parked.
const struct family family_queue = {.notified = queue_notified};
