// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "display.h"
#include "log_print.h"
#include "util.h"

static void
put(struct log_printer *p, const char *label, const char *text)
{
    if (text && text[0])
        fprintf(p->out, "    %-10s %s\n", label, text);
}

static void
put_text(struct log_printer *p, const char *label, const char *s)
{
    cleanup_free char *shown = s && s[0] ? display_str(s, p->display | DISPLAY_QUOTE) : NULL;
    put(p, label, shown);
}

static void
put_task(struct log_printer *p, const struct event_row *row)
{
    cleanup_buf struct buf argv = {0};
    log_put_argv(&argv, row->argv ? row->argv : "", row->argv_len, p->display);
    cleanup_free char *program =
        row->exe && row->exe[0] ? display_str(row->exe, p->display | DISPLAY_QUOTE) : xstrdup("?");
    if (row->pid >= 0)
        fprintf(p->out, "    %-10s %s, process %d\n", "Program", program, (int)row->pid);
    if (row->exe_sha256) {
        cleanup_buf struct buf digest = {0};
        buf_puts(&digest, "SHA-256 ");
        log_put_digest(&digest, row->exe_sha256);
        put(p, "", buf_str(&digest));
    }
    put(p, "Command", buf_str(&argv));
    put_text(p, "Directory", row->cwd);
    if (row->ancestry && row->ancestry[0]) {
        cleanup_free char *shown = display_str(row->ancestry, p->display);
        put(p, "Started by", shown);
    }
}

static void
put_decision(struct log_printer *p, const struct event_row *row)
{
    cleanup_buf struct buf b = {0};
    if ((int)row->verdict < 0)
        return;
    buf_puts(&b, verdict_to_string(row->verdict));
    if ((int)row->scope >= 0)
        buf_printf(&b, ", %s", scope_to_string(row->scope));
    if ((int)row->reach >= 0)
        buf_printf(&b, ", %s", reach_to_string(row->reach));
    if (row->only_exe)
        buf_puts(&b, ", this program alone");
    if ((int)row->by >= 0)
        buf_printf(&b, ", by %s", decider_to_string(row->by));
    if (row->source && row->source[0]) {
        buf_puts(&b, " (");
        display_escape(&b, row->source, strlen(row->source), p->display);
        buf_putc(&b, ')');
    }
    put(p, "Decision", buf_str(&b));
    if ((int)row->reason > REASON_NONE)
        put(p, "Reason", reason_to_string(row->reason));
    if (row->error > 0)
        put(p, "Error", strerrorname_np(row->error));
    buf_reset(&b);
    if (row->waited_ms >= 0)
        log_put_duration(&b, row->waited_ms);
    put(p, "Waited", buf_str(&b));
    if (row->keys_ignored > 0)
        fprintf(p->out, "    %-10s %" PRId64 " ignored by the pane meanwhile\n", "Keys",
                row->keys_ignored);
    put_text(p, "Note", row->note);
    buf_reset(&b);
    if (row->kind == KIND_GRANT)
        buf_printf(&b, "%" PRIu64, row->count);
    else if (row->count > 1)
        buf_printf(&b, "%" PRIu64 " calls", row->count);
    put(p, row->kind == KIND_GRANT ? "Uses" : "Answered", buf_str(&b));
}

static void
put_network(struct log_printer *p, const struct event_row *row)
{
    cleanup_buf struct buf b = {0};
    log_put_address(&b, row);
    put(p, "Address", buf_str(&b));
    if (row->kind != KIND_NETWORK)
        return;
    put(p, "Decision", net_decision_to_string(row->net_decision));
    if (row->category > NET_CATEGORY_NONE)
        put(p, "Category", net_category_to_string(row->category));
    if (row->reason > REASON_NONE)
        put(p, "Reason", reason_to_string(row->reason));
}

