// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "bounds.h"
#include "display.h"
#include "util.h"
#include "wire.h"

void
wire_msg_done(struct wire_msg *m)
{
    m->session = session_info_free(m->session);
    m->request = request_free(m->request);
    m->decision = decision_free(m->decision);
    m->grant = grant_free(m->grant);
    free(m->role);
    free(m->text);
    free(m->term);
    m->term = NULL;
    m->role = NULL;
    m->text = NULL;
}

// One line being read. The first thing that is wrong is kept, so that a message is read as a plain
// list of its keys and judged once.
struct reading {
    const json_t *o;
    int error;
};

static uint64_t
get_u64(struct reading *in, const char *key, uint64_t max)
{
    const json_t *v = json_object_get(in->o, key);
    uint64_t n = 0;
    if (json_is_integer(v) && json_integer_value(v) >= 0) {
        n = (uint64_t)json_integer_value(v);
    } else if (json_is_string(v) && json_string_length(v) && json_string_length(v) <= 20) {
        const char *s = json_string_value(v);
        char *end;
        errno = 0;
        n = strtoull(s, &end, 10);
        if (errno || *end || s[strspn(s, "0123456789")])
            in->error = -EBADMSG;
    } else {
        in->error = -EBADMSG;
    }
    if (n > max)
        in->error = -EBADMSG;
    return n <= max ? n : 0;
}

static bool
get_bool(struct reading *in, const char *key)
{
    const json_t *v = json_object_get(in->o, key);
    if (!json_is_boolean(v))
        in->error = -EBADMSG;
    return json_is_true(v);
}

static const char *
get_word(struct reading *in, const char *key)
{
    const json_t *v = json_object_get(in->o, key);
    if (!json_is_string(v))
        in->error = -EBADMSG;
    return json_is_string(v) ? json_string_value(v) : "";
}

// The exact bytes of key, from key_b64 where that is given; false when there are none.
static bool
get_exact(struct reading *in, const char *key, size_t max, struct buf *out)
{
    cleanup_free char *name = xasprintf("%s_b64", key);
    const json_t *v = json_object_get(in->o, name);
    if (!v)
        return false;
    if (!json_is_string(v) || base64_decode(out, json_string_value(v), json_string_length(v)) < 0 ||
        out->len > max)
        in->error = -EBADMSG;
    return true;
}

static char *
get_text(struct reading *in, const char *key, size_t max)
{
    cleanup_buf struct buf b = {0};
    const json_t *v = json_object_get(in->o, key);
    if (!json_is_string(v))
        in->error = -EBADMSG;
    else if (!get_exact(in, key, max, &b))
        buf_add(&b, json_string_value(v), json_string_length(v));
    if (b.len > max || (b.len && memchr(b.data, 0, b.len)))
        in->error = -EBADMSG;
    return in->error ? xstrdup("") : buf_steal(&b);
}

// What most requests do not have: "" then.
static char *
get_optional_text(struct reading *in, const char *key)
{
    return json_object_get(in->o, key) ? get_text(in, key, WIRE_STRING_MAX) : xstrdup("");
}

