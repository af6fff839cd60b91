// SPDX-License-Identifier: Apache-2.0
// What each kind of row is made of.
#include <errno.h>
#include <string.h>

#include "util.h"
#include "writer.h"
#include "writer_internal.h"

int
writer_add_request(struct writer *w, struct request *r)
{
    struct row *row = row_new(ROW_REQUEST);
    row->request = r;
    return writer_push(w, row);
}

int
writer_add_decision(struct writer *w, struct decision *d, struct grant *g, unsigned count,
                    bool durable)
{
    struct row *row = row_new(ROW_DECISION);
    row->decision = d;
    row->grant = g;
    row->count = count;
    row->durable = durable;
    return writer_push(w, row);
}

int
writer_add_count(struct writer *w, const char *what, uint64_t request, enum op op, uint64_t n)
{
    static const char *const words[] = {"floor", "grant", "refused"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcmp(what, words[i]) != 0)
            continue;
        struct row *row = row_new(ROW_COUNT);
        row->counted = (struct count_row){.what = words[i],
                                          .request = request,
                                          .op = op,
                                          .n = n,
                                          .first_ns = row->real_ns,
                                          .last_ns = row->real_ns};
        return writer_push(w, row);
    }
    return -EINVAL;
}

int
writer_add_fault(struct writer *w, const char *text)
{
    struct row *row = row_new(ROW_FAULT);
    row->text = xstrdup(text);
    return writer_push(w, row);
}

int
writer_add_network(struct writer *w, struct network_event *n)
{
    struct row *row = row_new(ROW_NETWORK);
    row->network = n;
    return writer_push(w, row);
}

int
writer_add_revocation(struct writer *w, uint64_t grant, const char *source, const char *note)
{
    struct row *row = row_new(ROW_REVOCATION);
    row->revocation =
        (struct revocation){.granted = grant, .source = xstrdup(source), .note = xstrdup(note)};
    return writer_push(w, row);
}

int
writer_add_terminal(struct writer *w, struct terminal_chunk *t)
{
    struct row *row = row_new(ROW_TERMINAL);
    row->terminal = t;
    return writer_push(w, row);
}
