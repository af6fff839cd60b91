// SPDX-License-Identifier: Apache-2.0
// What was refused last, as a text for the sandbox itself. A task reads it by opening
// NONO_LAST_PATH, where no file can ever be: the supervisor hands it a copy of its own. So there is
// no file to tamper with and no channel to abuse, and it says nothing but what the sandbox was
// told anyway, with the reason.
#pragma once
#include "request.h"

// procfs lets nobody make names.
#define NONO_LAST_PATH "/proc/nono/last"

// The text for a refusal: escaped, a line for each fact. The caller frees it.
char *last_text(const struct request *q, enum decider by, enum reason reason);
// A read-only descriptor of a sealed copy of text ("nothing was refused yet" for NULL), or -errno.
int last_open(const char *text);
