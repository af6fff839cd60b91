// SPDX-License-Identifier: Apache-2.0
// Is the record what was written? Every chain is computed again, compared with the hashes that are
// stored, with its signed head and with the journal. Reads only; a live record is seen as of one
// moment. Any one thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "key.h"

struct verify_row {
    const char *id;      /* of the session; "" for the journal of the record */
    uint64_t events;     /* how many were found in order */
    const uint8_t *hash; /* of the last of them, 32 bytes; NULL without one */
    uint64_t signed_to;  /* up to which event the head is signed, 0: it is not */
    uint64_t signed_ns;
    const uint8_t *key;  /* that signed it, KEY_PUBLIC_LEN bytes; NULL when it is not signed */
    bool foreign_key;    /* not the one that was asked for */
    bool imported;       /* the journal says that it was recorded elsewhere */
    bool ended;          /* session: its last event is there */
    const char *problem; /* what is wrong; NULL when nothing is */
    uint64_t at;         /* with which event; 0: with the whole */
};

// A head that was written down elsewhere.
struct verify_anchor {
    char id[16]; /* as in struct verify_row */
    uint64_t seq;
    uint8_t hash[32];
};

struct verify_options {
    const char *const *sessions; /* exact ids, NULL behind the last; NULL: all, and the journal */
    const uint8_t *key;          /* KEY_PUBLIC_LEN bytes; NULL: any */
    bool key_only; /* a signature of another key is a problem, but for imported sessions */
    const struct verify_anchor *anchors;
    size_t anchors_n;
    // Every entry of the indices too, not only how many there are; takes two thirds more time.
    bool thorough;
};

typedef void (*verify_fn)(void *ctx, const struct verify_row *row);

// Calls fn for each chain. 0 when nothing is wrong, -EBADMSG when something is, else -errno with
// what is the matter with the file in *err (-ENODATA: it is of a schema that has no chain).
int verify_record(const char *path, const struct verify_options *o, verify_fn fn, void *ctx,
                  struct err *err);
