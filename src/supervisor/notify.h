// SPDX-License-Identifier: Apache-2.0
// The listener: seccomp_unotify(2). Any thread of the supervisor.
// "The task is gone" is normal everywhere: -ENOENT, nothing to do.
#pragma once
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

// Asks for synchronous wake-ups (Linux 6.6). 0 or -errno; works without.
int notify_set_sync(int listener);
// Receives one notification into *ret_n. 0; -ENOENT, -EINTR: nothing was there after all.
int notify_recv(int listener, struct seccomp_notif *ret_n);
// Does the asker still wait? Says nothing about whether it may have what it asks for.
bool notify_valid(int listener, uint64_t id);
// Lets the call run under the floor (I2: only where the kernel's own rules are at least as strict).
int notify_continue(int listener, uint64_t id);
// Fails the call with error (a positive errno or one of the restart codes).
int notify_fail(int listener, uint64_t id, int error);
// Lets the call return value.
int notify_return(int listener, uint64_t id, int64_t value);
// Installs a duplicate of fd as the task's lowest free descriptor and returns its number from the
// call. -EMFILE and the like: the asker still waits for an answer.
int notify_give_fd(int listener, uint64_t id, int fd, bool cloexec);
// Installs it close-on-exec and returns its number; the asker waits on. Or -errno.
int notify_lend_fd(int listener, uint64_t id, int fd);
