// SPDX-License-Identifier: Apache-2.0
#include "grants.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "display.h"
#include "holders.h"
#include "util.h"

void
grants_done(struct grants *t)
{
    for (size_t i = 0; i < t->n; i++)
        grant_free(t->list[i]);
    free(t->list);
    *t = (struct grants){0};
}

// Index of the first one whose id is at least id.
static size_t
lower_bound(const struct grants *t, uint64_t id)
{
    size_t low = 0, high = t->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (t->list[mid]->id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void
grants_take(struct grants *t, struct grant *g)
{
    size_t at = lower_bound(t, g->id);
    bool known = at < t->n && t->list[at]->id == g->id;
    if (known)
        grant_free(t->list[at]);
    if (g->state == GRANT_LIVE) {
        if (t->n == t->room) {
            t->room = t->room ? t->room * 2 : 32;
            t->list = xrealloc(t->list, t->room * sizeof *t->list);
        }
        if (!known)
            memmove(t->list + at + 1, t->list + at, (t->n++ - at) * sizeof *t->list);
        t->list[at] = g;
        return;
    }
    if (known)
        memmove(t->list + at, t->list + at + 1, (--t->n - at) * sizeof *t->list);
    grant_free(g);
}

const struct grant *
grants_find(const struct grants *t, uint64_t id)
{
    size_t at = lower_bound(t, id);
    return at < t->n && t->list[at]->id == id ? t->list[at] : NULL;
}

// One of opening says what it answers, which can be more than it was given for (broker/memory.h).
static const char *
grant_verb(const struct grant *g)
{
    bool opens =
        g->op == OP_READ || g->op == OP_WRITE || g->op == OP_READWRITE || g->op == OP_CREATE;
    if (!opens || !(g->access & ACCESS_WRITE))
        return op_to_string(g->op);
    if (g->verdict == VERDICT_DENY)
        return "change";
    if (g->reach == REACH_OBJECT)
        return op_to_string(g->op);
    return g->access & ACCESS_READ ? "read and change" : "change";
}

char *
grant_words(const struct grant *g)
{
    static const char *const places[_REACH_MAX] = {[REACH_OBJECT] = "",
                                                   [REACH_DIR] = "in ",
                                                   [REACH_SUBTREE] = "below ",
                                                   [REACH_PORT] = "",
                                                   [REACH_HOST] = "any port of "};
    struct buf b = {0};
    const char *place = (int)g->reach >= 0 && g->reach < _REACH_MAX ? places[g->reach] : "";
    cleanup_free char *path = display_str(g->path, DISPLAY_QUOTE);
    buf_printf(&b, "%s %s %s%s", verdict_to_string(g->verdict), grant_verb(g), place, path);
    if (g->path2) {
        cleanup_free char *path2 = display_str(g->path2, DISPLAY_QUOTE);
        buf_printf(&b, " to %s%s", place, path2);
    }
    if (g->host && g->host[0] && g->peer.family) {
        cleanup_free char *address = endpoint_address(&g->peer);
        buf_printf(&b, " (%s)", address);
    }
    if (g->exe) {
        cleanup_free char *exe = display_str(g->exe, DISPLAY_QUOTE);
        buf_printf(&b, " by %s", exe);
    }
    return buf_steal(&b);
}

// "used 3 times, last by node/4711, git/4720"; who they are is looked up now. The caller frees it.
static char *
grant_uses(const struct grant *g, bool everywhere)
{
    struct buf b = {0};
    if (g->uses == 0)
        // The call that was asked about had its answer with the grant.
        buf_puts(&b, g->request ? "not used again" : "not used");
    else
        buf_printf(&b, "used %" PRIu64 " time%s", g->uses, g->uses == 1 ? "" : "s");
    if (g->scope == SCOPE_ALWAYS && !everywhere)
        buf_puts(&b, " in this session");
    for (size_t i = 0; i < g->n_tasks; i++) {
        buf_puts(&b, i ? ", " : ", last by ");
        holders_add_task(&b, g->tasks[i]);
    }
    return buf_steal(&b);
}

char *
grant_epitaph(const struct grant *g, pid_t root, bool everywhere)
{
    cleanup_free char *words = grant_words(g), *uses = grant_uses(g, everywhere);
    cleanup_free char *holders = holders_text(g, root);
    return xasprintf("taken back: %s (%s%s%s)", words, uses, holders ? "; " : "",
                     holders ? holders : "");
}
