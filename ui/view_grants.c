// SPDX-License-Identifier: Apache-2.0
// Grants: the page that lists them, and undo. Taking one back never allows anything.
#include <stdlib.h>

#include "clock.h"
#include "util.h"
#include "view_internal.h"

#define PAGE 8

size_t
view_grant_count(const struct view *v)
{
    size_t n = 0;

    for (unsigned s = 0; s < UI_SESSIONS_MAX; s++)
        n += v->sessions[s].n_grants;
    return n;
}

const struct grant *
view_grant_at(const struct view *v, size_t i, unsigned *ret_session)
{
    for (unsigned s = 0; s < UI_SESSIONS_MAX; s++) {
        if (i < v->sessions[s].n_grants) {
            *ret_session = s;
            return v->sessions[s].grants[i];
        }
        i -= v->sessions[s].n_grants;
    }
    return NULL;
}

// Place of the grant under the cursor; SIZE_MAX when it is gone.
static size_t
cursor_index(const struct view *v)
{
    unsigned session = 0;
    const struct grant *g;

    for (size_t i = 0; v->grant_id && (g = view_grant_at(v, i, &session)); i++)
        if (session == v->grant_session && g->id == v->grant_id)
            return i;
    return SIZE_MAX;
}

const struct grant *
view_grant(const struct view *v)
{
    size_t i = cursor_index(v);
    unsigned session;

    return i == SIZE_MAX ? NULL : view_grant_at(v, i, &session);
}

static void
set_cursor(struct view *v, size_t i)
{
    size_t n = view_grant_count(v);
    const struct grant *g = n ? view_grant_at(v, i < n ? i : n - 1, &v->grant_session) : NULL;

    v->grant_id = g ? g->id : 0;
}

void
view_set_grants(struct view *v, unsigned session, const struct grant *const *grants, size_t n,
                uint64_t now_ns)
{
    struct view_session *s;
    size_t at = cursor_index(v), others;

    if (session >= UI_SESSIONS_MAX)
        return;
    s = &v->sessions[session];
    others = view_grant_count(v) - s->n_grants;
    n = n > VIEW_GRANTS_MAX - others ? VIEW_GRANTS_MAX - others : n;
    for (size_t i = 0; i < s->n_grants; i++)
        grant_free(s->grants[i]);
    s->grants = xrealloc(s->grants, (n ? n : 1) * sizeof(*s->grants));
    s->n_grants = n;
    for (size_t i = 0; i < n; i++)
        s->grants[i] = grant_dup(grants[i]);
    if (cursor_index(v) != SIZE_MAX)
        return;
    // A key that was meant for the grant that went must not meet the one that took its place.
    if (v->grant_id)
        v->grant_moved_ns = now_ns ? now_ns : 1;
    set_cursor(v, at == SIZE_MAX ? 0 : at);
}

static enum view_result
wish_revoke(struct view *v, unsigned session, uint64_t grant)
{
    v->wish.session = session;
    v->wish.grant = grant;
    return VIEW_REVOKE;
}

enum view_result
view_undo_last(struct view *v)
{
    const struct view_undo *u;

    if (v->n_undo == 0) {
        v->hint = "nothing was decided here that could be taken back";
        return VIEW_NOTHING;
    }
    u = &v->undo[--v->n_undo];
    if (u->scope == SCOPE_ONCE) {
        v->hint = "that decided one call, which has its answer: nothing to take back";
        return VIEW_NOTHING;
    }
    for (size_t i = 0; i < v->sessions[u->session].n_grants; i++)
        if (v->sessions[u->session].grants[i]->request == u->request)
            return wish_revoke(v, u->session, v->sessions[u->session].grants[i]->id);
    v->hint = "its grant is not there any more";
    return VIEW_NOTHING;
}

enum view_result
view_press_grants(struct view *v, enum keys_command command, uint64_t now_ns)
{
    size_t at = cursor_index(v), n = view_grant_count(v);

    at = at == SIZE_MAX ? 0 : at;
    switch ((int)command) {
    case KEYS_REVOKE:
    case KEYS_UNDO:
        if (v->grant_moved_ns && now_ns - v->grant_moved_ns < VIEW_QUIET_NS) {
            v->hint = "the list has just changed: look and press again";
            return VIEW_NOTHING;
        }
        if (!view_grant(v)) {
            v->hint = "no grant is left";
            return VIEW_NOTHING;
        }
        return wish_revoke(v, v->grant_session, v->grant_id);
    case KEYS_DOWN:
        at++;
        break;
    case KEYS_UP:
        at -= at > 0;
        break;
    case KEYS_FIRST:
        at = 0;
        break;
    case KEYS_LAST:
        at = n;
        break;
    case KEYS_PAGE_DOWN:
        at += PAGE;
        break;
    default: /* KEYS_PAGE_UP */
        at -= at > PAGE ? PAGE : at;
        break;
    }
    v->grant_moved_ns = 0;
    set_cursor(v, at);
    return VIEW_NOTHING;
}
