// SPDX-License-Identifier: Apache-2.0
#include "calls.h"

#include "kernel.h"
#include "util.h"

#define OPEN(name, ...)                                                                            \
    {                                                                                              \
#name, SYS_##name, FAMILY_OPEN, __VA_ARGS__                                                \
    }
#define PATH(name)                                                                                 \
    {                                                                                              \
#name, SYS_##name, FAMILY_PATH, WHEN_ALWAYS, 0, 0                                          \
    }
#define SOCKET(name, ...)                                                                          \
    {                                                                                              \
#name, SYS_##name, FAMILY_SOCKET, __VA_ARGS__                                              \
    }

#define EXEC(name)                                                                                 \
    {                                                                                              \
#name, SYS_##name, FAMILY_EXEC, WHEN_ALWAYS, 0, 0                                          \
    }

#define PROCESS(name, ...)                                                                         \
    {                                                                                              \
#name, SYS_##name, FAMILY_PROCESS, __VA_ARGS__                                             \
    }

#define IPC(name)                                                                                  \
    {                                                                                              \
#name, SYS_##name, FAMILY_IPC, WHEN_ALWAYS, 0, 0                                           \
    }

#define QUEUE(name)                                                                                \
    {                                                                                              \
#name, SYS_##name, FAMILY_QUEUE, WHEN_ALWAYS, 0, 0                                         \
    }

// The opens come first: call_find() looks from the top, and nothing is called as often.
static const struct call_row rows[] = {
    // An O_PATH descriptor gives no access and Landlock does not govern it: native.
    OPEN(openat, WHEN_BITS_CLEAR, 2, O_PATH),
    OPEN(openat2, WHEN_ALWAYS, 0, 0),
    EXEC(execve),
    EXEC(execveat),
#ifdef SYS_open
    OPEN(open, WHEN_BITS_CLEAR, 1, O_PATH),
    OPEN(creat, WHEN_ALWAYS, 0, 0),
    PATH(mkdir),
    PATH(mknod),
    PATH(unlink),
    PATH(rmdir),
    PATH(rename),
    PATH(link),
    PATH(symlink),
    PATH(chmod),
    PATH(chown),
    PATH(lchown),
    PATH(utime),
    PATH(utimes),
    PATH(futimesat),
#endif
#ifdef SYS_renameat
    PATH(renameat),
#endif
    PATH(mkdirat),
    PATH(mknodat),
    PATH(unlinkat),
    PATH(renameat2),
    PATH(linkat),
    PATH(symlinkat),
    PATH(truncate),
    PATH(fchmod),
    PATH(fchmodat),
    PATH(fchmodat2),
    PATH(fchown),
    PATH(fchownat),
    PATH(utimensat),
    PATH(setxattr),
    PATH(lsetxattr),
    PATH(fsetxattr),
    PATH(setxattrat),
    PATH(removexattr),
    PATH(lremovexattr),
    PATH(fremovexattr),
    PATH(removexattrat),
    PATH(file_setattr),
    // 0 is the caller.
    PROCESS(prlimit64, WHEN_NOT_NULL, 0, 0),
    PROCESS(sched_setaffinity, WHEN_NOT_NULL, 0, 0),
    PROCESS(sched_setscheduler, WHEN_NOT_NULL, 0, 0),
    PROCESS(sched_setparam, WHEN_NOT_NULL, 0, 0),
    PROCESS(sched_setattr, WHEN_NOT_NULL, 0, 0),
    PROCESS(setpriority, WHEN_ALWAYS, 0, 0),
    PROCESS(ioprio_set, WHEN_ALWAYS, 0, 0),
    PROCESS(capset, WHEN_ALWAYS, 0, 0),
    IPC(shmget),
    IPC(shmat),
    IPC(shmctl),
    IPC(msgget),
    IPC(msgsnd),
    IPC(msgrcv),
    IPC(msgctl),
    IPC(semget),
    IPC(semop),
    IPC(semtimedop),
    IPC(semctl),
    QUEUE(mq_open),
    QUEUE(mq_unlink),
    {"io_uring_setup", SYS_io_uring_setup, FAMILY_ABSENT, WHEN_ALWAYS, 0, 0},
    SOCKET(connect, WHEN_ALWAYS, 0, 0),
    SOCKET(bind, WHEN_ALWAYS, 0, 0),
    SOCKET(listen, WHEN_ALWAYS, 0, 0),
    // Without an address the socket is connected, and that was judged.
    SOCKET(sendto, WHEN_NOT_NULL, 4, 0),
    // The address lies in memory: it may be there by the time that the kernel looks.
    SOCKET(sendmsg, WHEN_ALWAYS, 0, 0),
    SOCKET(sendmmsg, WHEN_ALWAYS, 0, 0),
};

const struct call_row *
call_rows(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(rows);
    return rows;
}

const struct call_row *
call_find(int nr)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].nr == nr)
            return &rows[i];
    return NULL;
}