void
log_print_verbose(struct log_printer *p, const struct archive_session *s,
                  const struct event_row *row)
{
    char when[64], zone[16];
    time_t t = (time_t)(row->real_ns / NS_PER_SEC);
    struct tm tm = {0};
    localtime_r(&t, &tm);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
    strftime(zone, sizeof zone, "%z", &tm);
    cleanup_free char *id = display_str(s->id, p->display);
    const char *kind = kind_to_string(row->kind);
    fprintf(p->out, "%s%s event %" PRIu64 "  %s%s", p->color ? "\033[1m" : "", id, row->seq,
            row->kind == KIND_DECISION ? log_outcome_word(s, row)
            : kind                     ? kind
                                       : "?",
            p->color ? "\033[0m" : "");
    if (row->request)
        fprintf(p->out, "  request %" PRIu64, row->request);
    fprintf(p->out, "\n    %-10s %s.%06u %s\n", "Time", when,
            (unsigned)(row->real_ns % NS_PER_SEC / 1000), zone);
    if ((int)row->op >= 0)
        put(p, "Operation", op_to_string(row->op));
    put_text(p, "Target", row->target);
    put_text(p, "Resolved", row->resolved);
    put_text(p, "To", row->target2);
    put_text(p, "Resolved", row->resolved2);
    put_text(p, "Detail", row->detail);
    put_text(p, "Script of", row->interpreter);
    cleanup_buf struct buf digest = {0};
    log_put_digest(&digest, row->sha256);
    put(p, "SHA-256", buf_str(&digest));
    put_text(p, "Host", row->host);
    put_network(p, row);
    if ((int)row->risk >= 0 && (row->risk || (row->tags && row->tags[0]))) {
        cleanup_buf struct buf b = {0};
        buf_puts(&b, risk_to_string(row->risk));
        if (row->tags && row->tags[0]) {
            buf_puts(&b, ": ");
            display_escape(&b, row->tags, strlen(row->tags), p->display);
        }
        put(p, "Risk", buf_str(&b));
    }
    put_decision(p, row);
    put_task(p, row);
    put_text(p, "Text", row->text);
    fputc('\n', p->out);
}

// What the events do not have: the object as it was, the call, why it was asked.
static void
print_facts(struct log_printer *p, const struct request *r)
{
    FILE *out = p->out;
    unsigned display = p->display;
    cleanup_buf struct buf b = {0};
    fprintf(out, "%sFacts%s\n", p->color ? "\033[1m" : "", p->color ? "\033[0m" : "");
    buf_printf(&b, "%s, flags 0x%" PRIx64 ", mode 0%o", r->call ? r->call : "?", r->flags, r->mode);
    put(p, "Call", buf_str(&b));
    buf_reset(&b);
    buf_printf(&b, "thread %d, started %" PRIu64 " ticks after boot, uid %u", (int)r->tid,
               r->start_time, r->uid);
    put(p, "Task", buf_str(&b));
    buf_reset(&b);
    if (r->peer.family)
        buf_printf(&b, "socket of family %d, type %d", r->peer.family, r->peer.type);
    else
        buf_printf(&b,
                   "%sdevice %" PRIu64 ", inode %" PRIu64 ", mode 0%o, owner %u:%u, %" PRIu64
                   " bytes, %" PRIu64 " links",
                   r->object.exists ? "" : "new; its directory: ", r->object.dev, r->object.ino,
                   r->object.mode, r->object.uid, r->object.gid, r->object.size, r->object.nlink);
    put(p, "Object", buf_str(&b));
    buf_reset(&b);
    const char *why = reason_to_string(r->why);
    buf_puts(&b, why ? why : "?");
    if (r->nearest[0]) {
        buf_puts(&b, request_asks_programs(r) ? ": " : "; nearest is ");
        display_escape(&b, r->nearest, strlen(r->nearest), display);
    }
    put(p, "Asked for", buf_str(&b));
    fputc('\n', out);
}

int
log_print_facts(struct log_printer *p, struct reader *reader, const struct archive_session *s,
                uint64_t request, struct err *err)
{
    cleanup_request struct request *r = NULL;
    int ret = reader_request(reader, s->id, request, &r, err);
    if (ret == 0 && r)
        print_facts(p, r);
    return ret;
}
