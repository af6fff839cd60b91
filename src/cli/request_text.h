// SPDX-License-Identifier: Apache-2.0
// What a request is about, in one display-safe line: both ends, what else the call would do, the
// risk. For the commands by which people decide without a screen.
#pragma once
#include "buf.h"
#include "request.h"

// "/home/u/notes -> /home/u/.ssh/authorized_keys [replaces nothing] !! high: ssh-key"
void request_put_text(struct buf *out, const struct request *r);
