// SPDX-License-Identifier: Apache-2.0
// The mediated system calls: which they are, when the filter notifies them, which family of the
// supervisor takes them. To add one: a row in calls.c and its decoding in its family's file.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum call_family {
    FAMILY_OPEN,    /* files.h: what returns a descriptor of a file */
    FAMILY_PATH,    /* paths.h: what changes names, files and their metadata */
    FAMILY_SOCKET,  /* sockets.h: what reaches or offers an address */
    FAMILY_EXEC,    /* exec.h: what runs another program */
    FAMILY_PROCESS, /* process.c: what sets the limits and the scheduling of a process */
    FAMILY_IPC,     /* ipc.c: System V shared memory, queues and semaphores */
    FAMILY_QUEUE,   /* queues.c: POSIX message queues */
    FAMILY_ABSENT,  /* absent.c: what is not there for the sandbox */
    _FAMILY_MAX,
};

// When the filter notifies a call; otherwise it runs natively.
enum call_when {
    WHEN_ALWAYS,
    WHEN_BITS_CLEAR, /* argument & bits == 0 */
    WHEN_NOT_NULL,   /* the argument, a pointer, is not 0 */
};

struct call_row {
    const char *name;
    int nr;
    enum call_family family;
    enum call_when when;
    unsigned arg; /* that `when` looks at */
    uint32_t bits;
};

// The table and its length.
const struct call_row *call_rows(size_t *ret_n);
// By its number in the ABI of this program. NULL for one that is not mediated.
const struct call_row *call_find(int nr);

// What every family's copy of a call begins with.
struct call {
    const struct call_row *row;
    uint64_t id; /* notification */
    pid_t tid;
};
