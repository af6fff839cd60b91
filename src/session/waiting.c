// SPDX-License-Identifier: Apache-2.0
#include "waiting.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

void
waiting_done(struct waiting_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        request_free(l->rows[i].request);
    free(l->rows);
    *l = (struct waiting_list){0};
}

// Index of the first row whose id is at least id.
static size_t
lower_bound(const struct waiting_list *l, uint64_t id)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (l->rows[mid].request->id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void
waiting_add(struct waiting_list *l, const struct request *r)
{
    size_t at = lower_bound(l, r->id);
    if (at < l->n && l->rows[at].request->id == r->id) {
        request_free(l->rows[at].request);
    } else {
        if (l->n == l->room) {
            l->room = l->room ? l->room * 2 : 64;
            l->rows = xrealloc(l->rows, l->room * sizeof *l->rows);
        }
        memmove(l->rows + at + 1, l->rows + at, (l->n - at) * sizeof *l->rows);
        l->n++;
    }
    l->rows[at] = (struct waiting){
        .request = request_dup(r),
        .last = {.id = r->id,
                 .state = STATE_ASKED,
                 .count = r->count,
                 .verdict = _VERDICT_INVALID,
                 .by = _DECIDER_INVALID,
                 .scope = _SCOPE_INVALID},
    };
    if (r->id > l->newest)
        l->newest = r->id;
}

struct waiting *
waiting_find(struct waiting_list *l, uint64_t id)
{
    size_t at = lower_bound(l, id);
    return at < l->n && l->rows[at].request->id == id ? &l->rows[at] : NULL;
}

struct waiting *
waiting_after(struct waiting_list *l, uint64_t id)
{
    size_t at = id == UINT64_MAX ? l->n : lower_bound(l, id + 1);
    return at < l->n ? &l->rows[at] : NULL;
}

void
waiting_remove(struct waiting_list *l, uint64_t id)
{
    const struct waiting *w = waiting_find(l, id);
    if (!w)
        return;
    size_t at = (size_t)(w - l->rows);
    request_free(w->request);
    memmove(l->rows + at, l->rows + at + 1, (l->n - at - 1) * sizeof *l->rows);
    l->n--;
}
