// SPDX-License-Identifier: Apache-2.0
// The hash chain: what of a row is covered, in which bytes. Pure. Private to db/.
//
// A chain starts with a hash of its name ("session 0123456789ab", "journal"). Each event's hash is
// BLAKE2b-256 over its predecessor's hash and its canonical bytes: the values of the columns of its
// own row and of the row of its facts, each with type and length, in the order of facts.h. What is
// not covered: session.nr and the columns named session (an exported session keeps its hashes).
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define CHAIN_HASH_LEN 32

struct chain_tip {
    uint64_t seq; /* of the last event, 0 for none */
    uint8_t hash[CHAIN_HASH_LEN];
};

// Appends one value. The type is SQLite's: INTEGER, BLOB, TEXT, NULL.
void canon_int(struct buf *b, int64_t v);
void canon_blob(struct buf *b, const void *data, size_t n);
void canon_text(struct buf *b, const void *data, size_t n);
void canon_null(struct buf *b);

// BLAKE2b-256 of a and b, one behind the other.
void chain_hash(uint8_t ret_hash[CHAIN_HASH_LEN], const void *a, size_t a_len, const void *b,
                size_t b_len);

// The tip of a chain without events.
void chain_start(struct chain_tip *tip, const char *name, const char *id);
// Moves the tip to the next event. bytes: what its canonical values are.
void chain_add(struct chain_tip *tip, const struct buf *bytes);
