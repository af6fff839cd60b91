// SPDX-License-Identifier: Apache-2.0
#include "view.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

// Unbound on purpose: y, a, digits, Enter and Space never allow; they are what people type at an
// agent.
const struct view_key_row view_keys[] = {
    {'j', "j", "next request (also Down)", false}, {'k', "k", "previous request (also Up)", false},
    {'g', "g", "first (also Home)", false},        {'G', "G", "last (also End)", false},
    {VK_PGUP, "PgUp", "page up", false},           {VK_PGDN, "PgDn", "page down", false},
    {VK_ENTER, "Enter", "details", false},         {VK_ESC, "Esc", "back", false},
    {VK_TAB, "Tab", "next pane", false},           {'o', "o", "allow once", true},
    {'s', "s", "allow this session", true},        {'d', "d", "deny", true},
    {'D', "D", "deny this session", true},         {'?', "?", "this help", false},
    {'q', "q", "leave (requests wait on)", false},
};
const size_t view_n_keys = ARRAY_SIZE(view_keys);

void
view_init(struct view *v)
{
    *v = (struct view){0};
}

void
view_done(struct view *v)
{
    for (size_t i = 0; i < v->n; i++)
        request_free(v->rows[i].request);
    free(v->rows);
    *v = (struct view){0};
}

bool
view_row_alive(const struct view_row *row)
{
    return row->state == STATE_NEW || row->state == STATE_ASKED;
}

static struct view_row *
view_find(struct view *v, uint64_t id)
{
    // Ids grow with the rows.
    size_t low = 0, high = v->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (v->rows[mid].request->id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < v->n && v->rows[low].request->id == id ? &v->rows[low] : NULL;
}

struct view_row *
view_selected(struct view *v)
{
    return v->selected ? view_find(v, v->selected) : NULL;
}

size_t
view_selected_index(const struct view *v)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->rows[i].request->id == v->selected)
            return i;
    return 0;
}

size_t
view_waiting(const struct view *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        n += view_row_alive(&v->rows[i]);
    return n;
}

void
view_add(struct view *v, struct request *r)
{
    if (v->n && r->id <= v->rows[v->n - 1].request->id) {
        request_free(r);
        return;
    }
    if (v->n == v->room) {
        v->room = v->room ? v->room * 2 : 64;
        v->rows = xrealloc(v->rows, v->room * sizeof *v->rows);
    }
    v->rows[v->n++] = (struct view_row){
        .request = r, .state = STATE_ASKED, .verdict = _VERDICT_INVALID, .by = _DECIDER_INVALID};
    if (!v->selected)
        v->selected = r->id;
}

void
view_update(struct view *v, const struct request_update *u, uint64_t now_ns)
{
    struct view_row *row = view_find(v, u->id);
    if (!row)
        return;
    bool was_alive = view_row_alive(row);
    row->state = u->state;
    if (u->count)
        row->request->count = u->count;
    row->verdict = u->verdict;
    row->by = u->by;
    if (was_alive && !view_row_alive(row)) {
        row->gone_ns = now_ns;
        if (v->confirming && v->pending_decision.request == u->id)
            v->confirming = false;
    }
}

// Another request comes under the cursor without anybody's key: it has to be quiet anew.
static void
view_select_neighbour(struct view *v, size_t index)
{
    if (v->n == 0) {
        v->selected = 0;
        v->detail = false;
        return;
    }
    struct view_row *row = &v->rows[index < v->n ? index : v->n - 1];
    v->selected = row->request->id;
    row->shown_ns = 0;
    row->quiet = false;
}

