// SPDX-License-Identifier: Apache-2.0
#include "chain.h"

#include <endian.h>
#include <sodium.h>
#include <string.h>

static void
add_tagged(struct buf *b, char tag, const void *data, size_t n)
{
    // Longer than any value that SQLite is allowed here (db.c): the length always fits.
    uint32_t len = htole32((uint32_t)n);
    char head[1 + sizeof len];
    head[0] = tag;
    memcpy(head + 1, &len, sizeof len);
    buf_add(b, head, sizeof head);
    buf_add(b, data, n);
}

void
canon_int(struct buf *b, int64_t v)
{
    uint64_t le = htole64((uint64_t)v);
    char value[1 + sizeof le];
    value[0] = 'i';
    memcpy(value + 1, &le, sizeof le);
    buf_add(b, value, sizeof value);
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
chain_start(struct chain_tip *tip, const char *name, const char *id)
{
    crypto_generichash_state h;
    *tip = (struct chain_tip){0};
    crypto_generichash_init(&h, NULL, 0, CHAIN_HASH_LEN);
    crypto_generichash_update(&h, (const unsigned char *)"nono chain 1", 13);
    crypto_generichash_update(&h, (const unsigned char *)name, strlen(name) + 1);
    crypto_generichash_update(&h, (const unsigned char *)id, strlen(id) + 1);
    crypto_generichash_final(&h, tip->hash, CHAIN_HASH_LEN);
}

void
chain_add(struct chain_tip *tip, const struct buf *bytes)
{
    crypto_generichash_state h;
    crypto_generichash_init(&h, NULL, 0, CHAIN_HASH_LEN);
    crypto_generichash_update(&h, tip->hash, CHAIN_HASH_LEN);
    crypto_generichash_update(&h, (const unsigned char *)bytes->data, bytes->len);
    crypto_generichash_final(&h, tip->hash, CHAIN_HASH_LEN);
    tip->seq++;
}
