// SPDX-License-Identifier: Apache-2.0
// nono replay on a terminal: the pane of the live session, fed from the record.
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "buf.h"
#include "cli.h"
#include "clock.h"
#include "display.h"
#include "keys.h"
#include "replay_playback.h"
#include "ui.h"
#include "util.h"

#define JUMP_NS (10 * NS_PER_SEC)
#define GONE_NS (5 * NS_PER_SEC) /* how long the pane keeps what is finished */
#define SHOWN_MAX 1000           /* requests that are put on the screen again after a jump */
#define TURN_MS 40

static uint64_t
mono_of(const struct playback *p, size_t moment)
{
    return p->start_ns + p->line.moments[moment].at_ns;
}

static int
add_request(struct playback *p, uint64_t id)
{
    struct request *q = NULL;
    int ret = reader_request(p->reader, p->session->id, id, &q, p->err);
    if (ret < 0 || !q)
        return ret;
    // Words that this nono does not know: of a newer one, or of somebody who wrote to the file.
    if ((int)q->op < 0 || (int)q->why < 0 || (int)q->risk < 0) {
        request_free(q);
        return 0;
    }
    q->raised_mono_ns = mono_of(p, p->spans[id].raised);
    ui_add_request(p->ui, 0, q);
    ui_mark_request(p->ui, 0, id, replay_whatif_mark(&p->whatif, id));
    return 0;
}

static int
add_outcome(void *ctx, const struct event_row *row)
{
    struct playback *p = ctx;
    struct request_update u = {.id = row->request, .count = (unsigned)row->count};
    if ((int)row->verdict < 0 || (int)row->by < 0 || (int)row->scope < 0)
        return 0;
    u.verdict = row->verdict;
    u.by = row->by;
    u.scope = row->scope;
    u.state = row->verdict == VERDICT_WITHDRAWN ? STATE_WITHDRAWN
              : row->verdict == VERDICT_EXPIRED ? STATE_EXPIRED
                                                : STATE_ANSWERED;
    ui_update_request(p->ui, 0, &u);
    return 0;
}

static int
apply_moment(struct playback *p, size_t i)
{
    const struct event_key *key = &p->keys[i];
    if (key->kind == KIND_REQUEST)
        return add_request(p, key->request);
    return key->kind == KIND_DECISION ? reader_event(p->reader, key, add_outcome, p, p->err) : 0;
}

static void
show_session(struct playback *p)
{
    cleanup_buf struct buf title = {0};
    buf_puts(&title, "REPLAY of ");
    log_put_argv(&title, p->session->argv, p->session->argv_len, 0);
    ui_add_session(p->ui, 0, p->session->id, p->session->name, buf_str(&title));
}

// What was on the screen then, whatever is on it now.
static int
rebuild(struct playback *p)
{
    size_t *ids = xcalloc(SHOWN_MAX, sizeof *ids), n = 0;
    uint64_t now = p->line.now_ns;
    int ret = 0;
    ui_clear(p->ui);
    show_session(p);
    for (size_t id = p->spans_n; id-- > 1 && n < SHOWN_MAX;) {
        const struct span *s = &p->spans[id];
        bool waits = s->decided >= p->line.shown;
        if (s->raised < p->line.shown &&
            (waits || p->line.moments[s->decided].at_ns + GONE_NS > now))
            ids[n++] = id;
    }
    while (n-- > 0 && ret >= 0) {
        const struct span *s = &p->spans[ids[n]];
        ret = add_request(p, ids[n]);
        if (ret >= 0 && s->decided < p->line.shown)
            ret = apply_moment(p, s->decided);
    }
    ui_refilled(p->ui);
    free(ids);
    return ret;
}

static int
catch_up(struct playback *p)
{
    int ret = 0;
    bool far = p->judged || p->line.shown < p->applied || p->line.shown - p->applied > SHOWN_MAX;
    if (far)
        ret = rebuild(p);
    for (size_t i = p->applied; !far && i < p->line.shown && ret >= 0; i++)
        ret = apply_moment(p, i);
    p->applied = p->line.shown;
    p->judged = false;
    if (p->find.select)
        ui_select_request(p->ui, 0, p->find.select);
    p->find.select = 0;
    return ret;
}

static void
put_clock(struct buf *b, uint64_t ns)
{
    uint64_t s = ns / NS_PER_SEC;
    buf_printf(b, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600, s / 60 % 60, s % 60);
}

