// SPDX-License-Identifier: Apache-2.0
// The sealed copies that run in the place of programs outside the floor (exec_trace.c). /proc knows
// them as a memfd alone: here is which program each is a copy of. Any thread.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "request.h"

// What the name of every copy in /proc begins with, that of a memfd of the sandbox's own as well.
#define NONO_COPY_NAME "nono-program"
#define NONO_COPY_LINK "/memfd:" NONO_COPY_NAME

// st: of the copy, which is about to run as the program at path.
void copies_add(const struct stat *st, const char *path, const uint8_t sha256[SHA256_LEN]);
// The path of what the copy with st is one of, the caller's to free; or NULL. ret_sha256 may be
// NULL.
char *copies_find(const struct stat *st, uint8_t ret_sha256[SHA256_LEN]);
