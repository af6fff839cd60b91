// SPDX-License-Identifier: Apache-2.0
#include "record.h"

#include "writer.h"

static int
record_request(void *ctx, struct request *r)
{
    return writer_add_request(ctx, r);
}

static int
record_decision(void *ctx, struct decision *d, struct grant *g, unsigned count, bool durable)
{
    return writer_add_decision(ctx, d, g, count, durable);
}

static int
record_count(void *ctx, const char *what, uint64_t request, enum op op, uint64_t n)
{
    return writer_add_count(ctx, what, request, op, n);
}

static int
record_revoke(void *ctx, const struct grant *g, const char *source)
{
    return writer_add_revocation(ctx, g->id, source, NULL);
}

static int
record_network(void *ctx, struct network_event *n)
{
    return writer_add_network(ctx, n);
}

static size_t
record_room(void *ctx)
{
    return writer_room(ctx);
}

struct supervisor_record
record_into(struct writer *w)
{
    return (struct supervisor_record){.ctx = w,
                                      .request = record_request,
                                      .decision = record_decision,
                                      .count = record_count,
                                      .revoke = record_revoke,
                                      .network = record_network,
                                      .room = record_room};
}
