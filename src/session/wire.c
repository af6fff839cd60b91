// SPDX-License-Identifier: Apache-2.0
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base64.h"
#include "bounds.h"
#include "clock.h"
#include "display.h"
#include "util.h"

// Integers above this lose digits in readers that keep numbers as doubles: they go as text.
#define EXACT_MAX ((UINT64_C(1) << 53) - 1)

static const struct {
    int error;
    const char *word, *text;
} errors[] = {
    {-EPERM, "sandboxed",
     "this process belongs to the sandbox: it cannot approve its own requests"},
    {-EACCES, "other_user", "only the user who started the session may control it"},
    {-ESRCH, "unverified", "the caller could not be verified to be outside of the sandbox"},
    {-EUSERS, "full", "too many clients"},
    {-ENOENT, "unknown_request", "there is no such request"},
    {-ENOKEY, "unknown_grant", "there is no such grant, or it has ended"},
    {-EALREADY, "already_decided", "already decided, withdrawn or expired"},
    {-EBADMSG, "facts_changed", "the request is not the one that was shown"},
    {-EAGAIN, "busy", "busy, try again"},
    {-EIO, "not_recorded", "the decision could not be recorded: the request was denied"},
    {-EOPNOTSUPP, "not_supported", "not possible for this request"},
    {-EINVAL, "bad_role", "not for this kind of client"},
    {-EREMOTEIO, "not_forgotten", "the record could not be written: it is still remembered"},
    {-ENOTTY, "no_terminal", "this session has no pane that could be shown on another terminal"},
    {-ENXIO, "bad_terminal", "the terminal cannot be used"},
    {-EPROTO, "bad_message", "not a message of the control protocol"},
    {-EMSGSIZE, "too_long", "a message is too long"},
    {-EPROTONOSUPPORT, "bad_version", "another version of the control protocol"},
    {-ENOBUFS, "too_slow", "the client does not read what it is sent"},
    {-ECANCELED, "failed", "the decision could not be carried out"},
};

const char *
wire_error_word(int error)
{
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
        if (errors[i].error == error)
            return errors[i].word;
    return "failed";
}

const char *
wire_error_text(int error)
{
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
        if (errors[i].error == error)
            return errors[i].text;
    return strerror(error < 0 ? -error : error);
}

int
wire_error_from_word(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
        if (strcmp(errors[i].word, word) == 0)
            return errors[i].error;
    return -ECANCELED;
}

static json_t *
new_object(const char *type)
{
    json_t *o = json_object();
    if (!o)
        die("out of memory");
    if (type)
        json_object_set_new(o, "type", json_string(type));
    return o;
}

// Takes v over. Only running out of memory fails here.
static void
set(json_t *o, const char *key, json_t *v)
{
    if (!v || json_object_set_new(o, key, v) < 0)
        die("out of memory");
}

static void
set_u64(json_t *o, const char *key, uint64_t v)
{
    char text[24];
    if (v <= EXACT_MAX) {
        set(o, key, json_integer((json_int_t)v));
    } else {
        snprintf(text, sizeof text, "%" PRIu64, v);
        set(o, key, json_string(text));
    }
}

static json_t *
base64_text(const void *bytes, size_t n)
{
    cleanup_buf struct buf b = {0};
    base64_encode(&b, bytes, n);
    return json_stringn(buf_str(&b), b.len);
}

static json_t *
shown_text(const void *bytes, size_t n)
{
    if (!display_is_odd(bytes, n))
        return json_stringn(bytes, n);
    cleanup_buf struct buf b = {0};
    display_escape(&b, bytes, n, 0);
    return json_stringn(buf_str(&b), b.len);
}

static void
set_text(json_t *o, const char *key, const char *s)
{
    size_t n = s ? strlen(s) : 0;
    const char *bytes = s ? s : "";
    set(o, key, shown_text(bytes, n));
    if (display_is_odd(bytes, n)) {
        cleanup_free char *exact = xasprintf("%s_b64", key);
        set(o, exact, base64_text(bytes, n));
    }
}

// NUL-terminated words. The exact bytes are added when a word is odd or the last one was cut.
static void
set_words(json_t *o, const char *key, const char *words, size_t n)
{
    bool exact = n && words[n - 1];
    json_t *a = json_array();
    for (size_t i = 0; i < n;) {
        size_t len = strnlen(words + i, n - i);
        exact |= display_is_odd(words + i, len);
        if (json_array_append_new(a, shown_text(words + i, len)) < 0)
            die("out of memory");
        i += len + 1;
    }
    set(o, key, a);
    if (exact) {
        cleanup_free char *name = xasprintf("%s_b64", key);
        set(o, name, base64_text(words, n));
    }
}

