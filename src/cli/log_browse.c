// SPDX-License-Identifier: Apache-2.0
// nono log -i: the browser, fed from the record. Keys of all that is listed are held; rows are read
// as they come into sight.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "browser.h"
#include "clock.h"
#include "display.h"
#include "log_job.h"
#include "ui.h"
#include "util.h"

#define FOLLOW_MS 100 /* between two looks at whether anything was written */

struct browsing {
    struct log *l;
    struct key_list listed; /* what the command line and the filter in force leave */
    struct key_list found;  /* what the search finds, listed or not */
    bool outcomes;          /* listed are outcomes, not events of all kinds */
    struct buf words;       /* of the filter in force */
    struct browser *browser;
    struct log_job *page_job, *list_job, *find_job; /* at work; or NULL */
    struct buf asked; /* words that list_job is to make the filter in force */
    bool sifting;     /* that is what it does, not following */
    bool following;
    int64_t seen; /* of the record's version, when following looked last */
    // Of the row that is being read.
    struct buf *out;
    struct archive_session *session;
    uint64_t request;
    struct err err;
};

// --- what the browser asks for ----------------------------------------------------------------

static int
put_line(void *ctx, struct archive_session *s, const struct event_row *row)
{
    struct browsing *b = ctx;
    log_put_event(&b->l->printer, b->out, s, row);
    return 0;
}

static int
put_place(void *ctx, struct archive_session *s, const struct event_row *row)
{
    struct browsing *b = ctx;
    char day[16];
    time_t t = (time_t)(row->real_ns / NS_PER_SEC);
    struct tm tm = {0};
    localtime_r(&t, &tm);
    strftime(day, sizeof day, "%Y-%m-%d", &tm);
    cleanup_free char *id = display_str(s->id, b->l->printer.display);
    buf_printf(b->out, "%s  %s  ", day, id);
    log_put_argv(b->out, s->argv, s->argv_len, b->l->printer.display);
    return 0;
}

static int
print_whole(void *ctx, const struct event_row *row)
{
    struct browsing *b = ctx;
    log_print_verbose(&b->l->printer, b->session, row);
    return 0;
}

static int
note_row(void *ctx, struct archive_session *s, const struct event_row *row)
{
    struct browsing *b = ctx;
    b->session = s;
    b->request = row->request;
    return row->request ? 0 : print_whole(b, row);
}

// All events of the request that this one is about, and what none of them has; or itself.
static int
read_whole(struct browsing *b, const struct event_key *key)
{
    b->session = NULL;
    int ret = archive_event(&b->l->archive, key, note_row, b, &b->err);
    if (ret < 0 || !b->session || !b->request)
        return ret;
    struct reader *reader = b->l->archive.readers[key->reader];
    const char *const ids[] = {b->session->id, NULL};
    struct event_filter f = {.sessions = ids, .request = b->request};
    ret = reader_events(reader, &f, print_whole, b, &b->err);
    if (ret == 0)
        ret = log_print_facts(&b->l->printer, reader, b->session, b->request, &b->err);
    return ret;
}

static void
tell(struct browsing *b, int ret, size_t before)
{
    if (ret < 0)
        buf_puts(b->out, "  the record can't be read");
    else if (b->out->len == before)
        buf_puts(b->out, "  gone: it was pruned");
}

static void
put(struct browsing *b, size_t i, archive_fn fn, struct buf *out)
{
    size_t before = out->len;
    err_done(&b->err);
    b->out = out;
    tell(b, archive_event(&b->l->archive, &b->listed.list[i], fn, b, &b->err), before);
}

static void
on_whole(void *ctx, size_t i, struct buf *ret_lines)
{
    struct browsing *b = ctx;
    char *text = NULL;
    size_t n = 0;
    err_done(&b->err);
    b->out = ret_lines;
    b->l->printer.out = open_memstream(&text, &n);
    if (!b->l->printer.out)
        die("out of memory");
    int ret = read_whole(b, &b->listed.list[i]);
    fclose(b->l->printer.out);
    buf_puts(ret_lines, text);
    free(text);
    tell(b, ret, 0);
}

static void
on_line(void *ctx, size_t i, struct buf *ret_line)
{
    put(ctx, i, put_line, ret_line);
}

