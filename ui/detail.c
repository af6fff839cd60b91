// SPDX-License-Identifier: Apache-2.0
#include "detail.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "display.h"
#include "util.h"

static void
add_part(struct buf *out, const char *bytes, size_t n, unsigned flags)
{
    for (size_t i = 0, start = 0; i <= n; i++) {
        if (i < n && bytes[i] != '{' && bytes[i] != '}')
            continue;
        display_escape(out, bytes + start, i - start, flags);
        if (i < n) {
            buf_putc(out, '\\');
            buf_putc(out, bytes[i]);
        }
        start = i + 1;
    }
}

void
detail_target(struct buf *out, const struct request *r, unsigned flags)
{
    size_t n = strlen(r->resolved), covered = r->covered < n ? r->covered : n;

    add_part(out, r->resolved, covered, flags);
    if (covered == n)
        return;
    buf_putc(out, '{');
    add_part(out, r->resolved + covered, n - covered, flags);
    buf_putc(out, '}');
}

void
detail_program(struct buf *out, const struct request *r, unsigned flags)
{
    const char *slash = strrchr(r->exe, '/'), *name = slash ? slash + 1 : r->exe;

    if (*name)
        display_escape(out, name, strlen(name), flags);
    else
        buf_putc(out, '?');
    buf_printf(out, "/%d", (int)r->pid);
}

void
detail_argv(struct buf *out, const struct request *r, unsigned flags)
{
    for (size_t i = 0; i < r->argv_len;) {
        size_t n = strnlen(r->argv + i, r->argv_len - i);

        if (i)
            buf_putc(out, ' ');
        display_escape(out, r->argv + i, n, flags | DISPLAY_QUOTE);
        i += n + 1;
    }
}

const char *
detail_op(enum op op)
{
    static const char *const words[_OP_MAX] = {
        [OP_READ] = "READ",     [OP_WRITE] = "WRITE",   [OP_READWRITE] = "RDWR",
        [OP_CREATE] = "CREATE", [OP_DELETE] = "DELETE", [OP_RENAME] = "RENAME",
        [OP_LINK] = "LINK",     [OP_MKDIR] = "MKDIR",   [OP_META] = "META",
        [OP_EXEC] = "EXEC",     [OP_CONNECT] = "CONN",  [OP_BIND] = "BIND",
        [OP_SEND] = "SEND",
    };

    return (int)op >= 0 && op < _OP_MAX ? words[op] : "?";
}