bool
view_tick(struct view *v, uint64_t now_ns)
{
    bool changed = false;
    size_t kept = 0, selected = v->n;
    for (size_t i = 0; i < v->n; i++) {
        struct view_row *row = &v->rows[i];
        if (row->gone_ns && now_ns - row->gone_ns >= VIEW_GONE_NS) {
            if (row->request->id == v->selected)
                selected = kept;
            request_free(row->request);
            changed = true;
            continue;
        }
        uint64_t since = row->shown_ns;
        since = since > v->key_ns ? since : v->key_ns;
        since = since > v->focus_ns ? since : v->focus_ns;
        if (row->shown_ns && !row->quiet && v->focus && !v->locked &&
            now_ns - since >= VIEW_QUIET_NS) {
            row->quiet = true;
            changed = true;
        }
        v->rows[kept++] = *row;
    }
    bool lost = selected != v->n;
    v->n = kept;
    if (lost)
        view_select_neighbour(v, selected);
    if (v->top >= v->n)
        v->top = v->n ? v->n - 1 : 0;
    return changed;
}

static void
view_disarm(struct view *v)
{
    for (size_t i = 0; i < v->n; i++)
        v->rows[i].quiet = false;
}

void
view_hidden(struct view *v)
{
    for (size_t i = 0; i < v->n; i++) {
        v->rows[i].shown_ns = 0;
        v->rows[i].quiet = false;
    }
}

void
view_set_focus(struct view *v, bool focus, uint64_t now_ns)
{
    v->focus = focus;
    v->focus_ns = now_ns;
    v->locked = false;
    v->unknown_ns = 0;
    v->confirming = false;
    v->hint = NULL;
    view_disarm(v);
}

void
view_displayed(struct view *v, size_t first, size_t n, uint64_t now_ns)
{
    for (size_t i = 0; i < v->n; i++) {
        struct view_row *row = &v->rows[i];
        bool visible = i >= first && i - first < n && v->focus && !v->help;
        if (visible && !row->shown_ns)
            row->shown_ns = now_ns;
        if (!visible) {
            row->shown_ns = 0;
            row->quiet = false;
        }
    }
}

bool
view_armed(const struct view *v, uint64_t now_ns)
{
    const struct view_row *row = view_selected((struct view *)v);
    uint64_t since = v->key_ns > v->focus_ns ? v->key_ns : v->focus_ns;
    if (!row || !view_row_alive(row) || !v->focus || v->locked || v->help || v->confirming ||
        !row->shown_ns)
        return false;
    if (row->shown_ns > since)
        since = row->shown_ns;
    return row->quiet || now_ns - since >= VIEW_QUIET_NS;
}

const char *
view_confirmation(const struct request *r)
{
    const char *slash = strrchr(r->resolved, '/');
    return slash && slash[1] ? slash + 1 : r->resolved;
}

static void
view_ignore(struct view *v, uint64_t now_ns, const char *hint)
{
    if (v->unknown_ns && now_ns - v->unknown_ns < VIEW_TYPING_NS) {
        v->locked = true;
        hint = "typing seen: decisions are locked until the pane gets the focus again";
    }
    v->unknown_ns = now_ns;
    v->keys_ignored++;
    v->hint = hint;
    view_disarm(v);
}

void
view_burst(struct view *v, size_t keys, uint64_t now_ns)
{
    v->keys_ignored += (unsigned)keys;
    v->key_ns = now_ns;
    v->locked = true;
    v->confirming = false;
    v->hint = "pasted or typed ahead: thrown away, decisions are locked";
    view_disarm(v);
}

static void
view_move(struct view *v, size_t index)
{
    if (v->n == 0)
        return;
    if (index >= v->n)
        index = v->n - 1;
    v->selected = v->rows[index].request->id;
}

static enum view_result
view_take(struct view *v, struct decision *ret_d)
{
    *ret_d = v->pending_decision;
    ret_d->keys_ignored = v->keys_ignored;
    v->keys_ignored = 0;
    v->confirming = false;
    v->hint = NULL;
    return VIEW_DECIDE;
}

