// SPDX-License-Identifier: Apache-2.0
// nono log -f
#include <poll.h>
#include <string.h>

#include "clock.h"
#include "log.h"

#define FOLLOW_MS 100   /* between two looks at whether anything was written */
#define FOLLOW_LINES 10 /* of the past, unless -n says otherwise */

static int
print_past(void *ctx, struct archive_session *s, const struct event_row *row)
{
    // What was written since the look at last_seq comes with the news.
    return row->seq <= s->last_seq ? log_emit(ctx, s, row) : 0;
}

static bool
is_live(const struct archive_session *s)
{
    return s->selected && s->state == SESSION_RUNNING;
}

struct one {
    struct log *l;
    struct archive_session *s;
};

static int
print_one(void *ctx, const struct event_row *row)
{
    const struct one *one = ctx;
    return log_emit(one->l, one->s, row);
}

// What is new in one session.
static int
look(struct log *l, struct archive_session *s)
{
    struct reader *r = l->archive.readers[s->reader];
    const char *const ids[] = {s->id, NULL};
    struct event_filter f = l->filter.f;
    uint64_t last = reader_last_seq(r, s->id);
    if (last == s->last_seq)
        return 0;
    f.sessions = ids;
    f.after_seq = s->last_seq;
    f.until_seq = last;
    f.limit = 0;
    struct one one = {.l = l, .s = s};
    int ret = reader_events(r, &f, print_one, &one, l->err);
    s->last_seq = last;
    return ret;
}

// Sessions that were asked for by name and have all ended leave nothing to wait for.
static bool
is_over(const struct log *l)
{
    for (size_t i = 0; i < l->archive.sessions_n; i++)
        if (is_live(l->archive.sessions[i]))
            return false;
    return l->archive.specs_n > 0;
}

static bool
reader_left(struct log *l)
{
    struct pollfd pfd = {.fd = fileno(l->printer.out)};
    fflush(l->printer.out);
    return poll(&pfd, 1, FOLLOW_MS) == 1 && pfd.revents & (POLLERR | POLLHUP);
}

static int64_t
version(const struct log *l)
{
    int64_t sum = 0;
    for (size_t i = 0; i < l->archive.readers_n; i++)
        sum += reader_version(l->archive.readers[i]);
    return sum;
}

static int
print_start(struct log *l)
{
    for (size_t i = 0; i < l->archive.sessions_n; i++) {
        struct archive_session *s = l->archive.sessions[i];
        s->last_seq = reader_last_seq(l->archive.readers[s->reader], s->id);
    }
    l->filter.f.by_time = true;
    if (!l->filter.f.limit)
        l->filter.f.limit = FOLLOW_LINES;
    return archive_events(&l->archive, &l->filter.f, print_past, l, l->err);
}

static int
look_everywhere(struct log *l)
{
    int ret = 0;
    for (size_t i = 0; i < l->archive.sessions_n && ret == 0; i++)
        if (l->archive.sessions[i]->selected)
            ret = look(l, l->archive.sessions[i]);
    return ret;
}

int
log_follow(struct log *l)
{
    int64_t seen = -1;
    int ret = 0;
    // The record begins with the first session.
    while (l->archive.readers_n == 0 && ret == 0 && !reader_left(l))
        ret = archive_open_again(&l->archive, l->err);
    if (ret < 0 || l->archive.readers_n == 0)
        return ret;
    ret = print_start(l);
    for (bool over = false; ret == 0 && !over && !reader_left(l);) {
        int64_t now = version(l);
        l->printer.now_ns = clock_real_ns();
        if (archive_refresh(&l->archive, l->err) < 0)
            return l->err->code;
        // A supervisor that was killed writes nothing: whether sessions live is asked anyway.
        over = is_over(l);
        if (now != seen || over)
            ret = look_everywhere(l);
        seen = now;
    }
    return ret < 0 ? ret : 0;
}
