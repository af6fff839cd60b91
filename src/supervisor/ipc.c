// SPDX-License-Identifier: Apache-2.0
// FAMILY_IPC: System V shared memory, queues and semaphores. They belong to a user, not to files,
// and nothing of Landlock holds them: those that were made outside are not the sandbox's to read or
// remove. The supervisor makes them for the sandbox, so it knows which are: every argument is a
// register, so that the kernel goes on with what was looked at (I2). What is refused is recorded.
// Receiver only, without the lock.
#include <errno.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "bounds.h"
#include "judge.h"
#include "kernel.h"
#include "notify.h"
#include "util.h"

enum ipc_type { IPC_SHM, IPC_MSG, IPC_SEM, _IPC_TYPES };

// What the sandbox made, the newest of each kind: the kernel gives a number again only after many
// more than these. One sandbox in a process.
static int made[_IPC_TYPES][NONO_IPC_MAX];
static size_t n_made[_IPC_TYPES]; /* ever */

static bool
is_made(enum ipc_type type, int id)
{
    for (size_t i = 0; i < n_made[type] && i < NONO_IPC_MAX; i++)
        if (made[type][i] == id)
            return true;
    return false;
}

static enum ipc_type
type_of(int nr)
{
    switch (nr) {
    case SYS_shmget:
    case SYS_shmat:
    case SYS_shmctl:
        return IPC_SHM;
    case SYS_msgget:
    case SYS_msgsnd:
    case SYS_msgrcv:
    case SYS_msgctl:
        return IPC_MSG;
    default:
        return IPC_SEM;
    }
}

static int
get(int nr, const __u64 *a, int flags)
{
    int id = nr == SYS_shmget   ? shmget((key_t)a[0], (size_t)a[1], flags)
             : nr == SYS_msgget ? msgget((key_t)a[0], flags)
                                : semget((key_t)a[0], (int)a[1], flags);
    return id < 0 ? -errno : id;
}

// 0 and up: the number; else -errno as native, NOT_OWN for what is there and not the sandbox's.
#define NOT_OWN (-NONO_ECHANGED)
static int
get_for_task(int nr, const __u64 *a)
{
    enum ipc_type type = type_of(nr);
    int flags = (int)(nr == SYS_msgget ? a[1] : a[2]);
    bool private_ = (key_t)a[0] == IPC_PRIVATE;
    int id = private_ || flags & IPC_CREAT ? get(nr, a, flags | IPC_EXCL) : -EEXIST;
    if (id >= 0) {
        made[type][n_made[type]++ % NONO_IPC_MAX] = id;
        return id;
    }
    if (id != -EEXIST || (flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
        return id;
    id = get(nr, a, flags & ~IPC_CREAT);
    return id < 0 || is_made(type, id) ? id : NOT_OWN;
}

// Only tells of an object, as what lists them needs.
static bool
only_tells(int nr, int command)
{
    command &= ~0x0100; // IPC_64
    if (command == IPC_STAT || command == IPC_INFO)
        return true;
    switch (nr) {
    case SYS_shmctl:
        return command == SHM_INFO || command == SHM_STAT || command == SHM_STAT_ANY;
    case SYS_msgctl:
        return command == MSG_INFO || command == MSG_STAT || command == MSG_STAT_ANY;
    case SYS_semctl:
        return command == SEM_INFO || command == SEM_STAT || command == SEM_STAT_ANY;
    default:
        return false;
    }
}

// What the kernel says of an object that is not there; 0 where one is.
static int
missing_error(enum ipc_type type, int id)
{
    struct shmid_ds shm;
    struct msqid_ds msg;
    int ret = type == IPC_SHM   ? shmctl(id, IPC_STAT, &shm)
              : type == IPC_MSG ? msgctl(id, IPC_STAT, &msg)
                                : semctl(id, 0, GETPID);
    return ret < 0 && (errno == EINVAL || errno == EIDRM) ? errno : 0;
}

static void
refuse(struct supervisor *s, const struct call_row *row, const struct seccomp_notif *n)
{
    static const char *const words[][2] = {[IPC_SHM] = {"shm", "shared memory"},
                                           [IPC_MSG] = {"msg", "a message queue"},
                                           [IPC_SEM] = {"sem", "a set of semaphores"}};
    enum ipc_type type = type_of(n->data.nr);
    struct call c = {.row = row, .id = n->id, .tid = (pid_t)n->pid};
    bool get = n->data.nr == SYS_shmget || n->data.nr == SYS_msgget || n->data.nr == SYS_semget;
    cleanup_free char *target =
        xasprintf("sysv:%s:%s%#x", words[type][0], get ? "key " : "", (unsigned)n->data.args[0]);
    judge_refuse_outside(s, &c, OP_READWRITE, ACCESS_READ | ACCESS_WRITE, target, words[type][1]);
}

static void
ipc_notified(struct supervisor *s, const struct call_row *row, const struct seccomp_notif *n)
{
    const __u64 *a = n->data.args;
    int nr = n->data.nr;
    enum ipc_type type = type_of(nr);
    if (nr == SYS_shmget || nr == SYS_msgget || nr == SYS_semget) {
        int id = get_for_task(nr, a);
        if (id == NOT_OWN)
            refuse(s, row, n);
        else if (id < 0)
            notify_fail(s->o.listener, n->id, -id);
        else
            notify_return(s->o.listener, n->id, id);
        return;
    }
    int command = nr == SYS_semctl ? (int)a[2] : (int)a[1];
    bool control = nr == SYS_shmctl || nr == SYS_msgctl || nr == SYS_semctl;
    int error;
    if (is_made(type, (int)a[0]) || (control && only_tells(nr, command)))
        notify_continue(s->o.listener, n->id);
    else if ((error = missing_error(type, (int)a[0])))
        notify_fail(s->o.listener, n->id, error);
    else
        refuse(s, row, n);
}

// Nothing of this family is parked.
const struct family family_ipc = {.notified = ipc_notified};
