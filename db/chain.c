// SPDX-License-Identifier: Apache-2.0
#include "chain.h"

#include <sodium.h>
#include <string.h>

// Seven bits to a byte, the lowest first: most numbers are small, and so is what is hashed.
static size_t
put_varint(uint8_t *p, uint64_t v)
{
    size_t n = 0;
    for (; v > 0x7f; v >>= 7)
        p[n++] = (uint8_t)(v | 0x80);
    p[n++] = (uint8_t)v;
    return n;
}

static void
add_tagged(struct buf *b, char tag, const void *data, size_t n)
{
    uint8_t head[11] = {(uint8_t)tag};
    buf_add(b, head, 1 + put_varint(head + 1, n));
    buf_add(b, data, n);
}

void
canon_int(struct buf *b, int64_t v)
{
    // Negative ones are made odd.
    uint64_t folded = (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
    uint8_t value[11] = {'i'};
    buf_add(b, value, 1 + put_varint(value + 1, folded));
}

void
canon_blob(struct buf *b, const void *data, size_t n)
{
    add_tagged(b, 'b', data, n);
}

void
canon_text(struct buf *b, const void *data, size_t n)
{
    add_tagged(b, 't', data, n);
}

void
canon_null(struct buf *b)
{
    buf_putc(b, 'n');
}

void
chain_hash(uint8_t ret_hash[CHAIN_HASH_LEN], const void *a, size_t a_len, const void *b,
           size_t b_len)
{
    crypto_generichash_state h;
    crypto_generichash_init(&h, NULL, 0, CHAIN_HASH_LEN);
    crypto_generichash_update(&h, a, a_len);
    crypto_generichash_update(&h, b, b_len);
    crypto_generichash_final(&h, ret_hash, CHAIN_HASH_LEN);
}

void
chain_start(struct chain_tip *tip, const char *name, const char *id)
{
    cleanup_buf struct buf b = {0};
    canon_text(&b, name, strlen(name));
    canon_text(&b, id, strlen(id));
    *tip = (struct chain_tip){0};
    chain_hash(tip->hash, "nono chain 1", 13, b.data, b.len);
}

void
chain_add(struct chain_tip *tip, const struct buf *bytes)
{
    chain_hash(tip->hash, tip->hash, CHAIN_HASH_LEN, bytes->data, bytes->len);
    tip->seq++;
}