static void
set_hex(json_t *o, const char *key, const uint8_t *bytes, size_t n)
{
    cleanup_buf struct buf hex = {0};
    buf_hex(&hex, bytes, n);
    set(o, key, json_string(buf_str(&hex)));
}

// What most requests do not have is left out.
static void
set_optional_text(json_t *o, const char *key, const char *s)
{
    if (s && *s)
        set_text(o, key, s);
}

static void
set_enum(json_t *o, const char *key, const char *word)
{
    if (word)
        set(o, key, json_string(word));
}

static void
put_object(struct buf *out, json_t *o)
{
    char *text = json_dumps(o, JSON_COMPACT);
    if (!text)
        die("out of memory");
    buf_puts(out, text);
    free(text);
    json_decref(o);
}

static void
put_line(struct buf *out, json_t *o)
{
    put_object(out, o);
    buf_putc(out, '\n');
}

void
wire_put_hello(struct buf *out, const struct session_info *s, unsigned waiting, bool detached)
{
    json_t *o = new_object("hello");
    set(o, "protocol", json_integer(WIRE_PROTOCOL));
    set_text(o, "session", s->id);
    set_text(o, "name", s->name);
    set(o, "pid", json_integer(s->pid));
    set_u64(o, "start_time", s->start_time);
    set_text(o, "boot_id", s->boot_id);
    set(o, "uid", json_integer(s->uid));
    set_text(o, "cwd", s->cwd);
    set_words(o, "argv", s->argv, s->argv_len < NONO_ARGV_MAX ? s->argv_len : NONO_ARGV_MAX);
    set_u64(o, "started_ns", s->started_real_ns);
    set(o, "waiting", json_integer(waiting));
    if (detached)
        set(o, "detached", json_true());
    put_line(out, o);
}

void
wire_put_attach(struct buf *out, const char *role, bool watch, bool grants)
{
    json_t *o = new_object("attach");
    set(o, "protocol", json_integer(WIRE_PROTOCOL));
    set_text(o, "role", role);
    set(o, "watch", json_boolean(watch));
    if (grants)
        set(o, "grants", json_true());
    put_line(out, o);
}

static json_t *
object_facts(const struct object *x)
{
    json_t *o = new_object(NULL);
    set(o, "exists", json_boolean(x->exists));
    set_u64(o, "dev", x->dev);
    set_u64(o, "ino", x->ino);
    set_u64(o, "mode", x->mode);
    set_u64(o, "uid", x->uid);
    set_u64(o, "gid", x->gid);
    set_u64(o, "size", x->size);
    set_u64(o, "nlink", x->nlink);
    return o;
}

static json_t *
peer_facts(const struct endpoint *e)
{
    char text[INET6_ADDRSTRLEN];
    json_t *o = new_object(NULL);
    set_enum(o, "family", family_to_string(e->family));
    set_enum(o, "type", socket_type_to_string(e->type));
    set_u64(o, "port", e->port);
    if ((e->family == AF_INET || e->family == AF_INET6) &&
        inet_ntop(e->family, e->addr, text, sizeof text))
        set(o, "addr", json_string(text));
    set_u64(o, "scope_id", e->scope_id);
    set(o, "abstract", json_boolean(e->abstract));
    set(o, "loopback", json_boolean(e->loopback));
    return o;
}

static void
set_common_facts(json_t *o, const struct request *r)
{
    set_u64(o, "request", r->id);
    set_enum(o, "op", op_to_string(r->op));
    set_text(o, "target", r->target);
    set_text(o, "resolved", r->resolved);
    set(o, "access", json_string(access_to_string(r->access)));
    set(o, "pid", json_integer(r->pid));
    set_text(o, "exe", r->exe);
    if (r->has_exe_sha256)
        set_hex(o, "exe_sha256", r->exe_sha256, SHA256_LEN);
    set_words(o, "argv", r->argv, r->argv_len);
    set_text(o, "cwd", r->cwd);
    set_enum(o, "reason", reason_to_string(r->why));
    set_enum(o, "risk", risk_to_string(r->risk));
    set_text(o, "tags", r->tags);
    set_u64(o, "count", r->count);
    set_optional_text(o, "target2", r->target2);
    set_optional_text(o, "resolved2", r->resolved2);
    set_optional_text(o, "detail", r->detail);
    set_optional_text(o, "interpreter", r->interpreter);
    if (r->has_sha256)
        set_hex(o, "sha256", r->sha256, SHA256_LEN);
    set_optional_text(o, "host", r->host);
}

