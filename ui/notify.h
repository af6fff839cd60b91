// SPDX-License-Identifier: Apache-2.0
// Tells the person that something waits: a command of their own. Nothing of the request goes to it.
#pragma once
#include <sys/types.h>

// Starts command with the shell, apart from the terminal and without waiting for it. Returns its
// pid, or -errno.
pid_t notify_run(const char *command);
// Buries it once it has ended: *pid becomes 0.
void notify_reap(pid_t *pid);