static enum view_result
view_decide(struct view *v, uint32_t key, uint64_t now_ns, bool armed, struct decision *ret_d)
{
    struct view_row *row = view_selected(v);
    if (!row || !view_row_alive(row)) {
        v->hint = "nothing to decide here";
        v->keys_ignored++;
        return VIEW_NOTHING;
    }
    if (!armed) {
        view_ignore(v, now_ns, "not yet: decision keys work after 0.6 s without a key");
        return VIEW_NOTHING;
    }
    bool allow = key == 'o' || key == 's';
    v->pending_decision = (struct decision){
        .request = row->request->id,
        .verdict = allow ? VERDICT_ALLOW : VERDICT_DENY,
        .scope = key == 's' || key == 'D' ? SCOPE_SESSION : SCOPE_ONCE,
        .reach = REACH_OBJECT,
        .by = DECIDER_USER,
        .reason = allow ? REASON_NONE : REASON_USER_DENIED,
    };
    memcpy(v->pending_decision.digest, row->request->digest, DIGEST_LEN);
    if (allow && row->request->risk == RISK_HIGH) {
        v->confirming = true;
        v->typed_len = 0;
        v->typed[0] = 0;
        v->hint = NULL;
        return VIEW_NOTHING;
    }
    return view_take(v, ret_d);
}

static enum view_result
view_confirm(struct view *v, uint32_t key, struct decision *ret_d)
{
    struct view_row *row = view_selected(v);
    if (key == VK_ESC || !row || !view_row_alive(row) ||
        row->request->id != v->pending_decision.request) {
        v->confirming = false;
        v->hint = "not allowed";
        return VIEW_NOTHING;
    }
    if (key == VK_ENTER) {
        if (strcmp(v->typed, view_confirmation(row->request)) == 0)
            return view_take(v, ret_d);
        v->confirming = false;
        v->hint = "that is not its name: not allowed";
        return VIEW_NOTHING;
    }
    if (key == VK_BACKSPACE && v->typed_len)
        v->typed[--v->typed_len] = 0;
    if (key >= 0x110000)
        return VIEW_NOTHING;
    char utf8[4];
    size_t n = key < 0x80 ? 1 : key < 0x800 ? 2 : key < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; key >>= 6)
        utf8[i] = (char)(0x80 | (key & 0x3f));
    utf8[0] = (char)(n == 1 ? key : (0xf00 >> n & 0xff) | key);
    if (v->typed_len + n < sizeof v->typed) {
        memcpy(v->typed + v->typed_len, utf8, n);
        v->typed_len += n;
        v->typed[v->typed_len] = 0;
    }
    return VIEW_NOTHING;
}

static enum view_result
view_navigate(struct view *v, uint32_t key, uint64_t now_ns)
{
    size_t at = view_selected_index(v);
    v->hint = NULL;
    switch (key) {
    case 'j':
    case VK_DOWN:
        view_move(v, at + 1);
        break;
    case 'k':
    case VK_UP:
        view_move(v, at ? at - 1 : 0);
        break;
    case 'g':
    case VK_HOME:
        view_move(v, 0);
        break;
    case 'G':
    case VK_END:
        view_move(v, v->n);
        break;
    case VK_PGDN:
        view_move(v, at + 8);
        break;
    case VK_PGUP:
        view_move(v, at > 8 ? at - 8 : 0);
        break;
    case VK_ENTER:
        v->detail = v->n > 0;
        break;
    case VK_ESC:
        v->detail = false;
        break;
    case '?':
        v->help = true;
        break;
    case VK_TAB:
        return VIEW_NEXT_PANE;
    case 'q':
        return VIEW_LEAVE;
    default:
        view_ignore(v, now_ns, "unknown key; ? for help");
    }
    return VIEW_NOTHING;
}

enum view_result
view_press(struct view *v, uint32_t key, uint64_t now_ns, struct decision *ret_d)
{
    bool armed = view_armed(v, now_ns);
    if (!v->focus)
        return VIEW_NOTHING;
    view_tick(v, now_ns);
    v->key_ns = now_ns;
    if (v->help) {
        v->help = false;
        return VIEW_NOTHING;
    }
    if (v->confirming)
        return view_confirm(v, key, ret_d);
    if (key == 'o' || key == 's' || key == 'd' || key == 'D')
        return view_decide(v, key, now_ns, armed, ret_d);
    return view_navigate(v, key, now_ns);
}
