// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <string.h>

#include "display.h"
#include "log_print.h"
#include "util.h"

// A spreadsheet takes a cell that starts like this for a formula, and runs it; some take the wide
// forms of these characters too.
static bool
is_formula(const char *text)
{
    static const char *const starts[] = {"=",      "+",      "-",      "@",
                                         "\uff1d", "\uff0b", "\uff0d", "\uff20"};
    for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
        if (strncmp(text, starts[i], strlen(starts[i])) == 0)
            return true;
    }
    return false;
}

static void
put_cell(struct buf *b, const char *text)
{
    if (b->len)
        buf_putc(b, ',');
    bool formula = is_formula(text);
    if (!strpbrk(text, ",\"\r\n") && text[0] != ' ' && !formula) {
        buf_puts(b, text);
        return;
    }
    buf_putc(b, '"');
    if (formula)
        buf_putc(b, '\'');
    for (const char *p = text; *p; p++) {
        if (*p == '"')
            buf_putc(b, '"');
        buf_putc(b, *p);
    }
    buf_putc(b, '"');
}

static void
put_word(struct buf *b, const char *word)
{
    put_cell(b, word ? word : "");
}

static void
put_text(struct buf *b, const char *s)
{
    cleanup_free char *shown = s ? display_str(s, 0) : NULL;
    put_word(b, shown);
}

// Absent: an empty cell.
static void
put_number(struct buf *b, bool present, int64_t n)
{
    if (b->len)
        buf_putc(b, ',');
    if (present)
        buf_printf(b, "%" PRId64, n);
}

void
log_begin_csv(struct log_printer *p)
{
    fputs("seq,ts,session,kind,request,op,target,resolved,access,pid,exe,argv,cwd,ancestry,"
          "verdict,scope,reach,by,reason,waited_ms,errno,risk,tags,source,note,text,count,last,"
          "target2,resolved2,detail,interpreter,family,host,port,unix_kind,decision,category,"
          "grant,sha256,exe_sha256,keys_ignored,addr,only_exe\r\n",
          p->out);
}

static void
put_task(struct buf *b, const struct event_row *row)
{
    cleanup_buf struct buf argv = {0};
    log_put_argv(&argv, row->argv ? row->argv : "", row->argv_len, 0);
    put_number(b, row->pid >= 0, row->pid);
    put_text(b, row->exe);
    put_word(b, buf_str(&argv));
    put_text(b, row->cwd);
    put_text(b, row->ancestry);
}

static void
put_decision(struct buf *b, const struct event_row *row)
{
    put_word(b, verdict_to_string(row->verdict));
    put_word(b, scope_to_string(row->scope));
    put_word(b, reach_to_string(row->reach));
    put_word(b, decider_to_string(row->by));
    put_word(b, row->reason == REASON_NONE ? NULL : reason_to_string(row->reason));
    put_number(b, row->waited_ms >= 0, row->waited_ms);
    put_number(b, row->error > 0, row->error);
}

static void
put_digest(struct buf *b, const uint8_t *sha256)
{
    cleanup_buf struct buf digest = {0};
    log_put_digest(&digest, sha256);
    put_word(b, buf_str(&digest));
}

// Columns are only ever added, at the end.
static void
put_more(struct buf *b, const struct event_row *row)
{
    const char *category = net_category_to_string(row->category);
    put_text(b, row->target2);
    put_text(b, row->resolved2);
    put_text(b, row->detail);
    put_text(b, row->interpreter);
    put_word(b, log_family_word(row->family));
    put_text(b, row->host);
    put_number(b, row->port >= 0, row->port);
    put_word(b, log_unix_kind_word(row));
    put_word(b, net_decision_to_string(row->net_decision));
    put_word(b, row->category == NET_CATEGORY_NONE ? NULL : category);
    put_number(b, row->granted != 0, (int64_t)row->granted);
    put_digest(b, row->sha256);
    put_digest(b, row->exe_sha256);
    put_number(b, row->kind == KIND_DECISION && row->by == DECIDER_USER, row->keys_ignored);
    char addr[INET6_ADDRSTRLEN];
    put_word(b, log_format_address(addr, row));
    put_text(b, row->only_exe);
}

void
log_print_csv(struct log_printer *p, const struct event_row *row)
{
    cleanup_buf struct buf b = {0};
    char when[48];
    bool counts = row->kind == KIND_DECISION || row->kind == KIND_GRANT;
    log_format_time(when, sizeof when, row->real_ns);
    put_number(&b, true, (int64_t)row->seq);
    put_word(&b, when);
    put_text(&b, row->session);
    put_word(&b, kind_to_string(row->kind));
    put_number(&b, row->request != 0, (int64_t)row->request);
    put_word(&b, op_to_string(row->op));
    put_text(&b, row->target);
    put_text(&b, row->resolved);
    put_word(&b, (int)row->op >= 0 ? access_to_string(row->access) : NULL);
    put_task(&b, row);
    put_decision(&b, row);
    put_word(&b, risk_to_string(row->risk));
    put_text(&b, row->tags);
    put_text(&b, row->source);
    put_text(&b, row->note);
    put_text(&b, row->text);
    put_number(&b, counts, (int64_t)row->count);
    log_format_time(when, sizeof when, row->last_ns);
    put_word(&b, row->last_ns ? when : NULL);
    put_more(&b, row);
    fprintf(p->out, "%s\r\n", buf_str(&b));
}
