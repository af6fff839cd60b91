// SPDX-License-Identifier: Apache-2.0
// The line of moments of a session in the pane, and what comes to it while the session runs.
#include <stdlib.h>

#include "clock.h"
#include "replay_playback.h"
#include "util.h"

// Which requests of those behind that moment somebody was asked about: of those that wait, too.
static int
mark_asked(struct playback *p, struct event_filter f, size_t from)
{
    cleanup_free struct event_key *keys = NULL;
    size_t n = 0;
    f.asked = true;
    f.kinds = 1u << KIND_DECISION;
    int ret = reader_keys(p->reader, &f, &keys, &n, p->err);
    for (size_t i = 0; i < n; i++) {
        size_t at = keys[i].request < p->spans_n ? p->spans[keys[i].request].raised : SIZE_MAX;
        if (at != SIZE_MAX)
            p->line.moments[at].ask = true;
    }
    for (size_t i = from; i < p->line.n; i++)
        if (p->keys[i].request && p->keys[i].kind == KIND_REQUEST &&
            p->spans[p->keys[i].request].decided == SIZE_MAX)
            p->line.moments[i].ask = true;
    return ret;
}

static void
make_spans(struct playback *p, uint64_t request)
{
    // Numbers of requests are dense; one that is not is no reason to fill the memory.
    if (request < p->spans_n || request >= 4 * p->line.n + 1024)
        return;
    size_t n = p->spans_n * 2 > request ? p->spans_n * 2 : (size_t)request + 64;
    p->spans = xrealloc(p->spans, n * sizeof *p->spans);
    for (; p->spans_n < n; p->spans_n++)
        p->spans[p->spans_n] = (struct span){SIZE_MAX, SIZE_MAX};
}

static void
add_moment(struct playback *p, struct event_key key)
{
    size_t i = p->line.n;
    timeline_add(&p->line, key.real_ns, false, p->r->idle_ns);
    make_spans(p, key.request);
    if (key.request >= p->spans_n)
        key.request = 0;
    p->keys[i] = key;
    if (key.request && key.kind == KIND_REQUEST)
        p->spans[key.request].raised = i;
    else if (key.request && key.kind == KIND_DECISION)
        p->spans[key.request].decided = i;
}

// What the terminal showed behind the last event, of a session that crashed or still runs.
static void
add_end(struct playback *p)
{
    uint64_t end = replay_terminal_end(&p->terminal);
    size_t n = p->line.n;
    if (!n || end <= p->keys[n - 1].real_ns)
        return;
    p->keys = xrealloc(p->keys, (n + 1) * sizeof *p->keys);
    add_moment(p, (struct event_key){.real_ns = end, .kind = _KIND_INVALID});
}

static void
drop_end(struct playback *p)
{
    if (p->line.n && p->keys[p->line.n - 1].kind == _KIND_INVALID)
        timeline_drop_last(&p->line);
    if (p->applied > p->line.n)
        p->applied = p->line.n;
}

// What lies behind one event of the session, up to another, and what its terminal showed.
static int
add_events(struct playback *p, uint64_t after, uint64_t last)
{
    const char *const ids[] = {p->session->id, NULL};
    struct event_filter f = {.sessions = ids,
                             .by_time = true,
                             .after_seq = after,
                             .until_seq = after ? last : 0,
                             .since_ns = p->r->filter.f.since_ns,
                             .until_ns = p->r->filter.f.until_ns};
    cleanup_free struct event_key *keys = NULL;
    size_t n = 0;
    int ret = reader_keys(p->reader, &f, &keys, &n, p->err);
    if (ret < 0)
        return ret;
    drop_end(p);
    size_t from = p->line.n;
    p->keys = xrealloc(p->keys, (p->line.n + n + 1) * sizeof *p->keys);
    // What was written since the look at last comes the next time.
    for (size_t i = 0; i < n; i++) {
        keys[i].reader = p->session->reader;
        if (keys[i].seq <= last)
            add_moment(p, keys[i]);
    }
    p->last_seq = last;
    add_end(p);
    return mark_asked(p, f, from);
}

int
playback_lay(struct playback *p)
{
    p->live = p->session->state == SESSION_RUNNING;
    p->version = reader_version(p->reader);
    return add_events(p, 0, reader_last_seq(p->reader, p->session->id));
}

int
playback_extend(struct playback *p, uint64_t now_ns)
{
    if (!p->live || now_ns < p->look_ns + LOOK_MS * NS_PER_MS)
        return 0;
    int64_t version = reader_version(p->reader);
    p->look_ns = now_ns;
    // A supervisor that was killed writes nothing.
    int ret = archive_refresh(&p->r->archive, p->err);
    bool over = p->session->state != SESSION_RUNNING;
    if (ret < 0 || (version == p->version && !over))
        return ret;
    p->version = version;
    uint64_t last = reader_last_seq(p->reader, p->session->id);
    ret = replay_terminal_extend(&p->terminal);
    if (ret >= 0)
        ret = add_events(p, p->last_seq, last);
    p->live = !over;
    p->follow &= !over;
    return ret;
}
