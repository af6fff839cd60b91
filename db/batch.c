// SPDX-License-Identifier: Apache-2.0
#include "batch.h"

#include "bounds.h"
#include "clock.h"
#include "util.h"

#define ROWS_MAX NONO_QUEUE_DB
#define COUNTS_MAX (2 * (NONO_GRANTS_MAX + NONO_REFUSALS_MAX))

struct row *
row_new(enum row_type type)
{
    struct row *row = xcalloc(1, sizeof *row);
    row->type = type;
    row->real_ns = clock_real_ns();
    return row;
}

struct row *
row_free(struct row *row)
{
    if (!row)
        return NULL;
    request_free(row->request);
    decision_free(row->decision);
    grant_free(row->grant);
    network_event_free(row->network);
    revocation_done(&row->revocation);
    if (row->terminal)
        free(row->terminal->data);
    free(row->terminal);
    free(row->text);
    free(row);
    return NULL;
}

void
row_free_msg(void *row)
{
    row_free(row);
}

uint64_t
row_request(const struct row *row)
{
    return row->request    ? row->request->id
           : row->decision ? row->decision->request
           : row->network  ? row->network->request
                           : 0;
}

static struct row *
lose(struct batch *b, struct row *row)
{
    b->lost++;
    b->lost_decisions += row->type == ROW_DECISION;
    return row_free(row);
}

static void
add_count(struct batch *b, const struct count_row *c)
{
    // From the end: what is counted now was mostly counted a moment ago.
    for (size_t i = b->counts_n; i-- > 0;) {
        struct count_row *have = &b->counts[i];
        if (have->request == c->request && have->op == c->op && have->what == c->what) {
            have->n += c->n;
            have->last_ns = c->last_ns;
            return;
        }
    }
    if (b->counts_n == COUNTS_MAX) {
        b->lost++;
        return;
    }
    if (b->counts_n == b->counts_room) {
        b->counts_room = b->counts_room ? b->counts_room * 2 : 16;
        b->counts = xrealloc(b->counts, b->counts_room * sizeof *b->counts);
    }
    b->counts[b->counts_n++] = *c;
}

void
batch_add(struct batch *b, struct row *row)
{
    if (row->type == ROW_COUNT) {
        if (!b->counts_n)
            b->count_mono_ns = clock_mono_ns();
        add_count(b, &row->counted);
        row_free(row);
        return;
    }
    if (b->rows_n >= ROWS_MAX && !row->durable) {
        lose(b, row);
        return;
    }
    if (b->rows_n == b->rows_room) {
        b->rows_room = b->rows_room ? b->rows_room * 2 : 64;
        b->rows = xrealloc(b->rows, b->rows_room * sizeof(struct row *));
    }
    if (!b->rows_n)
        b->row_mono_ns = clock_mono_ns();
    b->durable |= row->durable;
    b->rows[b->rows_n++] = row;
}

bool
batch_is_empty(const struct batch *b)
{
    return b->rows_n == 0 && b->counts_n == 0;
}

void
batch_reset(struct batch *b)
{
    for (size_t i = 0; i < b->rows_n; i++)
        row_free(b->rows[i]);
    b->rows_n = b->counts_n = 0;
    b->durable = false;
    b->lost = b->lost_decisions = 0;
}

void
batch_drop_durable(struct batch *b)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->rows_n; i++) {
        if (b->rows[i]->durable)
            row_free(b->rows[i]);
        else
            b->rows[kept++] = b->rows[i];
    }
    b->rows_n = kept;
    b->durable = false;
}

void
batch_keep_durable(struct batch *b)
{
    for (size_t i = 0; i < b->rows_n; i++)
        b->rows[i]->durable = false;
    while (b->rows_n > ROWS_MAX)
        lose(b, b->rows[--b->rows_n]);
    b->durable = false;
}

void
batch_done(struct batch *b)
{
    batch_reset(b);
    free(b->rows);
    free(b->counts);
    *b = (struct batch){0};
}
