// SPDX-License-Identifier: Apache-2.0
// I4: the user's other terminals are files of the user like any, so /dev/pts is in no floor: each
// open there is looked at. Supervisor thread.
#pragma once
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#define TERMINAL_DIR "/dev/pts"

// Is this object below TERMINAL_DIR one that the task may open? The directory for reading, the
// maker of new terminals, the session's own terminal, those that the task has on 0 to 2, and those
// that it or a process above it in the sandbox made.
bool terminal_is_inside(pid_t tid, pid_t monitor, const char *path, const struct stat *st);
