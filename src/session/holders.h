// SPDX-License-Identifier: Apache-2.0
// Who has open what a grant gave. Any thread; reads /proc, for a moment at most.
#pragma once
#include <sys/types.h>

#include "buf.h"
#include "decision.h"

// "still open in bash/4711, node/4720": tasks of the sandbox of the session whose process root
// is that hold a descriptor of it now, in one display-safe line. "no task has it open" when there
// is none. NULL for what leaves no descriptor of a file. The caller frees it.
char *holders_text(const struct grant *g, pid_t root);
// Appends "bash/4711", display-safe; who it is is looked up now.
void holders_add_task(struct buf *b, pid_t pid);