void
detail_age(struct buf *out, uint64_t ns)
{
    uint64_t s = ns / NS_PER_SEC;

    if (s < 3600)
        buf_printf(out, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
    else
        buf_printf(out, "%uh%02u", (unsigned)(s / 3600), (unsigned)(s / 60 % 60));
}

void
detail_state(struct buf *out, const struct view_row *row, uint64_t now_ns)
{
    const char *verdict;

    if (row->sent_ns) {
        buf_puts(out, "deciding");
    } else if (view_row_waits(row)) {
        uint64_t raised = row->request->raised_mono_ns;
        detail_age(out, now_ns > raised ? now_ns - raised : 0);
    } else if (row->state == STATE_WITHDRAWN) {
        buf_puts(out, "withdrawn");
    } else if (row->state == STATE_EXPIRED) {
        buf_puts(out, "expired");
    } else {
        verdict = verdict_to_string(row->verdict);
        buf_puts(out, row->verdict == VERDICT_ALLOW  ? "allowed"
                      : row->verdict == VERDICT_DENY ? "denied"
                      : verdict                      ? verdict
                                                     : "done");
    }
}

static const char *
object_noun(const struct request *r)
{
    if (!r->object.exists)
        return "name";
    switch (r->object.mode & S_IFMT) {
    case S_IFREG:
        return "file";
    case S_IFDIR:
        return "directory";
    case S_IFCHR:
    case S_IFBLK:
        return "device";
    case S_IFIFO:
        return "FIFO";
    case S_IFSOCK:
        return "socket";
    default:
        return "object";
    }
}

void
detail_rule(struct buf *out, const struct request *r, enum verdict verdict, enum scope scope)
{
    const char *op = op_to_string(r->op);

    if (scope == SCOPE_ONCE)
        buf_printf(out, "%s %s%s; no rule stays", verdict == VERDICT_ALLOW ? "allow" : "refuse",
                   r->count > 1 ? "the calls that wait in this row" : "this one call",
                   verdict == VERDICT_ALLOW ? "" : " (EACCES)");
    else
        buf_printf(out, "session: %s %s of exactly this %s",
                   verdict == VERDICT_ALLOW ? "allow" : "refuse", op ? op : "?", object_noun(r));
}

static void
add_flags(struct buf *out, const struct request *r)
{
    static const struct {
        uint64_t bit;
        const char *name;
    } names[] = {
        {O_TMPFILE, "O_TMPFILE"},   {O_SYNC, "O_SYNC"},         {O_DSYNC, "O_DSYNC"},
        {O_CREAT, "O_CREAT"},       {O_EXCL, "O_EXCL"},         {O_TRUNC, "O_TRUNC"},
        {O_APPEND, "O_APPEND"},     {O_NONBLOCK, "O_NONBLOCK"}, {O_DIRECTORY, "O_DIRECTORY"},
        {O_NOFOLLOW, "O_NOFOLLOW"}, {O_CLOEXEC, "O_CLOEXEC"},   {O_NOATIME, "O_NOATIME"},
        {O_NOCTTY, "O_NOCTTY"},     {O_DIRECT, "O_DIRECT"},     {O_PATH, "O_PATH"},
        {O_ASYNC, "O_ASYNC"},
    };
    static const char *const modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
    const char *call = r->call ? r->call : "?";
    uint64_t flags = r->flags;

    buf_puts(out, call);
    if (strncmp(call, "open", 4) != 0) {
        if (flags)
            buf_printf(out, " flags %#llx", (unsigned long long)flags);
        return;
    }
    buf_printf(out, " %s", modes[flags & O_ACCMODE]);
    flags &= ~(uint64_t)(O_ACCMODE | 0100000); /* the kernel's own O_LARGEFILE says nothing */
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (names[i].bit && (flags & names[i].bit) == names[i].bit) {
            buf_printf(out, "|%s", names[i].name);
            flags &= ~names[i].bit;
        }
    }
    if (flags)
        buf_printf(out, "|%#llx", (unsigned long long)flags);
    if (r->flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)))
        buf_printf(out, " mode %04o", r->mode & 07777);
}

static void
add_object(struct buf *out, const struct request *r)
{
    const struct object *o = &r->object;

    if (!o->exists) {
        buf_printf(out, "does not exist yet; its directory: %04o, owner %u:%u", o->mode & 07777,
                   o->uid, o->gid);
        return;
    }
    buf_printf(out, "%s%s, %04o, owner %u:%u, ", S_ISREG(o->mode) ? "regular " : "", object_noun(r),
               o->mode & 07777, o->uid, o->gid);
    if (S_ISREG(o->mode))
        buf_printf(out, "%llu bytes, ", (unsigned long long)o->size);
    buf_printf(out, "%llu link%s", (unsigned long long)o->nlink, o->nlink == 1 ? "" : "s");
    if (o->mode & S_ISUID)
        buf_puts(out, ", set-user-id");
    if (o->mode & S_ISGID)
        buf_puts(out, ", set-group-id");
}

static void
add_line(struct detail *d, const char *label, struct buf *text, bool strong)
{
    if (d->n < DETAIL_LINES)
        d->lines[d->n++] =
            (struct detail_line){.label = label, .text = buf_steal(text), .strong = strong};
    else
        buf_done(text);
}

static void
add_bytes(struct buf *out, const char *bytes, unsigned flags)
{
    display_escape(out, bytes ? bytes : "", bytes ? strlen(bytes) : 0, flags);
}