static void
on_place(void *ctx, size_t i, struct buf *ret_text)
{
    put(ctx, i, put_place, ret_text);
}

static int
on_sift(void *ctx, const char *words, struct buf *why)
{
    struct browsing *b = ctx;
    struct log_job *job = NULL;
    int ret = log_job_start(b->l, LOG_JOB_LIST, words, &job, why);
    if (ret < 0)
        return ret;
    // What is on its way is of another filter.
    log_job_stop(b->list_job);
    b->list_job = job;
    b->sifting = true;
    buf_reset(&b->asked);
    buf_puts(&b->asked, words);
    return 0;
}

static int
on_search(void *ctx, const char *words, struct buf *why)
{
    struct browsing *b = ctx;
    struct log l = *b->l;
    l.filter.f.outcomes = b->outcomes;
    return log_job_start(&l, LOG_JOB_FIND, words, &b->find_job, why);
}

static bool
on_next(void *ctx, size_t from, int direction, size_t *ret_i)
{
    struct browsing *b = ctx;
    if (!b->found.n || !b->listed.n)
        return false;
    const struct event_key *here = &b->listed.list[from];
    size_t i = key_list_find(&b->found, here);
    if (direction > 0)
        i += i < b->found.n && event_key_compare(&b->found.list[i], here) == 0;
    else if (i-- == 0)
        return false;
    if (i >= b->found.n)
        return false;
    *ret_i = key_list_find(&b->listed, &b->found.list[i]);
    return true;
}

static void
on_page(void *ctx, enum browse_page page)
{
    struct browsing *b = ctx;
    cleanup_buf struct buf why = {0};
    enum log_job_kind kind = page == BROWSE_TREE ? LOG_JOB_TREE : LOG_JOB_STATS;
    b->page_job = log_job_stop(b->page_job);
    if (page != BROWSE_NO_PAGE &&
        log_job_start(b->l, kind, buf_str(&b->words), &b->page_job, &why) < 0)
        browser_set_page(b->browser, buf_str(&why));
}

static void
on_follow(void *ctx, bool on)
{
    struct browsing *b = ctx;
    b->following = on;
    b->seen = -1;
    if (!b->sifting)
        b->list_job = log_job_stop(b->list_job);
}

static const struct browse_ops ops = {
    .line = on_line,
    .whole = on_whole,
    .place = on_place,
    .sift = on_sift,
    .search = on_search,
    .next = on_next,
    .page = on_page,
    .follow = on_follow,
};

// --- the loop ---------------------------------------------------------------------------------

static bool
take_signals(struct browser *b, int fd)
{
    struct signalfd_siginfo s;
    bool leave = false;
    while (read(fd, &s, sizeof s) == sizeof s) {
        if (s.ssi_signo == SIGWINCH)
            browser_resized(b);
        else
            leave = true;
    }
    return leave;
}

#define UNREADABLE "the record can't be read"

static void
take_page(struct browsing *b)
{
    struct log_job_result r;
    log_job_take(b->page_job, &r);
    b->page_job = NULL;
    browser_set_page(b->browser, r.error               ? "  " UNREADABLE "\n"
                                 : r.text && r.text[0] ? r.text
                                                       : "  nothing to show\n");
    free(r.text);
}

// What the words left: the cursor is on the nearest one. News: it stays at the end when it was
// there, else with its entry.
static void
take_list(struct browsing *b)
{
    struct log_job_result r;
    size_t at = browser_at(b->browser), near = 0;
    bool sifting = b->sifting, end = at + 1 >= b->listed.n;
    log_job_take(b->list_job, &r);
    b->list_job = NULL;
    b->sifting = false;
    // Sessions that began meanwhile have to be known by name.
    if (r.error == 0)
        r.error = archive_refresh(&b->l->archive, NULL);
    if (r.error) {
        key_list_done(&r.keys);
        if (sifting)
            browser_sifted(b->browser, 0, 0, UNREADABLE);
        return;
    }
    if (b->listed.n && !(end && !sifting))
        near = key_list_find(&r.keys, &b->listed.list[at]);
    else
        near = r.keys.n;
    if (near >= r.keys.n)
        near = r.keys.n ? r.keys.n - 1 : 0;
    key_list_done(&b->listed);
    b->listed = r.keys;
    b->outcomes = r.outcomes;
    if (!sifting) {
        browser_set_list(b->browser, r.keys.n, near);
        return;
    }
    buf_reset(&b->words);
    buf_puts(&b->words, buf_str(&b->asked));
    browser_sifted(b->browser, r.keys.n, near, NULL);
}

