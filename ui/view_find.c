// SPDX-License-Identifier: Apache-2.0
// What is listed: filter, search, groups. Words are looked for in what the screen shows.
#include <string.h>

#include "detail.h"
#include "display.h"
#include "reach.h"
#include "util.h"
#include "view_internal.h"

static uint64_t
mix(uint64_t h, const void *data, size_t n)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3ull;
    return (h ^ 0xff) * 0x100000001b3ull;
}

uint64_t
view_group_of(unsigned session, const struct request *r)
{
    const char *exe = r->exe ? r->exe : "";
    cleanup_free char *place = reach_target(r, reach_is_inet(r) ? REACH_HOST : REACH_DIR);
    uint64_t h = 0xcbf29ce484222325ull;

    h = mix(h, &session, sizeof session);
    h = mix(h, &r->op, sizeof r->op);
    h = mix(h, exe, strlen(exe));
    return mix(h, place, strlen(place));
}

static void
row_words(const struct view *v, const struct view_row *row, struct buf *out)
{
    const struct request *r = row->request;

    buf_printf(out, "%s ", detail_op(r->op));
    detail_target(out, r, 0);
    buf_putc(out, ' ');
    detail_program(out, r, 0);
    buf_putc(out, ' ');
    detail_argv(out, r, 0);
    buf_printf(out, " %s %s ", r->tags ? r->tags : "", risk_to_string(r->risk));
    if (v->sessions[row->session].id)
        display_escape(out, v->sessions[row->session].id, strlen(v->sessions[row->session].id), 0);
    buf_putc(out, ' ');
    if (v->sessions[row->session].name)
        display_escape(out, v->sessions[row->session].name, strlen(v->sessions[row->session].name),
                       0);
}

// All of the words, each anywhere and in any case; "-word" must not be there.
bool
view_matches(const struct view *v, const struct view_row *row, const char *words)
{
    cleanup_buf struct buf text = {0};

    row_words(v, row, &text);
    while (*words) {
        size_t n;
        bool wanted = true;

        words += strspn(words, " ");
        n = strcspn(words, " ");
        if (n > 1 && words[0] == '-') {
            wanted = false;
            words++;
            n--;
        }
        cleanup_free char *word = xstrndup(words, n);
        if (n && (strcasestr(buf_str(&text), word) != NULL) != wanted)
            return false;
        words += n;
    }
    return true;
}

void
view_relist(struct view *v)
{
    v->listed = 0;
    for (size_t i = 0; i < v->n; i++)
        if (!v->rows[i]->hidden)
            v->list[v->listed++] = v->rows[i];
}

void
view_apply_filter(struct view *v, uint64_t now_ns)
{
    struct view_row *row;

    for (size_t i = 0; i < v->n; i++) {
        row = v->rows[i];
        row->hidden = v->filter.len && !view_matches(v, row, buf_str(&v->filter));
        // What cannot be seen is not decided together with what can.
        if (row->hidden)
            view_set_mark(v, row, false);
    }
    view_relist(v);
    v->top = 0;
    row = view_selected(v);
    if (!row || row->hidden) {
        const struct view_row *first = v->listed ? v->list[0] : NULL;
        for (size_t i = 0; i < v->listed; i++)
            if (view_row_waits(v->list[i])) {
                first = v->list[i];
                break;
            }
        view_select(v, first ? first->key : 0, now_ns);
    }
}

enum view_result
view_search(struct view *v, bool down, uint64_t now_ns)
{
    size_t at = view_selected_index(v), n = v->listed;

    if (!v->search.len) {
        v->hint = "nothing to search for; / asks";
        return VIEW_NOTHING;
    }
    if (v->replay)
        return down ? VIEW_FIND : VIEW_FIND_BACK;
    for (size_t i = 1; i <= n; i++) {
        const struct view_row *row = v->list[down ? (at + i) % n : (at + n - i % n) % n];
        if (view_matches(v, row, buf_str(&v->search))) {
            view_select(v, row->key, now_ns);
            return VIEW_NOTHING;
        }
    }
    v->hint = "not found";
    return VIEW_NOTHING;
}

void
view_select_request(struct view *v, unsigned session, uint64_t id, uint64_t now_ns)
{
    const struct view_row *row = view_find(v, session, id);

    if (row && !row->hidden)
        view_select(v, row->key, now_ns);
}

void
view_clear(struct view *v, uint64_t now_ns)
{
    struct view kept = *v;
    bool finding = v->prompt == VIEW_PROMPT_SEARCH || v->prompt == VIEW_PROMPT_FILTER;
    const struct view_row *row = view_selected(v);

    kept.left.session = row ? row->session : 0;
    kept.left.id = row ? row->request->id : 0;
    kept.left.mode = v->mode;
    kept.left.scroll = v->scroll;
    memset(&v->search, 0, sizeof v->search);
    memset(&v->filter, 0, sizeof v->filter);
    memset(&v->typed, 0, sizeof v->typed);
    view_done(v);
    view_init(v, kept.has_agent, now_ns);
    v->replay = kept.replay;
    v->focus = kept.focus;
    v->zoom = kept.zoom;
    v->mode = kept.mode;
    v->help_from = kept.help_from;
    v->left = kept.left;
    v->search = kept.search;
    v->filter = kept.filter;
    v->typed = kept.typed;
    if (finding)
        v->prompt = kept.prompt;
    else
        buf_reset(&v->typed);
}

void
view_refilled(struct view *v, uint64_t now_ns)
{
    const struct view_row *row = view_find(v, v->left.session, v->left.id);

    // The first that came took the cursor, and the page of the one that had left with it.
    if (row && !row->hidden) {
        view_select(v, row->key, now_ns);
        v->mode = v->left.mode;
        v->scroll = v->left.scroll;
    }
    v->left.id = 0;
}

size_t
view_like(const struct view *v, const struct view_row *row)
{
    size_t n = 0;

    for (size_t i = 0; i < v->n; i++)
        n += v->rows[i] != row && v->rows[i]->group == row->group && view_row_waits(v->rows[i]);
    return n;
}

void
view_past(const struct view *v, const struct view_row *row, unsigned *ret_allowed,
          unsigned *ret_denied)
{
    size_t slot = row->group % VIEW_PAST;
    bool known = v->past[slot].group == row->group;

    *ret_allowed = known ? v->past[slot].allowed : 0;
    *ret_denied = known ? v->past[slot].denied : 0;
}

void
view_mark_group(struct view *v, const struct view_row *row)
{
    bool all = true;

    for (size_t i = 0; i < v->listed; i++)
        if (v->list[i]->group == row->group && view_row_waits(v->list[i]))
            all &= v->list[i]->marked;
    for (size_t i = 0; i < v->listed; i++)
        if (v->list[i]->group == row->group)
            view_set_mark(v, v->list[i], !all);
}
