// SPDX-License-Identifier: Apache-2.0
// Sessions of a record by what people call them. Any one thread.
#pragma once
#include <stdbool.h>

#include "err.h"

// spec: an id, a unique start of one (two characters or more), a name (of several the newest), "@"
// (the newest) or "@{N}" (the Nth before it). *ret_id is the caller's to free. -ESRCH, -ENOTUNIQ
// (the start of several ids), both said in *err; or what is the matter with the file.
int find_session(const char *path, const char *spec, char **ret_id, struct err *err);

// Twelve lower-case hexadecimal digits: what a file of somebody else calls an id may be anything.
bool find_is_id(const char *id);
