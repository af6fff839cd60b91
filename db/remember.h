// SPDX-License-Identifier: Apache-2.0
// Grants of scope always: they outlive their session, for the same user and profile, until they are
// revoked. They are rows like other grants (docs/schema.md); what was imported grants nothing here.
// Any one thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
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
// The text of a session's first event: where the grants that it read are from, in the order of the
// numbers that they have in it, from 1. "remembered: SESSION:GRANT SESSION:GRANT".
void remembered_put_name(struct buf *text, const char *session, uint64_t id);
enum { REMEMBERED_SESSION_MAX = 13 }; /* bytes of an id, with its end */
// The grant of that number. False: the text does not say.
bool remembered_find_name(const char *text, uint64_t number,
                          char ret_session[static REMEMBERED_SESSION_MAX], uint64_t *ret_id);
// Ends one, durably, in the journal. -ENOENT when there is none in force by that name.
int remembered_revoke(const char *path, const char *key, const char *session, uint64_t id,
                      const char *source, const char *note, struct err *err);
