// SPDX-License-Identifier: Apache-2.0
// Sessions from one record into another, with their hashes and the signature of their head: the
// journal of where they come to says so. Any one thread.
#pragma once
#include "err.h"

// A new file that holds one session: a record like any other, that can be read anywhere. It is the
// session as of now when it still runs. -EEXIST when there is such a file already.
int transfer_export(const char *path, const char *id, const char *into, const char *key,
                    struct err *err);
// All sessions of another file that this one does not know. The file is verified first: -EBADMSG,
// said in *err, and nothing is taken over, when it is not what was recorded. *ret_added,
// *ret_known: how many were added, how many were there already.
int transfer_import(const char *from, const char *path, const char *key, unsigned *ret_added,
                    unsigned *ret_known, struct err *err);
