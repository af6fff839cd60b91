// SPDX-License-Identifier: Apache-2.0
#include "log_print.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "buf.h"
#include "clock.h"
#include "display.h"
#include "util.h"

#define GREEN "\033[32m"
#define RED "\033[31m"
#define YELLOW "\033[33m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

static struct tm
local_time(uint64_t real_ns)
{
    time_t t = (time_t)(real_ns / NS_PER_SEC);
    struct tm tm = {0};
    localtime_r(&t, &tm);
    return tm;
}

// Appends text padded to columns, coloured.
static void
put_column(const struct log_printer *p, struct buf *b, const char *color, size_t columns,
           const char *text)
{
    buf_printf(b, "%s%s%s", p->color ? color : "", text, p->color && color[0] ? PLAIN : "");
    for (size_t n = display_width(text); n < columns; n++)
        buf_putc(b, ' ');
    buf_putc(b, ' ');
}

static void
put_shown(const struct log_printer *p, struct buf *b, const char *s)
{
    display_escape(b, s, strlen(s), p->display | DISPLAY_QUOTE);
}

void
log_put_argv(struct buf *b, const char *argv, size_t n, unsigned display)
{
    for (size_t i = 0; i < n;) {
        size_t len = strnlen(argv + i, n - i);
        if (i)
            buf_putc(b, ' ');
        display_escape(b, argv + i, len, display | DISPLAY_QUOTE);
        i += len + 1;
    }
}

const char *
log_family_word(int family)
{
    return family == AF_UNIX      ? "unix"
           : family == AF_INET    ? "inet"
           : family == AF_INET6   ? "inet6"
           : family == AF_NETLINK ? "netlink"
                                  : NULL;
}

const char *
log_unix_kind_word(const struct event_row *row)
{
    const char *name = row->resolved ? row->resolved : row->target;
    if (row->family != AF_UNIX)
        return NULL;
    if (row->abstract)
        return "abstract";
    return !name || !name[0] || strcmp(name, "unix:<unnamed>") == 0 ? "unnamed" : "pathname";
}

void
log_format_time(char *out, size_t n, uint64_t real_ns)
{
    time_t t = (time_t)(real_ns / NS_PER_SEC);
    struct tm tm = {0};
    char when[32];
    gmtime_r(&t, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, n, "%s.%09uZ", when, (unsigned)(real_ns % NS_PER_SEC));
}

static const char *
state_color(enum session_state s)
{
    return s == SESSION_CRASHED ? RED : s == SESSION_RUNNING ? GREEN : "";
}

void
log_put_end(struct buf *b, const struct archive_session *s)
{
    if (s->state != SESSION_EXITED)
        return;
    if (s->wait_status == -1)
        buf_puts(b, ", never started");
    else if (WIFSIGNALED(s->wait_status))
        buf_printf(b, ", killed by SIG%s",
                   sigabbrev_np(WTERMSIG(s->wait_status)) ? sigabbrev_np(WTERMSIG(s->wait_status))
                                                          : "?");
    else
        buf_printf(b, ", exit %d", WEXITSTATUS(s->wait_status));
}

static void
put_counts(struct buf *b, const struct archive_session *s)
{
    const struct session_counts *c = &s->counts;
    buf_printf(b, "  (requests %" PRIu64 ", allowed %" PRIu64 ", refused %" PRIu64, c->asked,
               c->allowed, c->refused);
    if (c->waiting)
        buf_printf(b, ", %" PRIu64 " %s", c->waiting,
                   s->state == SESSION_RUNNING ? "waiting" : "lost");
    if (c->floor)
        buf_printf(b, ", inside the floor %" PRIu64, c->floor);
    log_put_end(b, s);
    buf_putc(b, ')');
}

void
log_print_session(struct log_printer *p, const struct archive_session *s)
{
    cleanup_buf struct buf b = {0};
    struct tm tm = local_time(s->started_ns);
    char when[32];
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
    cleanup_free char *id = display_str(s->id, p->display);
    put_column(p, &b, BOLD, 12, id);
    put_column(p, &b, state_color(s->state), 7, session_state_to_string(s->state));
    buf_printf(&b, "%s  ", when);
    if (s->name[0]) {
        put_shown(p, &b, s->name);
        buf_puts(&b, ": ");
    }
    log_put_argv(&b, s->argv, s->argv_len, p->display);
    if (!p->brief)
        put_counts(&b, s);
    fprintf(p->out, "%s\n", buf_str(&b));
    p->day = tm.tm_yday;
    p->year = tm.tm_year;
}