void
wire_put_request(struct buf *out, const struct request *r)
{
    json_t *o = new_object("request");
    set_common_facts(o, r);
    set_text(o, "call", r->call);
    set_u64(o, "flags", r->flags);
    set_u64(o, "mode", r->mode);
    set(o, "tid", json_integer(r->tid));
    set_u64(o, "start_time", r->start_time);
    set_u64(o, "uid", r->uid);
    set_text(o, "ancestry", r->ancestry);
    set_u64(o, "covered", r->covered);
    set_text(o, "nearest", r->nearest);
    set(o, "object", object_facts(&r->object));
    if (r->resolved2 && r->resolved2[0])
        set(o, "object2", object_facts(&r->object2));
    if (r->peer.family)
        set(o, "peer", peer_facts(&r->peer));
    set_u64(o, "raised_ns", r->raised_real_ns);
    set_u64(o, "raised_mono_ns", r->raised_mono_ns);
    set_u64(o, "deadline_mono_ns", r->deadline_mono_ns);
    set_hex(o, "digest", r->digest, DIGEST_LEN);
    put_line(out, o);
}

static void
set_time(json_t *o, const char *key, uint64_t real_ns)
{
    char day[32], text[64];
    time_t t = (time_t)(real_ns / NS_PER_SEC);
    struct tm tm;
    if (!gmtime_r(&t, &tm) || !strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm))
        return;
    snprintf(text, sizeof text, "%s.%09uZ", day, (unsigned)(real_ns % NS_PER_SEC));
    set(o, key, json_string(text));
}

void
wire_put_pending(struct buf *out, const char *session, const struct request *r,
                 uint64_t now_mono_ns)
{
    json_t *o = new_object(NULL);
    uint64_t age = now_mono_ns > r->raised_mono_ns ? now_mono_ns - r->raised_mono_ns : 0;
    set(o, "schema", json_integer(1));
    set_time(o, "ts", r->raised_real_ns);
    set_text(o, "session", session);
    set(o, "kind", json_string(kind_to_string(KIND_REQUEST)));
    set_common_facts(o, r);
    set_u64(o, "waited_ms", age / NS_PER_MS);
    put_object(out, o);
}

void
wire_put_session(struct buf *out, const struct session_info *s, const char *state, int waiting,
                 uint64_t ended_ns)
{
    json_t *o = new_object(NULL);
    set(o, "schema", json_integer(1));
    set_text(o, "session", s->id);
    set_text(o, "name", s->name);
    set_text(o, "state", state);
    set_u64(o, "pid", (uint64_t)s->pid);
    set_time(o, "started", s->started_real_ns);
    if (ended_ns)
        set_time(o, "ended", ended_ns);
    set(o, "waiting", waiting < 0 ? json_null() : json_integer(waiting));
    set_text(o, "cwd", s->cwd);
    set_words(o, "argv", s->argv, s->argv_len);
    put_object(out, o);
}

void
wire_put_update(struct buf *out, const struct request_update *u)
{
    json_t *o = new_object("update");
    set_u64(o, "request", u->id);
    set_enum(o, "state", state_to_string(u->state));
    set_u64(o, "count", u->count);
    if (u->deadline_mono_ns)
        set_u64(o, "deadline_mono_ns", u->deadline_mono_ns);
    set_enum(o, "verdict", verdict_to_string(u->verdict));
    if ((int)u->verdict >= 0) {
        set_enum(o, "by", decider_to_string(u->by));
        set_enum(o, "scope", scope_to_string(u->scope));
    }
    put_line(out, o);
}

void
wire_put_stats(struct buf *out, const struct stats *s)
{
    json_t *o = new_object("stats");
    set_u64(o, "floor", s->floor);
    set_u64(o, "granted", s->granted);
    set_u64(o, "allowed", s->allowed);
    set_u64(o, "refused", s->refused);
    set_u64(o, "limited", s->limited);
    set_u64(o, "pending", s->pending);
    set_u64(o, "grants", s->grants);
    set(o, "record_error", json_integer(s->record_error));
    put_line(out, o);
}

void
wire_put_synced(struct buf *out, uint64_t newest)
{
    json_t *o = new_object("synced");
    set_u64(o, "newest", newest);
    put_line(out, o);
}

