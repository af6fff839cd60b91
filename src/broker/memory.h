// SPDX-License-Identifier: Apache-2.0
// Rule memory: what the decisions of this session left behind. Supervisor thread only.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "decision.h"
#include "request.h"

struct memory {
    struct grant **grants; /* all live ones */
    size_t n, room;
    size_t *buckets; /* by hash of the path: index + 1 into grants, 0 for none */
    size_t *chain;   /* next index + 1, parallel to grants */
    size_t n_wide;   /* grants that reach beyond one object */
    uint64_t next_id;
};

void memory_init(struct memory *m);
void memory_done(struct memory *m);

// Makes the grant that decision d about r leaves behind, with a fresh id; not yet live. NULL for a
// decision that counts once. The caller owns it.
struct grant *memory_grant_for(struct memory *m, const struct request *r, const struct decision *d);
// Makes it live; takes g over. -ENOSPC when there are too many: g is still the caller's.
int memory_add(struct memory *m, struct grant *g);

// The grant that answers for this target: a denial before an allow. path is resolved; dev and ino
// are the object's, 0 when it does not exist yet. NULL when nothing is remembered. Valid until
// memory_add().
struct grant *memory_lookup(struct memory *m, const char *path, uint64_t dev, uint64_t ino,
                            unsigned access);