static void
make_target(struct detail *d, const struct request *r, unsigned flags)
{
    struct buf b = {0};

    detail_target(&b, r, flags);
    add_line(d, "path", &b, true);
    if (r->risk != RISK_NONE) {
        buf_puts(&b, r->risk == RISK_HIGH ? "!! high: " : "! ");
        add_bytes(&b, r->tags && *r->tags ? r->tags : "untagged", flags);
        add_line(d, "risk", &b, r->risk == RISK_HIGH);
    }
    if (display_is_odd(r->resolved, strlen(r->resolved))) {
        buf_puts(&b, "the name holds characters that a terminal would not show as themselves");
        add_line(d, "odd", &b, true);
    }
    if (r->target && strcmp(r->target, r->resolved) != 0) {
        add_bytes(&b, r->target, flags);
        add_line(d, "asked", &b, false);
    }
    add_object(&b, r);
    add_line(d, "is", &b, false);
    buf_puts(&b, r->why == REASON_INSUFFICIENT_ACCESS ? "covered, but not for this access"
                                                      : "no rule covers it");
    if (r->nearest && *r->nearest) {
        buf_puts(&b, "; nearest: ");
        add_bytes(&b, r->nearest, flags);
    }
    add_line(d, "why", &b, false);
}

static void
make_program(struct detail *d, const struct request *r, unsigned flags)
{
    struct buf b = {0};

    if (r->ancestry && *r->ancestry) {
        add_bytes(&b, r->ancestry, flags);
        buf_puts(&b, " > ");
    }
    detail_program(&b, r, flags);
    if (r->tid != r->pid)
        buf_printf(&b, " thread %d", (int)r->tid);
    buf_printf(&b, "  uid %u", r->uid);
    add_line(d, "who", &b, false);
    detail_argv(&b, r, flags);
    add_line(d, "argv", &b, false);
    add_bytes(&b, r->exe, flags);
    add_line(d, "exe", &b, false);
    add_flags(&b, r);
    add_line(d, "call", &b, false);
    add_bytes(&b, r->cwd, flags);
    add_line(d, "cwd", &b, false);
}

static void
make_wait(struct detail *d, const struct view_row *row, uint64_t now_ns)
{
    const struct request *r = row->request;
    struct buf b = {0};

    if (view_row_waits(row)) {
        buf_puts(&b, "for ");
        detail_state(&b, row, now_ns);
        if (r->deadline_mono_ns > now_ns) {
            buf_puts(&b, ", deny in ");
            detail_age(&b, r->deadline_mono_ns - now_ns);
        } else if (!r->deadline_mono_ns) {
            buf_puts(&b, ", no deadline");
        }
    } else {
        detail_state(&b, row, now_ns);
        if (decider_to_string(row->by))
            buf_printf(&b, " by %s", decider_to_string(row->by));
    }
    if (r->count > 1)
        buf_printf(&b, "; %u calls like it wait in this row", r->count);
    add_line(d, "waits", &b, false);
}

static void
make_rules(struct detail *d, const struct request *r)
{
    static const struct {
        const char *label;
        enum verdict verdict;
        enum scope scope;
    } keys[] = {
        {"o", VERDICT_ALLOW, SCOPE_ONCE},
        {"s", VERDICT_ALLOW, SCOPE_SESSION},
        {"d", VERDICT_DENY, SCOPE_ONCE},
        {"D", VERDICT_DENY, SCOPE_SESSION},
    };

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        struct buf b = {0};
        detail_rule(&b, r, keys[i].verdict, keys[i].scope);
        add_line(d, keys[i].label, &b, false);
    }
}

void
detail_make(struct detail *d, const struct view_row *row, uint64_t now_ns, unsigned flags)
{
    d->n = 0;
    make_target(d, row->request, flags);
    make_program(d, row->request, flags);
    make_wait(d, row, now_ns);
    make_rules(d, row->request);
}

void
detail_done(struct detail *d)
{
    for (size_t i = 0; i < d->n; i++)
        free(d->lines[i].text);
    d->n = 0;
}