static const char *
or_dash(const char *word)
{
    return word ? word : "-";
}

struct outcome {
    const char *word;
    const char *color;
};

bool
log_was_asked(const struct event_row *row)
{
    return row->by == DECIDER_USER || row->by == DECIDER_TIMEOUT;
}

static bool
net_passed(const struct event_row *row)
{
    return row->net_decision == NET_ALLOW || row->net_decision == NET_GRANTED;
}

static struct outcome
outcome_of(const struct archive_session *s, const struct event_row *row)
{
    if (row->kind == KIND_FAULT)
        return (struct outcome){"fault", RED};
    if (row->kind == KIND_REQUEST && row->decided)
        return (struct outcome){"asked", YELLOW};
    if (row->kind == KIND_REQUEST)
        return s->state == SESSION_RUNNING ? (struct outcome){"waiting", YELLOW}
                                           : (struct outcome){"lost", YELLOW};
    if (row->kind == KIND_NETWORK)
        return (struct outcome){or_dash(net_decision_to_string(row->net_decision)),
                                net_passed(row) ? GREEN : RED};
    if (row->kind != KIND_DECISION)
        return (struct outcome){or_dash(kind_to_string(row->kind)), ""};
    bool asked = log_was_asked(row);
    switch (row->verdict) {
    case VERDICT_ALLOW:
        return (struct outcome){asked ? "ASK>allow" : "allow", GREEN};
    case VERDICT_DENY:
        return (struct outcome){asked ? "ASK>deny" : "deny", RED};
    case VERDICT_EXPIRED:
        return (struct outcome){asked ? "ASK>expired" : "expired", RED};
    case VERDICT_WITHDRAWN:
        return (struct outcome){"withdrawn", YELLOW};
    case _VERDICT_MAX:
    case _VERDICT_INVALID:
        break;
    }
    return (struct outcome){"?", RED};
}

const char *
log_outcome_word(const struct archive_session *s, const struct event_row *row)
{
    return outcome_of(s, row).word;
}

void
log_put_duration(struct buf *b, int64_t ms)
{
    if (ms < 1000)
        buf_printf(b, "%" PRId64 " ms", ms);
    else if (ms < 100 * 1000)
        buf_printf(b, "%.1f s", (double)ms / 1000);
    else if (ms < 100 * 60 * 1000)
        buf_printf(b, "%" PRId64 " min", ms / 60000);
    else
        buf_printf(b, "%" PRId64 " h", ms / 3600000);
}

void
log_put_digest(struct buf *b, const uint8_t *sha256)
{
    buf_hex(b, sha256, sha256 ? SHA256_LEN : 0);
}

static void
put_who(const struct log_printer *p, struct buf *b, const struct event_row *row)
{
    const char *slash = row->exe ? strrchr(row->exe, '/') : NULL;
    const char *program = slash ? slash + 1 : row->exe && row->exe[0] ? row->exe : "?";
    buf_puts(b, "  ");
    put_shown(p, b, program);
    buf_printf(b, "/%d", (int)row->pid);
}

static void
put_by(const struct log_printer *p, struct buf *b, const struct event_row *row)
{
    cleanup_buf struct buf by = {0};
    buf_puts(&by, or_dash(decider_to_string(row->by)));
    // What the floor refuses has no rule that could be named: the detail says why.
    const char *why =
        row->by == DECIDER_FLOOR && row->verdict == VERDICT_DENY ? row->detail : row->source;
    if (why && why[0]) {
        cleanup_free char *shown = display_str(why, p->display);
        buf_printf(&by, " (%s)", shown);
    }
    put_column(p, b, "", 17, buf_str(&by));
}

