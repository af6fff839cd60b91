// SPDX-License-Identifier: Apache-2.0
// Grants of scope always: they outlive their session, for the same user and profile, until they are
// revoked. They are rows like other grants (docs/schema.md); what was imported grants nothing here.
// Any one thread.
#pragma once
#include <stdint.h>

#include "decision.h"
#include "err.h"

struct remembered {
    const char *session; /* id of the session that it comes from; with grant->id its name */
    const char *profile;
    uint32_t uid;
    const char *note;          /* what was written to the decision; NULL for none */
    const struct grant *grant; /* request is of that session; uses are not counted */
};
// Returns 0 to go on, anything else to stop; that value is then returned.
typedef int (*remembered_fn)(void *ctx, const struct remembered *r);

// Those in force, oldest first. profile: NULL for all, "" for none. A record that is not there yet
// holds none: 0.
int remembered_list(const char *path, uint32_t uid, const char *profile, remembered_fn fn,
                    void *ctx, struct err *err);
// Ends one, durably, in the journal. -ENOENT when there is none in force by that name.
int remembered_revoke(const char *path, const char *key, const char *session, uint64_t id,
                      const char *source, const char *note, struct err *err);
