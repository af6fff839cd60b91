// SPDX-License-Identifier: Apache-2.0
// The process that the shell waits for, in front of the one that supervises: the session can part
// from it (detach) and live on. Main thread, before any other thread exists.
#pragma once
#include "err.h"

// Forks. The child is the session: 0, with *ret_fd to be owned by it, or -errno in the only
// process. The parent does not return: it passes signals on that were sent to it alone, stops with
// its process group, and exits as the child does, or with 0 once the child has parted. Where either
// is killed the other puts the terminal back.
int front_start(int *ret_fd, struct err *err);
// The session parts from its front, its terminal and its shell; standard streams are /dev/null from
// now on. Closes *fd.
void front_part(int *fd);