static void
put_request(const struct log_printer *p, struct buf *b, const struct archive_session *s,
            const struct event_row *row)
{
    cleanup_buf struct buf scope = {0};
    buf_puts(&scope, or_dash(scope_to_string(row->scope)));
    if ((int)row->reach > REACH_OBJECT)
        buf_printf(&scope, "/%s", or_dash(reach_to_string(row->reach)));
    put_by(p, b, row);
    put_column(p, b, "", 8, buf_str(&scope));
    put_column(p, b, "", 9, or_dash(op_to_string(row->op)));
    const char *path = row->resolved && row->resolved[0] ? row->resolved : row->target;
    put_shown(p, b, path ? path : "");
    if (row->resolved2 && row->resolved2[0]) {
        buf_puts(b, " -> ");
        put_shown(p, b, row->resolved2);
    }
    put_who(p, b, row);
    if (row->waited_ms > 0 || (row->waited_ms == 0 && log_was_asked(row))) {
        buf_puts(b, "  after ");
        log_put_duration(b, row->waited_ms);
    } else if (row->waited_ms < 0 && s->state == SESSION_RUNNING && p->now_ns > row->real_ns) {
        buf_puts(b, "  for ");
        log_put_duration(b, (int64_t)((p->now_ns - row->real_ns) / NS_PER_MS));
    }
    if (row->count > 1)
        buf_printf(b, "  x%" PRIu64, row->count);
    if (row->note && row->note[0]) {
        buf_puts(b, "  # ");
        display_escape(b, row->note, strlen(row->note), p->display);
    }
}

const char *
log_format_address(char out[INET6_ADDRSTRLEN], const struct event_row *row)
{
    size_t len = row->family == AF_INET ? 4 : row->family == AF_INET6 ? 16 : 0;
    return len && row->addr_len >= len ? inet_ntop(row->family, row->addr, out, INET6_ADDRSTRLEN)
                                       : NULL;
}

void
log_put_address(struct buf *b, const struct event_row *row)
{
    char text[INET6_ADDRSTRLEN];
    if (log_format_address(text, row))
        buf_printf(b, row->family == AF_INET6 ? "[%s]:%d" : "%s:%d", text, row->port);
}

// Whether there was a request about it or not.
static void
put_network(const struct log_printer *p, struct buf *b, const struct event_row *row)
{
    cleanup_buf struct buf address = {0};
    log_put_address(&address, row);
    put_column(p, b, "", 26,
               row->category > NET_CATEGORY_NONE ? or_dash(net_category_to_string(row->category))
                                                 : "-");
    put_column(p, b, "", 9, or_dash(op_to_string(row->op)));
    const char *to = row->resolved && row->resolved[0] ? row->resolved : row->target;
    put_shown(p, b, to ? to : "");
    if (address.len && to && strcmp(to, buf_str(&address)) != 0)
        buf_printf(b, " (%s)", buf_str(&address));
    put_who(p, b, row);
}

void
log_put_event(const struct log_printer *p, struct buf *b, const struct archive_session *s,
              const struct event_row *row)
{
    struct tm tm = local_time(row->real_ns);
    char text[32];
    strftime(text, sizeof text, "%H:%M:%S", &tm);
    buf_printf(b, "  %s.%03u ", text, (unsigned)(row->real_ns % NS_PER_SEC / NS_PER_MS));
    struct outcome o = outcome_of(s, row);
    put_column(p, b, o.color, 11, o.word);
    if (row->kind == KIND_NETWORK)
        put_network(p, b, row);
    else if (row->request)
        put_request(p, b, s, row);
    else if (row->text)
        display_escape(b, row->text, strlen(row->text), p->display);
}

void
log_print_event(struct log_printer *p, const struct archive_session *s, const struct event_row *row)
{
    cleanup_buf struct buf b = {0};
    struct tm tm = local_time(row->real_ns);
    char text[32];
    if (tm.tm_yday != p->day || tm.tm_year != p->year) {
        strftime(text, sizeof text, "%Y-%m-%d", &tm);
        fprintf(p->out, "  %s\n", text);
        p->day = tm.tm_yday;
        p->year = tm.tm_year;
    }
    log_put_event(p, &b, s, row);
    fprintf(p->out, "%s\n", buf_str(&b));
}
