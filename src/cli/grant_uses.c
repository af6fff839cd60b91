// SPDX-License-Identifier: Apache-2.0
#include "grant_uses.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"
#include "util.h"

static int
add_use(void *ctx, const struct granted_row *row)
{
    struct grant_uses *u = ctx;
    if (row->scope != SCOPE_ALWAYS || !row->uses)
        return 0;
    u->list = xrealloc(u->list, (u->n + 1) * sizeof *u->list);
    u->list[u->n++] =
        (struct grant_use){.session = xstrdup(row->session),
                           .origin = xstrdup(row->origin ? row->origin : row->session),
                           .id = row->origin ? row->origin_id : row->id,
                           .n = row->uses};
    return 0;
}

int
grant_uses_read(struct grant_uses *u, const char *db, struct err *err)
{
    struct reader *r = NULL;
    int ret = reader_open(db, &r, err);
    if (ret == -ENOENT) {
        err_done(err);
        return 0;
    }
    if (ret == 0)
        ret = reader_granted(r, &(struct event_filter){0}, add_use, u, err);
    reader_close(r);
    return ret;
}

void
grant_uses_done(struct grant_uses *u)
{
    for (size_t i = 0; i < u->n; i++) {
        free(u->list[i].session);
        free(u->list[i].origin);
    }
    free(u->list);
    *u = (struct grant_uses){0};
}

static bool
is_live(const struct attached_set *live, const char *session)
{
    for (size_t i = 0; i < live->n; i++)
        if (strcmp(live->list[i]->id, session) == 0)
            return true;
    return false;
}

uint64_t
grant_uses_recorded(const struct grant_uses *u, const struct attached_set *live, const char *origin,
                    uint64_t id)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < u->n; i++)
        if (u->list[i].id == id && strcmp(u->list[i].origin, origin) == 0 &&
            !is_live(live, u->list[i].session))
            sum += u->list[i].n;
    return sum;
}

uint64_t
grant_uses_live(const struct attached_set *live, const char *origin, uint64_t id)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < live->n; i++) {
        const struct attached *a = live->list[i];
        for (size_t k = 0; k < a->grants.n; k++) {
            const struct grant *g = a->grants.list[k];
            if ((g->origin ? g->origin_id : g->id) == id &&
                strcmp(g->origin ? g->origin : a->id, origin) == 0)
                sum += g->uses;
        }
    }
    return sum;
}

uint64_t
grant_uses_sum(const struct grant_uses *u, const struct attached_set *live, const char *origin,
               uint64_t id)
{
    return grant_uses_recorded(u, live, origin, id) + grant_uses_live(live, origin, id);
}
