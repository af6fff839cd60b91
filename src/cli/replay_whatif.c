// SPDX-License-Identifier: Apache-2.0
#include "replay_whatif.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "bounds.h"
#include "display.h"
#include "util.h"

enum { KEY_BACKSPACE = 8, KEY_CLEAR = 21, KEY_ESCAPE = 27, KEY_DELETE = 127 };

static void
forget(struct replay_whatif *w)
{
    free(w->changes);
    free(w->name);
    free(w->problem);
    w->changes = NULL;
    w->name = w->problem = NULL;
    w->n = w->connections = w->unplaced = 0;
    memset(w->counts, 0, sizeof w->counts);
}

void
replay_whatif_done(struct replay_whatif *w)
{
    forget(w);
    buf_done(&w->typed);
}

// The last character, all of its bytes.
static void
drop_last(struct buf *b)
{
    while (b->len && (b->data[b->len - 1] & 0xc0) == 0x80)
        b->len--;
    b->len -= b->len > 0;
    if (b->data)
        b->data[b->len] = 0;
}

bool
replay_whatif_key(struct replay_whatif *w, uint32_t code)
{
    char bytes[MB_LEN_MAX];
    mbstate_t state = {0};
    switch (code) {
    case '\r':
    case '\n':
        w->typing = false;
        return true;
    case KEY_ESCAPE:
        w->typing = false;
        break;
    case KEY_BACKSPACE:
    case KEY_DELETE:
        drop_last(&w->typed);
        break;
    case KEY_CLEAR:
        buf_reset(&w->typed);
        break;
    default:
        if (code < ' ' || code >= 0x110000 || w->typed.len + sizeof bytes >= NONO_PATH_MAX)
            break;
        size_t n = wcrtomb(bytes, (wchar_t)code, &state);
        if (n != (size_t)-1)
            buf_add(&w->typed, bytes, n);
    }
    return false;
}

struct judging {
    struct replay_whatif *w;
    struct whatif policy;
};

static int
judge_row(void *ctx, const struct event_row *row)
{
    struct judging *j = ctx;
    const char *source;
    if (row->kind == KIND_FAULT || !row->request || row->request >= j->w->n)
        return 0;
    enum whatif_change c = whatif_compare(row, whatif_judge(&j->policy, row, &source));
    j->w->changes[row->request] = c;
    j->w->counts[c]++;
    return 0;
}

static int
judge_network(void *ctx, const struct event_row *row)
{
    struct judging *j = ctx;
    struct event_row allowed;
    enum whatif_change c;
    const char *source;
    if (!whatif_judge_network(&j->policy, row, &allowed, &c, &source))
        return 0;
    j->w->unplaced += c == WHATIF_NOT_KNOWN;
    j->w->counts[c] += c != WHATIF_NOT_KNOWN;
    j->w->connections += c < WHATIF_NOT_KNOWN;
    return 0;
}

static int
judge_session(struct judging *j, struct reader *reader, const struct archive_session *s,
              struct err *err)
{
    struct replay_whatif *w = j->w;
    const char *const ids[] = {s->id, NULL};
    struct event_filter f = {.sessions = ids, .outcomes = true};
    // No request has a higher number than there are events.
    w->n = reader_last_seq(reader, s->id) + 1;
    w->changes = xcalloc(w->n, sizeof *w->changes);
    for (size_t i = 0; i < w->n; i++)
        w->changes[i] = WHATIF_SAME;
    int ret = reader_events(reader, &f, judge_row, j, err);
    f.outcomes = false;
    f.kinds = 1u << KIND_NETWORK;
    return ret < 0 ? ret : reader_events(reader, &f, judge_network, j, err);
}

int
replay_whatif_load(struct replay_whatif *w, struct reader *reader, const struct archive_session *s,
                   struct err *err)
{
    struct judging j = {.w = w};
    cleanup_err struct err problem = {0};
    forget(w);
    if (!w->typed.len)
        return 0;
    int ret = 0;
    if (whatif_init(&j.policy, buf_str(&w->typed), &problem) < 0 ||
        whatif_for(&j.policy, s->cwd, &problem) < 0) {
        w->problem = xstrdup(problem.msg ? problem.msg : "it cannot be used");
    } else {
        const char *slash = strrchr(buf_str(&w->typed), '/');
        w->name = display_str(slash ? slash + 1 : buf_str(&w->typed), DISPLAY_QUOTE);
        ret = judge_session(&j, reader, s, err);
    }
    whatif_done(&j.policy);
    return ret;
}

const char *
replay_whatif_mark(const struct replay_whatif *w, uint64_t request)
{
    if (request >= w->n || w->changes[request] == WHATIF_SAME)
        return NULL;
    return whatif_change_to_string(w->changes[request]);
}

bool
replay_whatif_put(const struct replay_whatif *w, struct buf *b)
{
    if (w->typing) {
        buf_puts(b, "what-if, policy (Enter none, Esc back): ");
        display_escape(b, buf_str(&w->typed), w->typed.len, 0);
        buf_putc(b, '_');
    } else if (w->problem) {
        buf_printf(b, "what-if: %s", w->problem);
    } else if (w->name) {
        bool any = false;
        buf_printf(b, "what-if %s:", w->name);
        for (int c = 0; c < WHATIF_SAME; c++) {
            if (w->counts[c])
                buf_printf(b, "%s %s %zu", any ? "," : "",
                           whatif_change_to_string((enum whatif_change)c), w->counts[c]);
            any |= w->counts[c] > 0;
        }
        buf_puts(b, any ? "" : " nothing differs");
        // Nobody was asked about those: they have no line that could be marked.
        if (w->connections)
            buf_printf(b, " (%zu connection%s: nono replay --policy lists them)", w->connections,
                       w->connections == 1 ? "" : "s");
        if (w->unplaced)
            buf_printf(b, ", %zu socket%s not judged", w->unplaced, w->unplaced == 1 ? "" : "s");
    } else {
        return false;
    }
    return true;
}