static void
show_state(struct playback *p)
{
    cleanup_buf struct buf b = {0};
    const struct timeline *t = &p->line;
    buf_puts(&b, p->follow          ? "FOLLOWING  "
                 : t->shown == t->n ? (p->live ? "NOW  " : "END  ")
                 : t->paused        ? "PAUSED  "
                                    : "");
    put_clock(&b, t->now_ns);
    buf_puts(&b, " / ");
    put_clock(&b, timeline_length(t));
    buf_printf(&b, "  event %zu of %zu  x%g", t->shown, t->n, t->speed);
    buf_puts(&b, p->behind ? "  ..." : p->terminal.here.damaged ? "  the terminal is damaged" : "");
    cleanup_buf struct buf whatif = {0};
    if (replay_whatif_put(&p->whatif, &whatif) && !p->whatif.typing)
        buf_printf(&b, "  %s", buf_str(&whatif));
    cleanup_buf struct buf find = {0};
    if (replay_find_put(p, &find))
        buf_printf(&b, "  %s", buf_str(&find));
    ui_set_notice(p->ui, buf_str(p->whatif.typing ? &whatif : &b));
}

static void
step_ask(struct playback *p, int direction)
{
    if (timeline_step_ask(&p->line, direction))
        p->find.select = p->keys[p->line.shown - 1].request;
}

// What decides elsewhere is taken too, and does nothing.
static bool
take_key(void *ctx, uint32_t code)
{
    struct playback *p = ctx;
    struct timeline *t = &p->line;
    enum keys_command command;
    if (p->whatif.typing) {
        p->judge = replay_whatif_key(&p->whatif, code);
        return true;
    }
    command = keys_find_replay(code);
    // Whoever goes elsewhere does not want to be carried away from there.
    p->follow &= command < KEYS_PLAY || command > KEYS_SEEK || command == KEYS_FASTER ||
                 command == KEYS_SLOWER;
    switch ((int)command) {
    case KEYS_PLAY:
        t->paused = !t->paused;
        break;
    case KEYS_STEP:
        timeline_step(t, 1);
        break;
    case KEYS_STEP_BACK:
        timeline_step(t, -1);
        break;
    case KEYS_STEP_ASK:
        step_ask(p, 1);
        break;
    case KEYS_STEP_ASK_BACK:
        step_ask(p, -1);
        break;
    case KEYS_FASTER:
        timeline_change_speed(t, 1);
        break;
    case KEYS_SLOWER:
        timeline_change_speed(t, -1);
        break;
    case KEYS_JUMP:
        timeline_seek(t, t->now_ns + JUMP_NS);
        break;
    case KEYS_JUMP_BACK:
        timeline_seek(t, t->now_ns > JUMP_NS ? t->now_ns - JUMP_NS : 0);
        break;
    case KEYS_SEEK:
        timeline_seek(t, timeline_length(t) / 10 * (code - '0'));
        break;
    case KEYS_TO_NOW:
        p->follow = p->live;
        t->paused = false;
        timeline_seek(t, timeline_length(t));
        break;
    case KEYS_WHAT_IF:
        p->whatif.typing = true;
        break;
    default:
        break;
    }
    return command != KEYS_NONE;
}

static void
find(void *ctx, const char *words, bool forward)
{
    replay_find_start(ctx, words, forward);
}

static int
refuse(void *ctx, unsigned session, const struct decision *d)
{
    return -EROFS;
}

static void
leave(void *ctx)
{
    ((struct playback *)ctx)->leave = true;
}

static void
ignore_input(void *ctx, const void *data, size_t n)
{
}

static void
ignore_resize(void *ctx, unsigned rows, unsigned cols)
{
}

static const struct ui_ops ops = {
    .decide = refuse,
    .agent_input = ignore_input,
    .agent_resize = ignore_resize,
    .leave = leave,
    .replay_key = take_key,
    .replay_find = find,
};

// --- the loop ---------------------------------------------------------------------------------

static void
take_signal(struct playback *p, int fd)
{
    struct signalfd_siginfo s;
    while (read(fd, &s, sizeof s) == sizeof s) {
        if (s.ssi_signo == SIGWINCH)
            ui_resized(p->ui, clock_mono_ns());
        else
            p->leave = true;
    }
}

