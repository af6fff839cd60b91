// SPDX-License-Identifier: Apache-2.0
// What the supervisor reads of a task. Everything here is the task's own word: it may change or
// vanish at any moment, so a caller checks the notification id afterwards and decides on the copy
// alone. Any thread of the supervisor.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "request.h"

// Copies a NUL-terminated path of at most NONO_PATH_MAX bytes, NUL included. Returns its length,
// -EFAULT as the kernel would, -ENAMETOOLONG, -EPERM or -ESRCH.
ssize_t tracee_read_path(pid_t tid, uint64_t addr, char *buf);
// Copies exactly n bytes; 0, -EFAULT, -EPERM, -ESRCH.
int tracee_read(pid_t tid, uint64_t addr, void *buf, size_t n);

struct tracee_status {
    pid_t tgid, ppid;
    pid_t tracer; /* 0: none */
    uint32_t fsuid, umask;
    bool ended;          /* only its exit status is left */
    bool signal_waiting; /* one that the call would have to return for is pending */
};
int tracee_read_status(pid_t tid, struct tracee_status *ret_s);
// Its process; tid itself when that can't be read.
pid_t tracee_process(pid_t tid);

// The path of the program that the task runs, the caller's to free; "" when it can't be read. Of a
// sealed copy that is the path of what it is a copy of, and *ret_is_copy is true with its digest;
// both may be NULL.
char *tracee_program(pid_t tid, bool *ret_is_copy, uint8_t ret_sha256[SHA256_LEN]);
// Fills who asks into r: pid, start time, uid, exe, argv, cwd, ancestry (up to but without
// stop_pid). What can't be read stays
// "". 0, or -ESRCH when the task is gone.
int tracee_describe(pid_t tid, pid_t stop_pid, struct request *r);

// Is one of the task's descriptor numbers free? An open that has effects beyond its descriptor
// fails before them natively. True when that can't be
// read, or not be known by a few looks.
bool tracee_has_free_fd(pid_t tid);
// Was the task's descriptor opened with O_PATH, so that fchmod(2) and its kin fail? False when that
// can't be read.
bool tracee_fd_is_path(pid_t tid, int fd);

// Whose the process directory at or above path is: "/proc/PID/fd" -> PID; 0 for any other path.
pid_t tracee_of_path(const char *path);
// Which process beside this one is not of the sandbox. Once, before any other thread exists.
void tracee_set_monitor(pid_t monitor);
// Does pid belong to the sandbox: is it below the monitor, or an orphan that came to this process?
// False when that can't be read.
bool tracee_is_inside(pid_t pid);

// Effective capabilities as a mask, or -errno.
int tracee_capabilities(pid_t tid, uint64_t *ret_mask);

// I8: does the task live in the supervisor's own root and mount namespace? False when that can't be
// read.
bool tracee_shares_root(pid_t tid);