static void
take_found(struct browsing *b)
{
    struct log_job_result r;
    log_job_take(b->find_job, &r);
    b->find_job = NULL;
    if (r.error == 0) {
        key_list_done(&b->found);
        b->found = r.keys;
    }
    browser_searched(b->browser, r.error ? UNREADABLE : NULL);
}

// Looks for news, when nobody is looking already.
static void
follow(struct browsing *b)
{
    cleanup_buf struct buf why = {0};
    int64_t version = 0;
    for (size_t i = 0; i < b->l->archive.readers_n; i++)
        version += reader_version(b->l->archive.readers[i]);
    if (version != b->seen &&
        log_job_start(b->l, LOG_JOB_LIST, buf_str(&b->words), &b->list_job, &why) == 0)
        b->seen = version;
}

static void
loop(struct browsing *b, int signal_fd)
{
    const struct {
        struct log_job **job;
        void (*take)(struct browsing *b);
    } jobs[] = {{&b->page_job, take_page}, {&b->list_job, take_list}, {&b->find_job, take_found}};
    enum { JOBS = ARRAY_SIZE(jobs) };
    for (bool leave = false; !leave;) {
        if (b->following && !b->list_job)
            follow(b);
        b->l->printer.now_ns = clock_real_ns();
        int wait = browser_draw(b->browser, clock_mono_ns());
        if (b->following && (wait < 0 || wait > FOLLOW_MS))
            wait = FOLLOW_MS;
        struct pollfd fds[JOBS + 2] = {[JOBS] = {.fd = STDIN_FILENO, .events = POLLIN},
                                       [JOBS + 1] = {.fd = signal_fd, .events = POLLIN}};
        for (int i = 0; i < JOBS; i++)
            fds[i] = (struct pollfd){.fd = *jobs[i].job ? log_job_fd(*jobs[i].job) : -1,
                                     .events = POLLIN};
        if (poll(fds, ARRAY_SIZE(fds), wait) < 0 && errno != EINTR)
            return;
        for (int i = 0; i < JOBS; i++)
            if (fds[i].revents)
                jobs[i].take(b);
        leave = (fds[JOBS + 1].revents && take_signals(b->browser, signal_fd)) ||
                browser_read_input(b->browser, clock_mono_ns()) != 0;
    }
}

static int
browse(struct browsing *b, struct err *err)
{
    static const int signals[] = {SIGWINCH, SIGINT, SIGTERM, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        sigaddset(&set, signals[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    cleanup_fd int signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signal_fd < 0)
        return err_set(err, -errno, "signalfd: %s", strerror(errno));
    int ret = browser_new(STDIN_FILENO, STDOUT_FILENO, &ops, b, b->listed.n, &b->browser, err);
    if (ret < 0)
        return ret;
    die_set_hook(ui_emergency_restore);
    if (b->l->follow)
        browser_press(b->browser, 'F');
    loop(b, signal_fd);
    die_set_hook(NULL);
    b->browser = browser_free(b->browser);
    b->page_job = log_job_stop(b->page_job);
    b->list_job = log_job_stop(b->list_job);
    b->find_job = log_job_stop(b->find_job);
    return 0;
}

int
log_browse(struct log *l)
{
    cleanup_err struct err err = {0};
    struct browsing b = {.l = l, .outcomes = l->filter.f.outcomes};
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return options_error(&l->o, "-i needs a terminal");
    l->printer.display = display_flags_of(STDOUT_FILENO);
    l->printer.now_ns = clock_real_ns();
    l->filter.f.by_time = true;
    int ret = archive_keys(&l->archive, &l->filter.f, &b.listed.list, &b.listed.n, &err);
    if (ret < 0)
        return archive_failed(&l->archive, &err);
    ret = browse(&b, &err);
    key_list_done(&b.listed);
    key_list_done(&b.found);
    buf_done(&b.words);
    buf_done(&b.asked);
    err_done(&b.err);
    return ret < 0 ? options_fail(&l->o, EXIT_FAILURE, "%s", err.msg) : 0;
}
