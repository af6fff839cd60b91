// SPDX-License-Identifier: Apache-2.0
// nono replay --plain: what happened, a line each; with --speed as fast as it happened.
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "replay.h"
#include "timeline.h"
#include "util.h"

struct playing {
    struct replay *r;
    struct reader *reader;
    struct archive_session *session;
    struct timeline line;
    const struct event_key *keys; /* of its moments */
    uint64_t at_ns;
};

static int
print_row(void *ctx, const struct event_row *row)
{
    struct playing *p = ctx;
    uint64_t ms = p->at_ns / NS_PER_MS;
    fprintf(p->r->printer.out, "%3" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64, ms / 3600000,
            ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
    log_print_event(&p->r->printer, p->session, row);
    return ferror(p->r->printer.out) ? 1 : 0;
}

// Until the next moment is there; false when the reader of the output has gone.
static bool
wait_for_next(struct playing *p)
{
    FILE *out = p->r->printer.out;
    uint64_t last = clock_mono_ns();
    fflush(out);
    while (p->line.shown < p->line.n) {
        uint64_t now = clock_mono_ns();
        if (timeline_tick(&p->line, now - last))
            break;
        last = now;
        uint64_t ms = timeline_next(&p->line) / NS_PER_MS + 1;
        struct pollfd pfd = {.fd = fileno(out)};
        if (poll(&pfd, 1, ms > 1000 ? 1000 : (int)ms) == 1 && pfd.revents & POLLERR)
            return false;
    }
    return true;
}

static int
play(struct playing *p, struct err *err)
{
    int ret = 0;
    bool timed = p->r->speed > 0;
    p->line.speed = timed ? p->r->speed : 1;
    timeline_seek(&p->line, timed ? 0 : timeline_length(&p->line));
    for (size_t i = 0; i < p->line.n && ret == 0; i++) {
        if (i >= p->line.shown && !wait_for_next(p))
            break;
        p->at_ns = p->line.moments[i].at_ns;
        ret = reader_event(p->reader, &p->keys[i], print_row, p, err);
    }
    return ret;
}

static int
play_session(struct replay *r, struct archive_session *s, struct err *err)
{
    struct playing p = {.r = r, .session = s, .reader = r->archive.readers[s->reader]};
    cleanup_free struct event_key *keys = NULL;
    const char *const ids[] = {s->id, NULL};
    size_t n = 0;
    r->filter.f.sessions = ids;
    r->filter.f.by_time = true;
    int ret = reader_keys(p.reader, &r->filter.f, &keys, &n, err);
    if (ret == 0)
        log_print_session(&r->printer, s);
    for (size_t i = 0; ret == 0 && i < n; i++)
        timeline_add(&p.line, keys[i].real_ns, false, r->idle_ns);
    p.keys = keys;
    if (ret == 0)
        ret = play(&p, err);
    timeline_done(&p.line);
    return ret;
}

int
replay_plain(struct replay *r)
{
    cleanup_err struct err err = {0};
    struct pager pager = {.out = stdout};
    int ret = 0;
    if (r->speed <= 0)
        pager_open(&pager);
    r->printer.out = pager.out;
    for (size_t i = 0; i < r->archive.sessions_n && ret == 0; i++)
        if (r->archive.sessions[i]->selected)
            ret = play_session(r, r->archive.sessions[i], &err);
    bool written = pager_close(&pager);
    if (ret < 0)
        return archive_failed(&r->archive, &err);
    return written ? 0 : EXIT_FAILURE;
}