static int
turn(struct playback *p, int signal_fd)
{
    uint64_t now = clock_mono_ns();
    int ret = playback_extend(p, now);
    if (ret < 0)
        return ret;
    if (p->follow)
        timeline_seek(&p->line, timeline_length(&p->line));
    timeline_tick(&p->line, now - p->last_ns);
    p->last_ns = now;
    // Before anything is told: it is as old as the moment that is gone to.
    ui_set_behind(p->ui, now - (p->start_ns + p->line.now_ns));
    ret = p->judge ? replay_whatif_load(&p->whatif, p->reader, p->session, p->err) : 0;
    p->judged |= p->judge;
    p->judge = false;
    if (ret >= 0)
        ret = catch_up(p);
    if (ret >= 0)
        ret = replay_terminal_show(&p->terminal, p->ui, timeline_real(&p->line));
    if (ret < 0)
        return ret;
    p->behind = ret > 0;
    show_state(p);
    int wait = ui_draw(p->ui, now);
    bool still = p->line.paused || p->line.shown == p->line.n;
    if (!p->behind)
        ret = replay_terminal_look_ahead(&p->terminal, p->ui);
    if (ret < 0)
        return ret;
    if (ret > 0)
        wait = 0;
    int turn_ms = !still ? TURN_MS : p->live ? LOOK_MS : -1;
    if (turn_ms >= 0 && (wait < 0 || wait > turn_ms))
        wait = turn_ms;
    struct pollfd fds[] = {{.fd = p->gone ? -1 : STDIN_FILENO, .events = POLLIN},
                           {.fd = signal_fd, .events = POLLIN},
                           {.fd = replay_find_fd(&p->find), .events = POLLIN}};
    if (poll(fds, 3, wait) > 0) {
        if (fds[2].revents)
            replay_find_take(p);
        if (fds[1].revents)
            take_signal(p, signal_fd);
        if (fds[0].revents && ui_read_input(p->ui, clock_mono_ns()) < 0)
            p->leave = p->gone = true;
    }
    return 0;
}

static int
play(struct playback *p)
{
    struct ui_config config = {
        .agent = p->terminal.n > 0, .in_fd = STDIN_FILENO, .out_fd = STDOUT_FILENO};
    sigset_t set;
    sigemptyset(&set);
    static const int signals[] = {SIGWINCH, SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        sigaddset(&set, signals[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    cleanup_fd int signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    int ret = signal_fd < 0 ? -errno : ui_new(&config, &ops, p, &p->ui, p->err);
    if (ret < 0)
        return ret;
    die_set_hook(ui_emergency_restore);
    p->start_ns = p->last_ns = clock_mono_ns();
    show_session(p);
    while (ret >= 0 && !p->leave)
        ret = turn(p, signal_fd);
    die_set_hook(NULL);
    p->ui = ui_free(p->ui);
    return ret;
}

int
replay_pane(struct replay *r)
{
    cleanup_err struct err err = {0};
    struct playback p = {.r = r, .err = &err};
    const struct log_filter *f = &r->filter;
    if (f->f.verdicts || f->f.deciders || f->f.ops || f->f.risks || f->f.kinds || f->f.paths ||
        f->f.exes || f->f.hosts || f->f.pids || f->f.ports || f->f.greps || f->f.waited ||
        f->f.asked)
        return options_error(&r->o, "in the pane only --since and --until filter; use --plain");
    for (size_t i = 0; i < r->archive.sessions_n; i++) {
        if (r->archive.sessions[i]->selected && p.session)
            return options_error(&r->o, "the pane shows one session; use --plain for several");
        if (r->archive.sessions[i]->selected)
            p.session = r->archive.sessions[i];
    }
    p.reader = r->archive.readers[p.session->reader];
    p.line.speed = r->speed > 0 ? r->speed : 1;
    int ret = replay_terminal_open(&p.terminal, p.reader, p.session, &err);
    if (ret >= 0)
        ret = playback_lay(&p);
    p.follow = r->follow && p.live;
    if (ret >= 0)
        ret = play(&p);
    replay_terminal_done(&p.terminal);
    replay_whatif_done(&p.whatif);
    replay_find_done(&p.find);
    timeline_done(&p.line);
    free(p.keys);
    free(p.spans);
    return ret < 0 ? archive_failed(&r->archive, &err) : 0;
}
