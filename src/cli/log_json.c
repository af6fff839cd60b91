// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "buf.h"
#include "display.h"
#include "log_print.h"
#include "util.h"

#define SCHEMA 1

// Takes v over. Only running out of memory fails here.
static void
set(json_t *o, const char *key, json_t *v)
{
    if (!v || json_object_set_new(o, key, v) < 0)
        die("out of memory");
}

static void
set_word(json_t *o, const char *key, const char *word)
{
    if (word)
        set(o, key, json_string(word));
}

static json_t *
shown_text(const char *bytes, size_t n)
{
    if (!display_is_odd(bytes, n))
        return json_stringn(bytes, n);
    cleanup_buf struct buf b = {0};
    display_escape(&b, bytes, n, 0);
    return json_stringn(buf_str(&b), b.len);
}

static void
set_exact(json_t *o, const char *key, const char *bytes, size_t n)
{
    cleanup_buf struct buf b = {0};
    cleanup_free char *name = xasprintf("%s_b64", key);
    base64_encode(&b, bytes, n);
    set(o, name, json_stringn(buf_str(&b), b.len));
}

static void
set_text(json_t *o, const char *key, const char *s)
{
    if (!s)
        return;
    size_t n = strlen(s);
    set(o, key, shown_text(s, n));
    if (display_is_odd(s, n))
        set_exact(o, key, s, n);
}

static void
set_argv(json_t *o, const char *argv, size_t n)
{
    if (!argv)
        return;
    // A last word without its NUL was cut.
    bool exact = n && argv[n - 1];
    json_t *words = json_array();
    for (size_t i = 0; i < n;) {
        size_t len = strnlen(argv + i, n - i);
        exact |= display_is_odd(argv + i, len);
        if (json_array_append_new(words, shown_text(argv + i, len)) < 0)
            die("out of memory");
        i += len + 1;
    }
    set(o, "argv", words);
    if (exact)
        set_exact(o, "argv", argv, n);
}

static void
set_time(json_t *o, const char *key, uint64_t real_ns)
{
    char text[48];
    log_format_time(text, sizeof text, real_ns);
    set_word(o, key, text);
}

static void
set_digest(json_t *o, const char *key, const uint8_t *sha256)
{
    cleanup_buf struct buf b = {0};
    log_put_digest(&b, sha256);
    set_word(o, key, sha256 ? buf_str(&b) : NULL);
}

static void
set_decision(json_t *o, const struct event_row *row)
{
    set_word(o, "verdict", verdict_to_string(row->verdict));
    set_word(o, "scope", scope_to_string(row->scope));
    set_word(o, "reach", reach_to_string(row->reach));
    set_text(o, "only_exe", row->only_exe);
    set_word(o, "by", decider_to_string(row->by));
    set_word(o, "reason", row->reason == REASON_NONE ? NULL : reason_to_string(row->reason));
    if (row->waited_ms >= 0)
        set(o, "waited_ms", json_integer(row->waited_ms));
    // Nobody else has keys.
    if (row->kind == KIND_DECISION && row->by == DECIDER_USER)
        set(o, "keys_ignored", json_integer(row->keys_ignored));
    if (row->error > 0)
        set(o, "errno", json_integer(row->error));
}

static void
set_peer(json_t *o, const struct event_row *row)
{
    const char *category = net_category_to_string(row->category);
    set_word(o, "family", log_family_word(row->family));
    set_text(o, "host", row->host);
    char addr[INET6_ADDRSTRLEN];
    set_word(o, "addr", log_format_address(addr, row));
    if (row->port >= 0)
        set(o, "port", json_integer(row->port));
    set_word(o, "unix_kind", log_unix_kind_word(row));
    set_word(o, "decision", net_decision_to_string(row->net_decision));
    set_word(o, "category", row->category == NET_CATEGORY_NONE ? NULL : category);
}

static json_t *
event_object(const struct event_row *row)
{
    json_t *o = json_object();
    if (!o)
        die("out of memory");
    set(o, "schema", json_integer(SCHEMA));
    set(o, "seq", json_integer((json_int_t)row->seq));
    set_time(o, "ts", row->real_ns);
    set_text(o, "session", row->session);
    set_word(o, "kind", kind_to_string(row->kind));
    if (row->request)
        set(o, "request", json_integer((json_int_t)row->request));
    set_word(o, "op", op_to_string(row->op));
    set_text(o, "target", row->target);
    set_text(o, "resolved", row->resolved);
    set_text(o, "target2", row->target2);
    set_text(o, "resolved2", row->resolved2);
    set_text(o, "detail", row->detail);
    set_text(o, "interpreter", row->interpreter);
    set_digest(o, "sha256", row->sha256);
    set_peer(o, row);
    if ((int)row->op >= 0)
        set_word(o, "access", access_to_string(row->access));
    if (row->pid >= 0)
        set(o, "pid", json_integer(row->pid));
    set_text(o, "exe", row->exe);
    set_digest(o, "exe_sha256", row->exe_sha256);
    set_argv(o, row->argv, row->argv_len);
    set_text(o, "cwd", row->cwd);
    set_text(o, "ancestry", row->ancestry);
    set_decision(o, row);
    set_word(o, "risk", risk_to_string(row->risk));
    set_text(o, "tags", row->tags);
    set_text(o, "source", row->source);
    set_text(o, "note", row->note);
    set_text(o, "text", row->text);
    if (row->granted)
        set(o, "grant", json_integer((json_int_t)row->granted));
    if (row->kind == KIND_DECISION || row->kind == KIND_GRANT)
        set(o, "count", json_integer((json_int_t)row->count));
    if (row->last_ns)
        set_time(o, "last", row->last_ns);
    return o;
}

void
log_begin_json(struct log_printer *p)
{
    if (p->json)
        fputs("[", p->out);
}

char *
log_json_text(const struct event_row *row)
{
    json_t *o = event_object(row);
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    if (!text)
        die("out of memory");
    return text;
}

void
log_print_json(struct log_printer *p, const struct event_row *row)
{
    cleanup_free char *text = log_json_text(row);
    if (p->json)
        fprintf(p->out, "%s\n%s", p->printed ? "," : "", text);
    else
        fprintf(p->out, "%s\n", text);
    p->printed++;
}

void
log_end_json(struct log_printer *p)
{
    if (p->json)
        fputs(p->printed ? "\n]\n" : "]\n", p->out);
}