void
wire_put_decide(struct buf *out, const struct decision *d)
{
    json_t *o = new_object("decide");
    set_u64(o, "request", d->request);
    set_hex(o, "digest", d->digest, DIGEST_LEN);
    set_enum(o, "verdict", verdict_to_string(d->verdict));
    set_enum(o, "scope", scope_to_string(d->scope));
    set_enum(o, "reach", reach_to_string(d->reach));
    if (d->program)
        set(o, "program", json_true());
    if (d->note)
        set_text(o, "note", d->note);
    set_u64(o, "keys_ignored", d->keys_ignored);
    set_u64(o, "for_ns", d->for_ns);
    put_line(out, o);
}

static void
set_grant(json_t *o, const struct grant *g)
{
    set_u64(o, "grant", g->id);
    set_enum(o, "state", grant_state_to_string(g->state));
    set_u64(o, "request", g->request);
    if (g->origin) {
        set_text(o, "origin", g->origin);
        set_u64(o, "origin_grant", g->origin_id);
    }
    set_enum(o, "verdict", verdict_to_string(g->verdict));
    set_enum(o, "op", op_to_string(g->op));
    set(o, "access", json_string(access_to_string(g->access)));
    set_enum(o, "scope", scope_to_string(g->scope));
    set_enum(o, "reach", reach_to_string(g->reach));
    set_text(o, "path", g->path);
    set_optional_text(o, "path2", g->path2);
    set_optional_text(o, "host", g->host);
    if (g->peer.family)
        set(o, "peer", peer_facts(&g->peer));
    set_optional_text(o, "exe", g->exe);
    set_u64(o, "uses", g->uses);
    json_t *tasks = json_array();
    for (size_t i = 0; i < g->n_tasks; i++)
        if (json_array_append_new(tasks, json_integer(g->tasks[i])) < 0)
            die("out of memory");
    set(o, "tasks", tasks);
}

void
wire_put_grant(struct buf *out, const struct grant *g)
{
    json_t *o = new_object("grant");
    set_grant(o, g);
    set_u64(o, "created_ns", g->created_real_ns);
    set_u64(o, "expires_mono_ns", g->expires_mono_ns);
    put_line(out, o);
}

void
wire_put_grant_row(struct buf *out, const char *session, const char *profile, const struct grant *g,
                   uint64_t now_mono_ns, uint64_t now_real_ns)
{
    json_t *o = new_object(NULL);
    set(o, "schema", json_integer(1));
    set_text(o, "session", session);
    set_grant(o, g);
    if (profile) {
        set(o, "state", json_string("remembered"));
        set_text(o, "profile", profile);
    }
    set_time(o, "created", g->created_real_ns);
    if (g->expires_mono_ns)
        set_time(o, "expires", now_real_ns + g->expires_mono_ns - now_mono_ns);
    put_object(out, o);
}

void
wire_put_revoke(struct buf *out, uint64_t grant)
{
    json_t *o = new_object("revoke");
    set_u64(o, "grant", grant);
    put_line(out, o);
}

static void
put_switch(struct buf *out, const char *type, bool on)
{
    json_t *o = new_object(type);
    set(o, "on", json_boolean(on));
    put_line(out, o);
}

void
wire_put_frozen(struct buf *out, bool on)
{
    put_switch(out, "frozen", on);
}

void
wire_put_freeze(struct buf *out, bool on)
{
    put_switch(out, "freeze", on);
}

void
wire_put_stop(struct buf *out)
{
    put_line(out, new_object("stop"));
}

void
wire_put_terminal(struct buf *out, const char *term)
{
    json_t *o = new_object("terminal");
    set_text(o, "term", term);
    put_line(out, o);
}

void
wire_put_resized(struct buf *out)
{
    put_line(out, new_object("resized"));
}

void
wire_put_detached(struct buf *out)
{
    put_line(out, new_object("detached"));
}

void
wire_put_result(struct buf *out, enum wire_type about, uint64_t id, int error)
{
    json_t *o = new_object("result");
    if (about == WIRE_DECIDE)
        set_u64(o, "request", id);
    else if (about == WIRE_REVOKE)
        set_u64(o, "grant", id);
    else
        set(o, "order",
            json_string(about == WIRE_FREEZE     ? "freeze"
                        : about == WIRE_TERMINAL ? "terminal"
                                                 : "stop"));
    set(o, "ok", json_boolean(error == 0));
    if (error) {
        set_text(o, "error", wire_error_word(error));
        set_text(o, "message", wire_error_text(error));
    }
    put_line(out, o);
}

void
wire_put_error(struct buf *out, int error, const char *text)
{
    json_t *o = new_object("error");
    set_text(o, "error", wire_error_word(error));
    set_text(o, "message", text ? text : wire_error_text(error));
    put_line(out, o);
}

void
wire_put_bye(struct buf *out)
{
    put_line(out, new_object("bye"));
}