static char *
get_words(struct reading *in, const char *key, size_t *ret_len)
{
    cleanup_buf struct buf b = {0};
    const json_t *a = json_object_get(in->o, key);
    if (!json_is_array(a))
        in->error = -EBADMSG;
    else if (!get_exact(in, key, NONO_ARGV_MAX, &b))
        for (size_t i = 0; i < json_array_size(a) && b.len <= NONO_ARGV_MAX; i++) {
            const json_t *v = json_array_get(a, i);
            if (json_is_string(v))
                buf_add(&b, json_string_value(v), json_string_length(v) + 1);
            else
                in->error = -EBADMSG;
        }
    if (b.len > NONO_ARGV_MAX)
        in->error = -EBADMSG;
    if (in->error)
        buf_reset(&b);
    *ret_len = b.len;
    return buf_steal(&b);
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void
get_hex(struct reading *in, const char *key, uint8_t *bytes, size_t n)
{
    const char *s = get_word(in, key);
    if (strlen(s) != 2 * n) {
        in->error = -EBADMSG;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        int high = hex_value(s[2 * i]), low = hex_value(s[2 * i + 1]);
        if (high < 0 || low < 0)
            in->error = -EBADMSG;
        else
            bytes[i] = (uint8_t)(high << 4 | low);
    }
}

// A word of one of the model's lists; -EINVAL is their common invalid value.
#define GET_ENUM(in, name, key)                                                                    \
    ({                                                                                             \
        int v_ = (int)name##_from_string(get_word(in, key));                                       \
        if (v_ < 0)                                                                                \
            (in)->error = -EBADMSG;                                                                \
        (enum name)(v_ < 0 ? 0 : v_);                                                              \
    })

// The model keeps the name of a system call in static storage.
static const char *
get_call(struct reading *in)
{
    static const char *const calls[] = {
        "open",        "openat",       "openat2",      "creat",         "unlink",    "unlinkat",
        "rename",      "renameat",     "renameat2",    "mkdir",         "mkdirat",   "rmdir",
        "link",        "linkat",       "symlink",      "symlinkat",     "mknod",     "mknodat",
        "truncate",    "ftruncate",    "chmod",        "fchmod",        "fchmodat",  "fchmodat2",
        "chown",       "fchown",       "lchown",       "fchownat",      "utime",     "utimes",
        "futimesat",   "utimensat",    "setxattr",     "lsetxattr",     "fsetxattr", "setxattrat",
        "removexattr", "lremovexattr", "fremovexattr", "removexattrat", "execve",    "execveat",
        "connect",     "bind",         "sendto",       "sendmsg",       "sendmmsg",
    };
    const char *s = get_word(in, "call");
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        if (strcmp(s, calls[i]) == 0)
            return calls[i];
    return "other";
}

static void
parse_hello(struct reading *in, struct wire_msg *m)
{
    struct session_info *s = m->session = xcalloc(1, sizeof *s);
    m->protocol = (int)get_u64(in, "protocol", INT32_MAX);
    s->id = get_text(in, "session", 64);
    s->name = get_text(in, "name", WIRE_STRING_MAX);
    s->pid = (pid_t)get_u64(in, "pid", INT32_MAX);
    s->start_time = get_u64(in, "start_time", UINT64_MAX);
    s->boot_id = get_text(in, "boot_id", 64);
    s->uid = (uint32_t)get_u64(in, "uid", UINT32_MAX);
    s->cwd = get_text(in, "cwd", WIRE_STRING_MAX);
    s->argv = get_words(in, "argv", &s->argv_len);
    s->capabilities = xstrdup("");
    s->started_real_ns = get_u64(in, "started_ns", UINT64_MAX);
    m->waiting = (unsigned)get_u64(in, "waiting", UINT32_MAX);
    m->detached = json_object_get(in->o, "detached") && get_bool(in, "detached");
}

static void
parse_attach(struct reading *in, struct wire_msg *m)
{
    m->protocol = (int)get_u64(in, "protocol", INT32_MAX);
    m->role = get_text(in, "role", 64);
    m->watch = get_bool(in, "watch");
    m->grants = json_object_get(in->o, "grants") && get_bool(in, "grants");
}

static unsigned
get_access(struct reading *in)
{
    const char *s = get_word(in, "access");
    for (unsigned a = 0; a <= (ACCESS_READ | ACCESS_WRITE); a++)
        if (strcmp(s, access_to_string(a)) == 0)
            return a;
    in->error = -EBADMSG;
    return 0;
}

static void
parse_object(struct reading *in, const char *key, struct object *x)
{
    struct reading sub = {.o = json_object_get(in->o, key)};
    if (!json_is_object(sub.o)) {
        in->error = -EBADMSG;
        return;
    }
    x->exists = get_bool(&sub, "exists");
    x->dev = get_u64(&sub, "dev", UINT64_MAX);
    x->ino = get_u64(&sub, "ino", UINT64_MAX);
    x->mode = (uint32_t)get_u64(&sub, "mode", UINT32_MAX);
    x->uid = (uint32_t)get_u64(&sub, "uid", UINT32_MAX);
    x->gid = (uint32_t)get_u64(&sub, "gid", UINT32_MAX);
    x->size = get_u64(&sub, "size", UINT64_MAX);
    x->nlink = get_u64(&sub, "nlink", UINT64_MAX);
    if (sub.error)
        in->error = sub.error;
}

static void
parse_peer(struct reading *in, struct endpoint *e)
{
    struct reading sub = {.o = json_object_get(in->o, "peer")};
    if (!json_is_object(sub.o)) {
        in->error = -EBADMSG;
        return;
    }
    e->family = family_from_string(get_word(&sub, "family"));
    e->type = socket_type_from_string(get_word(&sub, "type"));
    e->port = (uint16_t)get_u64(&sub, "port", UINT16_MAX);
    e->scope_id = (uint32_t)get_u64(&sub, "scope_id", UINT32_MAX);
    e->abstract = get_bool(&sub, "abstract");
    e->loopback = get_bool(&sub, "loopback");
    if ((e->family == AF_INET || e->family == AF_INET6) &&
        inet_pton(e->family, get_word(&sub, "addr"), e->addr) != 1)
        sub.error = -EBADMSG;
    if (sub.error || e->family < 0 || e->type < 0)
        in->error = -EBADMSG;
}

static void
parse_request(struct reading *in, struct wire_msg *m)
{
    struct request *r = m->request = request_new();
    r->id = get_u64(in, "request", UINT64_MAX);
    r->op = GET_ENUM(in, op, "op");
    r->access = get_access(in);
    r->call = get_call(in);
    r->flags = get_u64(in, "flags", UINT64_MAX);
    r->mode = (uint32_t)get_u64(in, "mode", UINT32_MAX);
    r->pid = (pid_t)get_u64(in, "pid", INT32_MAX);
    r->tid = (pid_t)get_u64(in, "tid", INT32_MAX);
    r->start_time = get_u64(in, "start_time", UINT64_MAX);
    r->uid = (uint32_t)get_u64(in, "uid", UINT32_MAX);
    r->exe = get_text(in, "exe", WIRE_STRING_MAX);
    r->has_exe_sha256 = json_object_get(in->o, "exe_sha256");
    if (r->has_exe_sha256)
        get_hex(in, "exe_sha256", r->exe_sha256, SHA256_LEN);
    r->argv = get_words(in, "argv", &r->argv_len);
    r->cwd = get_text(in, "cwd", WIRE_STRING_MAX);
    r->ancestry = get_text(in, "ancestry", WIRE_STRING_MAX);
    r->target = get_text(in, "target", WIRE_STRING_MAX);
    r->resolved = get_text(in, "resolved", WIRE_STRING_MAX);
    r->covered = (size_t)get_u64(in, "covered", strlen(r->resolved));
    r->nearest = get_text(in, "nearest", WIRE_STRING_MAX);
    r->why = GET_ENUM(in, reason, "reason");
    parse_object(in, "object", &r->object);
    r->target2 = get_optional_text(in, "target2");
    r->resolved2 = get_optional_text(in, "resolved2");
    if (json_object_get(in->o, "object2"))
        parse_object(in, "object2", &r->object2);
    r->detail = get_optional_text(in, "detail");
    r->interpreter = get_optional_text(in, "interpreter");
    r->has_sha256 = json_object_get(in->o, "sha256");
    if (r->has_sha256)
        get_hex(in, "sha256", r->sha256, SHA256_LEN);
    if (json_object_get(in->o, "peer"))
        parse_peer(in, &r->peer);
    r->host = get_optional_text(in, "host");
    r->risk = GET_ENUM(in, risk, "risk");
    r->tags = get_text(in, "tags", WIRE_STRING_MAX);
    r->raised_real_ns = get_u64(in, "raised_ns", UINT64_MAX);
    r->raised_mono_ns = get_u64(in, "raised_mono_ns", UINT64_MAX);
    r->deadline_mono_ns = get_u64(in, "deadline_mono_ns", UINT64_MAX);
    r->count = (unsigned)get_u64(in, "count", UINT32_MAX);
    get_hex(in, "digest", r->digest, DIGEST_LEN);
}

static void
parse_update(struct reading *in, struct wire_msg *m)
{
    struct request_update *u = &m->update;
    u->id = get_u64(in, "request", UINT64_MAX);
    u->state = GET_ENUM(in, state, "state");
    u->count = (unsigned)get_u64(in, "count", UINT32_MAX);
    if (json_object_get(in->o, "deadline_mono_ns"))
        u->deadline_mono_ns = get_u64(in, "deadline_mono_ns", UINT64_MAX);
    u->verdict = _VERDICT_INVALID;
    u->by = _DECIDER_INVALID;
    u->scope = _SCOPE_INVALID;
    if (!json_object_get(in->o, "verdict"))
        return;
    u->verdict = GET_ENUM(in, verdict, "verdict");
    u->by = GET_ENUM(in, decider, "by");
    u->scope = GET_ENUM(in, scope, "scope");
}

static void
parse_stats(struct reading *in, struct wire_msg *m)
{
    const json_t *error = json_object_get(in->o, "record_error");
    m->stats.floor = get_u64(in, "floor", UINT64_MAX);
    m->stats.granted = get_u64(in, "granted", UINT64_MAX);
    m->stats.allowed = get_u64(in, "allowed", UINT64_MAX);
    m->stats.refused = get_u64(in, "refused", UINT64_MAX);
    // A nono that is older does not say it.
    if (json_object_get(in->o, "limited"))
        m->stats.limited = get_u64(in, "limited", UINT64_MAX);
    m->stats.pending = (unsigned)get_u64(in, "pending", UINT32_MAX);
    m->stats.grants = (unsigned)get_u64(in, "grants", UINT32_MAX);
    if (!json_is_integer(error) || json_integer_value(error) > 0 ||
        json_integer_value(error) < -4095)
        in->error = -EBADMSG;
    else
        m->stats.record_error = (int)json_integer_value(error);
}

static void
parse_synced(struct reading *in, struct wire_msg *m)
{
    m->id = get_u64(in, "newest", UINT64_MAX);
}

static void
parse_decide(struct reading *in, struct wire_msg *m)
{
    struct decision *d = m->decision = decision_new();
    d->request = get_u64(in, "request", UINT64_MAX);
    get_hex(in, "digest", d->digest, DIGEST_LEN);
    d->verdict = GET_ENUM(in, verdict, "verdict");
    if (d->verdict != VERDICT_ALLOW && d->verdict != VERDICT_DENY)
        in->error = -EBADMSG;
    d->scope = GET_ENUM(in, scope, "scope");
    d->reach = GET_ENUM(in, reach, "reach");
    if (json_object_get(in->o, "program"))
        d->program = get_bool(in, "program");
    if (json_object_get(in->o, "note"))
        d->note = get_text(in, "note", WIRE_NOTE_MAX);
    if (json_object_get(in->o, "keys_ignored"))
        d->keys_ignored = (unsigned)get_u64(in, "keys_ignored", UINT32_MAX);
    if (json_object_get(in->o, "for_ns"))
        d->for_ns = get_u64(in, "for_ns", UINT64_MAX);
}

// What the other side says for a person is escaped here: it may be shown as it is.
static void
parse_message(struct reading *in, struct wire_msg *m)
{
    if (!json_object_get(in->o, "message"))
        return;
    cleanup_free char *text = get_text(in, "message", WIRE_STRING_MAX);
    m->text = display_str(text, 0);
}

static void
parse_grant(struct reading *in, struct wire_msg *m)
{
    struct grant *g = m->grant = grant_new();
    const json_t *tasks = json_object_get(in->o, "tasks");
    g->id = get_u64(in, "grant", UINT64_MAX);
    g->state = GET_ENUM(in, grant_state, "state");
    g->request = get_u64(in, "request", UINT64_MAX);
    if (json_object_get(in->o, "origin")) {
        g->origin = get_text(in, "origin", 64);
        g->origin_id = get_u64(in, "origin_grant", UINT64_MAX);
    }
    g->verdict = GET_ENUM(in, verdict, "verdict");
    g->op = GET_ENUM(in, op, "op");
    g->access = get_access(in);
    g->scope = GET_ENUM(in, scope, "scope");
    g->reach = GET_ENUM(in, reach, "reach");
    g->path = get_text(in, "path", WIRE_STRING_MAX);
    if (json_object_get(in->o, "path2"))
        g->path2 = get_text(in, "path2", WIRE_STRING_MAX);
    if (json_object_get(in->o, "exe"))
        g->exe = get_text(in, "exe", WIRE_STRING_MAX);
    g->host = get_optional_text(in, "host");
    if (json_object_get(in->o, "peer"))
        parse_peer(in, &g->peer);
    g->created_real_ns = get_u64(in, "created_ns", UINT64_MAX);
    g->expires_mono_ns = get_u64(in, "expires_mono_ns", UINT64_MAX);
    g->uses = get_u64(in, "uses", UINT64_MAX);
    for (size_t i = 0; i < json_array_size(tasks) && i < GRANT_TASKS_MAX; i++) {
        json_int_t tid = json_integer_value(json_array_get(tasks, i));
        if (tid > 0 && tid <= INT32_MAX)
            g->tasks[g->n_tasks++] = (pid_t)tid;
    }
}

static void
parse_revoke(struct reading *in, struct wire_msg *m)
{
    m->id = get_u64(in, "grant", UINT64_MAX);
}

static void
parse_switch(struct reading *in, struct wire_msg *m)
{
    m->on = get_bool(in, "on");
}

static void
parse_terminal(struct reading *in, struct wire_msg *m)
{
    m->term = get_text(in, "term", 128);
}

static void
parse_result(struct reading *in, struct wire_msg *m)
{
    if (json_object_get(in->o, "order")) {
        const char *order = get_word(in, "order");
        m->about = strcmp(order, "freeze") == 0     ? WIRE_FREEZE
                   : strcmp(order, "terminal") == 0 ? WIRE_TERMINAL
                                                    : WIRE_STOP;
    } else if (json_object_get(in->o, "grant")) {
        m->about = WIRE_REVOKE;
        m->id = get_u64(in, "grant", UINT64_MAX);
    } else {
        m->about = WIRE_DECIDE;
        m->id = get_u64(in, "request", UINT64_MAX);
    }
    m->error = get_bool(in, "ok") ? 0 : wire_error_from_word(get_word(in, "error"));
    parse_message(in, m);
}

static void
parse_error(struct reading *in, struct wire_msg *m)
{
    m->error = wire_error_from_word(get_word(in, "error"));
    parse_message(in, m);
}

static const struct {
    const char *name;
    enum wire_type type;
    void (*parse)(struct reading *in, struct wire_msg *m);
} types[] = {
    {"hello", WIRE_HELLO, parse_hello},
    {"attach", WIRE_ATTACH, parse_attach},
    {"request", WIRE_REQUEST, parse_request},
    {"update", WIRE_UPDATE, parse_update},
    {"stats", WIRE_STATS, parse_stats},
    {"synced", WIRE_SYNCED, parse_synced},
    {"decide", WIRE_DECIDE, parse_decide},
    {"result", WIRE_RESULT, parse_result},
    {"error", WIRE_ERROR, parse_error},
    {"bye", WIRE_BYE, NULL},
    {"grant", WIRE_GRANT, parse_grant},
    {"revoke", WIRE_REVOKE, parse_revoke},
    {"frozen", WIRE_FROZEN, parse_switch},
    {"freeze", WIRE_FREEZE, parse_switch},
    {"stop", WIRE_STOP, NULL},
    {"terminal", WIRE_TERMINAL, parse_terminal},
    {"resized", WIRE_RESIZED, NULL},
    {"detached", WIRE_DETACHED, NULL},
};

int
wire_parse(const char *line, size_t n, struct wire_msg *ret_m)
{
    if (n > NONO_LINE_MAX)
        return -EMSGSIZE;
    json_error_t ignored;
    json_t *o = json_loadb(line, n, JSON_REJECT_DUPLICATES, &ignored);
    struct reading in = {.o = o, .error = json_is_object(o) ? 0 : -EBADMSG};
    cleanup_wire_msg struct wire_msg m = {.type = WIRE_OTHER};
    const char *type = in.error ? "" : get_word(&in, "type");
    for (size_t i = 0; i < ARRAY_SIZE(types) && !in.error; i++) {
        if (strcmp(type, types[i].name) != 0)
            continue;
        m.type = types[i].type;
        if (types[i].parse)
            types[i].parse(&in, &m);
        break;
    }
    json_decref(o);
    if (in.error)
        return in.error;
    *ret_m = m;
    m = (struct wire_msg){0};
    return 0;
}
