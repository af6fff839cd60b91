// SPDX-License-Identifier: Apache-2.0
// What a client may send: any bytes. What is understood must be the same after another trip.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
put_again(struct buf *out, const struct wire_msg *m)
{
    if (m->request)
        wire_put_request(out, m->request);
    else if (m->decision)
        wire_put_decide(out, m->decision);
    else if (m->session)
        wire_put_hello(out, m->session, m->waiting, m->detached);
    else if (m->role)
        wire_put_attach(out, m->role, m->watch, m->grants);
    else if (m->grant)
        wire_put_grant(out, m->grant);
    else if (m->type == WIRE_REVOKE)
        wire_put_revoke(out, m->id);
    else if (m->type == WIRE_UPDATE)
        wire_put_update(out, &m->update);
    else if (m->type == WIRE_STATS)
        wire_put_stats(out, &m->stats);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_msg m = {0}, n = {0};
    cleanup_buf struct buf once = {0}, twice = {0};
    if (wire_parse((const char *)data, size, &m) < 0)
        return 0;
    put_again(&once, &m);
    if (once.len) {
        // A line that we make is one that we understand, and it has one newline only.
        if (memchr(once.data, '\n', once.len) != once.data + once.len - 1 ||
            wire_parse(once.data, once.len - 1, &n) < 0)
            abort();
        put_again(&twice, &n);
        if (once.len != twice.len || memcmp(once.data, twice.data, once.len) != 0)
            abort();
    }
    wire_msg_done(&m);
    wire_msg_done(&n);
    return 0;
}
