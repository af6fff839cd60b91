// SPDX-License-Identifier: Apache-2.0
// Closes what was duplicated from a task. The last close of a file may block for as long as the
// sandbox likes (SO_LINGER, or a connection that lies in the queue of a UNIX socket): that is for a
// thread of its own, never for one that serves others. Any thread.
#pragma once
#include <stdint.h>

#include "sockets.h"

// Takes the call's descriptors and messages over.
void closer_close(struct socket_call *c);
// The same of one descriptor.
void closer_close_fd(int fd);
// The same, and answers behind it: what the task closes next must be closed then, and natively its
// own call would return no sooner. result: a value, or -errno.
void closer_answer(struct socket_call *c, int listener, int result);
// Returns when everything is closed and answered, but not for a file system that blocks for ever.
void closer_flush(void);
