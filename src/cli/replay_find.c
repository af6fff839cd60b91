// SPDX-License-Identifier: Apache-2.0
#include "replay_find.h"

#include <inttypes.h>
#include <string.h>

#include "display.h"
#include "replay_playback.h"

// Moments by time; the last may be one without an event.
static struct key_list
moments_of(const struct playback *p)
{
    return (struct key_list){.list = p->keys, .n = p->line.n};
}

// The nearest that was found on that side of the playhead. SIZE_MAX: none.
static size_t
next_found(const struct playback *p, bool forward, size_t *ret_moment)
{
    const struct key_list *found = &p->find.found, moments = moments_of(p);
    const struct event_key *here = p->line.shown ? &p->keys[p->line.shown - 1] : NULL;
    size_t i = here ? key_list_find(found, here) : 0;
    if (forward && here && i < found->n && event_key_compare(&found->list[i], here) == 0)
        i++;
    for (;; i += forward) {
        if (forward ? i >= found->n : i-- == 0)
            return SIZE_MAX;
        // What was written since is not on the line yet.
        size_t at = key_list_find(&moments, &found->list[i]);
        if (at >= moments.n || event_key_compare(&moments.list[at], &found->list[i]) != 0)
            continue;
        *ret_moment = at;
        return i;
    }
}

static void
go(struct playback *p)
{
    size_t moment;
    bool forward = p->find.forward;
    if (next_found(p, forward, &moment) == SIZE_MAX) {
        ui_set_hint(p->ui, !p->find.found.n ? "not found"
                           : forward        ? "not found behind this moment; N goes back"
                                            : "not found before this moment; n goes on");
        return;
    }
    p->follow = false;
    timeline_step(&p->line, (int)((int64_t)moment + 1 - (int64_t)p->line.shown));
    p->find.select = p->keys[moment].request;
}

void
replay_find_start(struct playback *p, const char *words, bool forward)
{
    struct replay_find *f = &p->find;
    cleanup_buf struct buf why = {0};
    bool same = f->known && strcmp(buf_str(&f->words), words) == 0;
    f->forward = forward;
    // Of a session that ran there may be more by now.
    if (same && f->last_seq == p->last_seq) {
        go(p);
        return;
    }
    struct log l = {.archive = p->r->archive, .filter.f = p->r->filter.f};
    f->job = log_job_stop(f->job);
    f->known = same;
    f->last_seq = p->last_seq;
    buf_reset(&f->words);
    buf_puts(&f->words, words);
    if (log_job_start(&l, LOG_JOB_WORDS, words, &f->job, &why) < 0)
        ui_set_hint(p->ui, "the record can't be read");
}

int
replay_find_fd(const struct replay_find *f)
{
    return f->job ? log_job_fd(f->job) : -1;
}

void
replay_find_take(struct playback *p)
{
    struct replay_find *f = &p->find;
    struct log_job_result r;
    log_job_take(f->job, &r);
    f->job = NULL;
    key_list_done(&f->found);
    f->found = r.keys;
    f->known = r.error == 0;
    if (f->known)
        go(p);
    else
        ui_set_hint(p->ui, "the record can't be read");
}

bool
replay_find_put(const struct playback *p, struct buf *b)
{
    const struct replay_find *f = &p->find;
    if (!f->words.len)
        return false;
    buf_putc(b, '/');
    display_escape(b, buf_str(&f->words), f->words.len, 0);
    if (f->job) {
        buf_puts(b, ": searching");
    } else if (f->known) {
        const struct event_key *here = p->line.shown ? &p->keys[p->line.shown - 1] : NULL;
        size_t i = here ? key_list_find(&f->found, here) : 0;
        bool at = here && i < f->found.n && event_key_compare(&f->found.list[i], here) == 0;
        if (at)
            buf_printf(b, ": %zu of %zu", i + 1, f->found.n);
        else
            buf_printf(b, ": %zu found", f->found.n);
    }
    return true;
}

void
replay_find_done(struct replay_find *f)
{
    f->job = log_job_stop(f->job);
    key_list_done(&f->found);
    buf_done(&f->words);
}
