// SPDX-License-Identifier: Apache-2.0
// Starts the command in the sandbox. Three processes: the supervisor (nono), a monitor (session
// leader of the command's terminal, unconfined, so that the command can be stopped and continued
// like a job of a shell), the command. Main thread, before any other thread exists.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "landlock.h"

struct launch {
    char **argv;
    int stdio[3]; /* descriptors for 0, 1, 2; -1: this process's own */
    int pty;      /* terminal side of the pty, becomes the controlling terminal; -1 for none */
    const char *const *unset; /* variables that the command does not get, up to NULL; or NULL */
    const struct floor *floor;
};

struct launched {
    pid_t monitor;
    pid_t child;   /* from launch_finish() on, like the listener */
    int listener;  /* owned */
    int channel;   /* to the monitor, SOCK_SEQPACKET; closing it ends the monitor. Owned */
    uint64_t caps; /* effective capabilities that the sandbox starts with */
    bool killable; /* WAIT_KILLABLE_RECV is on */
};

// What the monitor says.
enum launch_event { LAUNCH_EXECED, LAUNCH_EXEC_FAILED, LAUNCH_STATUS };
struct launch_msg {
    int what;  /* enum launch_event */
    int value; /* errno, or a wait status (stopped and continued too) */
};

// Forks the processes that set the sandbox up. Before any other thread exists. 0, or -errno with
// *err set: nothing runs then.
int launch_start(const struct launch *l, struct launched *ret, struct err *err);
// Waits until the sandbox stands; the command itself waits for launch_go(). Other work fits between
// the two. 0, or -errno with *err set: nothing runs then.
int launch_finish(struct launched *l, struct err *err);
// Lets the command run. 0 or -EPIPE.
int launch_go(int channel);
// Reads one message: 1 and *ret_m, 0 when there is none, -EPIPE when the monitor is gone.
int launch_read(int channel, struct launch_msg *ret_m);
// Makes the command's process group the foreground one again and continues it.
int launch_continue(int channel);
// Drops, for good, the capabilities that the command of a session does not get. 0 or -errno.
int launch_drop_caps(void);
// Drops, in the calling thread, every capability that the sandbox does not have, but for reading
// tasks (CAP_SYS_PTRACE): on-behalf operations have no more power than the asker (I8).
void launch_limit_thread(uint64_t caps);
// The same for one operation, and back: sets the effective capabilities of the calling thread to
// caps among those that it may have, CAP_SYS_PTRACE besides. No call when they are that already. 0
// or -errno.
int launch_lower_thread(uint64_t caps);
