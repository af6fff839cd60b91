// SPDX-License-Identifier: Apache-2.0
// nono log -i: the browser, fed from the record. Keys of all that is listed are held; rows are read
// as they come into sight.
#include <errno.h>
#include <langinfo.h>
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
#include "log.h"
#include "ui.h"
#include "util.h"

struct key_list {
    struct event_key *list; /* by time; owned */
    size_t n;
};

struct browsing {
    struct log *l;
    struct key_list all;    /* what the command line wants */
    struct key_list kinds;  /* the same with all kinds of events, once a filter asked for one */
    struct key_list listed; /* what the filter in force leaves */
    struct key_list found;  /* what the search finds, listed or not */
    bool outcomes;          /* listed are outcomes, not events of all kinds */
    // Of the row that is being read.
    struct buf *out;
    struct archive_session *session;
    uint64_t request;
    struct err err;
};

static void
key_list_done(struct key_list *k)
{
    free(k->list);
    *k = (struct key_list){0};
}

// The first of the list that is not before key.
static size_t
lower_bound(const struct key_list *k, const struct event_key *key)
{
    size_t low = 0, high = k->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (event_key_compare(&k->list[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct key_list
key_list_both(const struct key_list *a, const struct key_list *b)
{
    struct key_list both = {.list = xcalloc((a->n < b->n ? a->n : b->n) + 1, sizeof *both.list)};
    for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
        int c = event_key_compare(&a->list[i], &b->list[k]);
        if (c == 0)
            both.list[both.n++] = a->list[i];
        i += c <= 0;
        k += c >= 0;
    }
    return both;
}

static int
read_keys(struct browsing *b, struct event_filter *f, struct key_list *ret_keys)
{
    cleanup_err struct err err = {0};
    f->by_time = true;
    return archive_keys(&b->l->archive, f, &ret_keys->list, &ret_keys->n, &err);
}

// What the words find among all that is recorded of the sessions. 0 or -errno with *why.
static int
find(struct browsing *b, const char *words, bool *ret_kinds, struct key_list *ret_keys,
     struct buf *why)
{
    struct log_filter filter = {0};
    cleanup_free char *copy = xstrdup(words);
    int ret = log_filter_words(&filter, copy, why);
    *ret_kinds = filter.f.kinds != 0;
    filter.f.outcomes = b->l->filter.f.outcomes && !filter.f.kinds;
    if (ret == 0 && (ret = read_keys(b, &filter.f, ret_keys)) < 0)
        buf_puts(why, "the record can't be read");
    log_filter_done(&filter);
    return ret;
}

static int
want_kinds(struct browsing *b, struct buf *why)
{
    struct event_filter f = b->l->filter.f;
    f.outcomes = false;
    if (b->kinds.list || read_keys(b, &f, &b->kinds) == 0)
        return 0;
    buf_puts(why, "the record can't be read");
    return -EIO;
}

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
on_sift(void *ctx, const char *words, size_t *at, size_t *ret_n, struct buf *why)
{
    struct browsing *b = ctx;
    struct key_list found = {0}, listed;
    bool kinds = false;
    if (words[strspn(words, " ")]) {
        int ret = find(b, words, &kinds, &found, why);
        if (ret == 0 && kinds)
            ret = want_kinds(b, why);
        if (ret < 0) {
            key_list_done(&found);
            return ret;
        }
        listed = key_list_both(kinds ? &b->kinds : &b->all, &found);
        key_list_done(&found);
    } else {
        listed = key_list_both(&b->all, &b->all);
    }
    size_t near = b->listed.n ? lower_bound(&listed, &b->listed.list[*at]) : listed.n;
    *at = near < listed.n ? near : listed.n ? listed.n - 1 : 0;
    *ret_n = listed.n;
    key_list_done(&b->listed);
    b->listed = listed;
    b->outcomes = b->l->filter.f.outcomes && !kinds;
    return 0;
}

static int
on_search(void *ctx, const char *words, struct buf *why)
{
    struct browsing *b = ctx;
    struct log_filter filter = {0};
    struct options o = {
        .help = &(const struct options_help){.synopsis = "nono log"}, .arg = words, .said = why};
    struct key_list found = {0};
    int ret = log_filter_option(&filter, &o, OPT_FILTER_GREP);
    ret = ret < 0 ? ret : log_filter_finish(&filter, &o);
    filter.f.outcomes = b->outcomes;
    if (ret == 0 && (ret = read_keys(b, &filter.f, &found)) < 0)
        buf_puts(why, "the record can't be read");
    if (ret == 0) {
        key_list_done(&b->found);
        b->found = key_list_both(&b->listed, &found);
    }
    key_list_done(&found);
    log_filter_done(&filter);
    return ret;
}

static bool
on_next(void *ctx, size_t from, int direction, size_t *ret_i)
{
    struct browsing *b = ctx;
    if (!b->found.n || !b->listed.n)
        return false;
    const struct event_key *here = &b->listed.list[from];
    size_t i = lower_bound(&b->found, here);
    if (direction > 0)
        i += i < b->found.n && event_key_compare(&b->found.list[i], here) == 0;
    else if (i-- == 0)
        return false;
    if (i >= b->found.n)
        return false;
    *ret_i = lower_bound(&b->listed, &b->found.list[i]);
    return true;
}

static const struct browse_ops ops = {
    .line = on_line,
    .whole = on_whole,
    .place = on_place,
    .sift = on_sift,
    .search = on_search,
    .next = on_next,
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

static void
loop(struct browser *b, int signal_fd)
{
    for (bool leave = false; !leave;) {
        int wait = browser_draw(b, clock_mono_ns());
        struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = signal_fd, .events = POLLIN}};
        if (poll(fds, ARRAY_SIZE(fds), wait) < 0 && errno != EINTR)
            return;
        leave = (fds[1].revents && take_signals(b, signal_fd)) ||
                browser_read_input(b, clock_mono_ns()) != 0;
    }
}

static int
browse(struct browsing *b, struct err *err)
{
    static const int signals[] = {SIGWINCH, SIGINT, SIGTERM, SIGHUP};
    struct browser *browser = NULL;
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        sigaddset(&set, signals[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    cleanup_fd int signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signal_fd < 0)
        return err_set(err, -errno, "signalfd: %s", strerror(errno));
    int ret = browser_new(STDIN_FILENO, STDOUT_FILENO, &ops, b, b->listed.n, &browser, err);
    if (ret < 0)
        return ret;
    die_set_hook(ui_emergency_restore);
    loop(browser, signal_fd);
    die_set_hook(NULL);
    browser_free(browser);
    return 0;
}

int
log_browse(struct log *l)
{
    cleanup_err struct err err = {0};
    struct browsing b = {.l = l, .outcomes = l->filter.f.outcomes};
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return options_error(&l->o, "-i needs a terminal");
    l->printer.display = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? 0 : DISPLAY_ASCII;
    l->printer.now_ns = clock_real_ns();
    l->filter.f.by_time = true;
    int ret = archive_keys(&l->archive, &l->filter.f, &b.all.list, &b.all.n, &err);
    if (ret < 0)
        return archive_failed(&l->archive, &err);
    b.listed = key_list_both(&b.all, &b.all);
    ret = browse(&b, &err);
    key_list_done(&b.all);
    key_list_done(&b.kinds);
    key_list_done(&b.listed);
    key_list_done(&b.found);
    err_done(&b.err);
    return ret < 0 ? options_error(&l->o, "%s", err.msg) : 0;
}
