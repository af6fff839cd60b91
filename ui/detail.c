// SPDX-License-Identifier: Apache-2.0
#include "detail.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "clock.h"
#include "covers.h"
#include "display.h"
#include "reach.h"
#include "util.h"

static void
add_bytes(struct buf *out, const char *bytes, unsigned flags)
{
    display_escape(out, bytes ? bytes : "", bytes ? strlen(bytes) : 0, flags);
}

static void
add_end(struct buf *out, const struct request *r, unsigned flags)
{
    const char *marks = reach_has_two_ends(r) ? "{}>" : "{}";
    size_t n = strlen(r->resolved), covered = r->covered < n ? r->covered : n;

    reach_escape(out, r->resolved, covered, marks, flags);
    if (covered == n)
        return;
    buf_putc(out, '{');
    reach_escape(out, r->resolved + covered, n - covered, marks, flags);
    buf_putc(out, '}');
}

void
detail_target(struct buf *out, const struct request *r, unsigned flags)
{
    // Two blanks in a row are in no name: the second one is escaped there.
    add_end(out, r, flags);
    if (reach_is_inet(r))
        buf_puts(out, r->peer.type == SOCK_DGRAM ? "/udp" : "/tcp");
    if (r->peer.family == AF_UNIX && r->peer.abstract)
        buf_puts(out, "  (abstract)");
    if (reach_is_inet(r) && r->host && *r->host) {
        cleanup_free char *address = endpoint_address(&r->peer);
        buf_printf(out, "  (%s)", address);
    }
    if (reach_has_two_ends(r)) {
        buf_puts(out, " -> ");
        reach_escape(out, r->resolved2, strlen(r->resolved2), "{}>", flags);
    }
    if (r->detail && *r->detail) {
        buf_puts(out, "  [");
        add_bytes(out, r->detail, flags);
        buf_putc(out, ']');
    }
}

bool
detail_has_more(const struct request *r)
{
    return r->interpreter && *r->interpreter;
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

const char *
detail_reason(const char *tag)
{
    static const struct {
        const char *tag, *reason;
    } table[] = {
        {"ssh-key", "SSH keys and their configuration"},
        {"gpg-key", "GnuPG keys"},
        {"private-key", "a private key"},
        {"credentials", "passwords or tokens"},
        {"keyring", "the keyring"},
        {"browser-profile", "a browser's profile: cookies and passwords"},
        {"persistence", "runs again later, outside of the sandbox"},
        {"git-hook", "git runs it, outside of the sandbox"},
        {"escape", "a way out of the sandbox"},
        {"metadata-service", "the cloud's metadata service: credentials"},
        {"ssh-agent", "an agent that signs with your SSH keys"},
        {"gpg-agent", "an agent that signs and decrypts with your keys"},
        {"dbus", "a bus of services that act for you"},
        {"systemd", "starts services, outside of the sandbox"},
        {"display", "keyboard, windows or screen"},
        {"recording", "microphone, camera or screen"},
        {"shell-start", "what a shell sets when it starts"},
        {"exposed", "others on the network can connect"},
        {"argv-cut", "what it would do is longer than what is shown of it"},
        {"no-name", "an address without a name"},
        {"process", "another process"},
        {"device", "a device"},
        {"system", "part of the system"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (strcmp(table[i].tag, tag) == 0)
            return table[i].reason;
    return tag;
}

void
detail_session(struct buf *out, const struct view_session *s, size_t columns, int id_columns,
               unsigned flags)
{
    cleanup_free char *id = display_str(s->id ? s->id : "?", flags);
    cleanup_free char *name = display_str(s->name ? s->name : "", flags);

    if (*name && display_width(name) <= columns)
        buf_puts(out, name);
    else
        buf_printf(out, "%.*s", id_columns, id);
}

void
detail_grant(struct buf *out, const struct grant *g, uint64_t now_ns, unsigned flags)
{
    const char *verdict = verdict_to_string(g->verdict), *scope = scope_to_string(g->scope);
    const char *op = op_to_string(g->op);
    bool two = g->path2 && *g->path2;

    buf_printf(out, "%s %s ", verdict ? verdict : "?", scope ? scope : "?");
    if (g->expires_mono_ns) {
        detail_age(out, g->expires_mono_ns > now_ns ? g->expires_mono_ns - now_ns : 0);
        buf_puts(out, " left ");
    }
    buf_printf(out, "%s ", op ? op : "?");
    if (g->reach == REACH_DIR)
        buf_puts(out, "directly in ");
    else if (g->reach == REACH_SUBTREE)
        buf_puts(out, "below ");
    else if (g->reach == REACH_HOST)
        buf_puts(out, "any port of ");
    reach_escape(out, g->path, strlen(g->path), two ? ">" : "", flags);
    if (two) {
        buf_puts(out, " -> ");
        reach_escape(out, g->path2, strlen(g->path2), ">", flags);
    }
    if (g->host && *g->host && g->peer.family) {
        cleanup_free char *address = endpoint_address(&g->peer);
        buf_printf(out, " (%s)", address);
    }
    if (g->exe && *g->exe) {
        buf_puts(out, " for ");
        add_bytes(out, g->exe, flags);
    }
    // The call that was asked about had its answer with the grant.
    if (g->uses == 0)
        buf_puts(out, g->request ? " (not used again" : " (not used");
    else
        buf_printf(out, " (used %llu time%s", (unsigned long long)g->uses, g->uses == 1 ? "" : "s");
    // Other sessions may have used it as well.
    buf_puts(out, g->scope == SCOPE_ALWAYS ? " here)" : ")");
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

static const char *
type_noun(uint32_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "regular file";
    case S_IFDIR:
        return "directory";
    case S_IFCHR:
        return "character device";
    case S_IFBLK:
        return "block device";
    case S_IFIFO:
        return "FIFO";
    case S_IFSOCK:
        return "socket";
    case S_IFLNK:
        return "symbolic link";
    default:
        return "object";
    }
}

static void
add_object(struct buf *out, const struct object *o)
{
    if (!o->exists) {
        buf_printf(out, "does not exist yet; its directory: %04o, owner %u:%u", o->mode & 07777,
                   o->uid, o->gid);
        return;
    }
    buf_printf(out, "%s, %04o, owner %u:%u, ", type_noun(o->mode), o->mode & 07777, o->uid, o->gid);
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
make_target(struct detail *d, const struct request *r, unsigned flags)
{
    struct buf b = {0};

    detail_target(&b, r, flags);
    add_line(d, reach_is_inet(r) ? "peer" : "path", &b, true);
    if (detail_has_more(r)) {
        add_bytes(&b, r->interpreter, flags);
        add_line(d, "run by", &b, true);
    }
    d->target = d->n;
}

static void
make_risk(struct detail *d, const struct request *r, unsigned flags)
{
    struct buf b = {0};

    if (r->risk != RISK_NONE) {
        const char *tags = r->tags && *r->tags ? r->tags : "untagged";
        buf_puts(&b, r->risk == RISK_HIGH ? "!! high: " : "! ");
        for (size_t n; *tags; tags += n + (tags[n] == ',')) {
            n = strcspn(tags, ",");
            cleanup_free char *tag = xstrndup(tags, n);
            add_bytes(&b, detail_reason(tag), flags);
            if (tags[n])
                buf_puts(&b, "; ");
        }
        add_line(d, "risk", &b, r->risk == RISK_HIGH);
    }
    if (display_is_odd(r->resolved, strlen(r->resolved)) ||
        (r->resolved2 && display_is_odd(r->resolved2, strlen(r->resolved2)))) {
        buf_puts(&b, "the name holds characters that a terminal would not show as themselves");
        add_line(d, "odd", &b, true);
    }
}

static void
make_object(struct detail *d, const struct request *r, unsigned flags)
{
    struct buf b = {0};

    if (r->target && strcmp(r->target, r->resolved) != 0) {
        add_bytes(&b, r->target, flags);
        add_line(d, "asked", &b, false);
    }
    if (!reach_is_inet(r)) {
        add_object(&b, &r->object);
        add_line(d, "is", &b, false);
    }
    if (reach_has_two_ends(r)) {
        if (r->target2 && strcmp(r->target2, r->resolved2) != 0) {
            add_bytes(&b, r->target2, flags);
            add_line(d, "to", &b, false);
        }
        add_object(&b, &r->object2);
        add_line(d, "to is", &b, false);
    }
    if (r->has_sha256) {
        buf_hex(&b, r->sha256, SHA256_LEN);
        add_line(d, "sha256", &b, false);
    }
    bool every = r->nearest && request_asks_programs(r);
    if (!every)
        buf_puts(&b, r->why == REASON_INSUFFICIENT_ACCESS ? "covered, but not for this access"
                                                          : "no rule covers it");
    if (r->nearest && *r->nearest) {
        buf_puts(&b, every ? "" : "; nearest: ");
        add_bytes(&b, r->nearest, flags);
    }
    add_line(d, "why", &b, false);
}

// Not there where nobody counts. Never the reason for a key not to work: it may come late.
static void
make_covers(struct detail *d, const struct view *v, const struct view_row *row, unsigned flags)
{
    const struct count_result *n = &v->covers.result;
    struct buf b = {0};

    if (v->covers.state == VIEW_UNCOUNTED || row->key != v->selected)
        return;
    if (v->covers.state == VIEW_COUNTING)
        buf_puts(&b, "counting the existing files");
    else
        covers_text(&b, n, flags);
    add_line(d, "covers", &b, n->files > COUNT_MAX || n->risky);
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
    if (r->has_exe_sha256) {
        // Half of it tells programs apart, and leaves room for the rest.
        buf_puts(&b, "  sha256 ");
        buf_hex(&b, r->exe_sha256, SHA256_LEN / 2);
        buf_puts(&b, "...");
    }
    add_line(d, "exe", &b, false);
    add_flags(&b, r);
    add_line(d, "call", &b, false);
    add_bytes(&b, r->cwd, flags);
    add_line(d, "cwd", &b, false);
}

// As people say it; the record has words of its own.
static const char *
decided_by(enum decider by)
{
    static const char *const words[_DECIDER_MAX] = {[DECIDER_INITIAL] = " by --on-ask",
                                                    [DECIDER_RULE] = " by a grant",
                                                    [DECIDER_USER] = " by a person",
                                                    [DECIDER_TIMEOUT] = ": nobody decided in time",
                                                    [DECIDER_PROTECTED] = ": it is nono's own",
                                                    [DECIDER_TRUST] = " by --trust",
                                                    [DECIDER_RATE_LIMIT] = " by --ask-rate",
                                                    [DECIDER_BACKEND] = ": it could not be done",
                                                    [DECIDER_FLOOR] = " by the policy",
                                                    [DECIDER_INTERNAL] = " by nono"};

    return (int)by >= 0 && by < _DECIDER_MAX && words[by] ? words[by] : "";
}

static void
make_wait(struct detail *d, const struct view *v, const struct view_row *row, uint64_t now_ns)
{
    const struct request *r = row->request;
    struct buf b = {0};

    bool open = view_row_open(row);

    if (view_row_waits(row)) {
        buf_puts(&b, "for ");
        detail_state(&b, row, now_ns);
        if (r->deadline_mono_ns && v->sessions[row->session].frozen) {
            buf_puts(&b, ", deny in -");
        } else if (r->deadline_mono_ns > now_ns) {
            buf_puts(&b, ", deny in ");
            detail_age(&b, r->deadline_mono_ns - now_ns);
        } else if (!r->deadline_mono_ns) {
            buf_puts(&b, ", no deadline");
        }
    } else {
        detail_state(&b, row, now_ns);
        buf_puts(&b, open || row->state == STATE_WITHDRAWN ? "" : decided_by(row->by));
    }
    if (r->count > 1)
        buf_printf(&b, open ? "; %u calls like it wait in this row" : "; %u calls in this row",
                   r->count);
    if (v->sessions[row->session].frozen)
        buf_puts(&b, "; its sandbox is FROZEN");
    add_line(d, open ? "waits" : "answer", &b, false);
}

static void
make_history(struct detail *d, const struct view *v, const struct view_row *row, unsigned flags)
{
    struct buf b = {0};
    unsigned allowed, denied;
    size_t like = view_like(v, row);

    view_past(v, row, &allowed, &denied);
    if (like)
        buf_printf(&b, "%zu more wait (same program, operation and place); before: ", like);
    else
        buf_puts(&b, "none waits (same program, operation and place); before: ");
    if (allowed || denied)
        buf_printf(&b, "%u allowed, %u denied", allowed, denied);
    else
        buf_puts(&b, "none decided");
    add_line(d, "like it", &b, false);
    bool named = v->sessions[row->session].name && *v->sessions[row->session].name;
    if (named || (v->n_sessions > 1 && v->sessions[row->session].id)) {
        add_bytes(&b, v->sessions[row->session].id, flags);
        buf_putc(&b, ' ');
        if (named) {
            add_bytes(&b, v->sessions[row->session].name, flags);
            buf_puts(&b, ": ");
        }
        add_bytes(&b, v->sessions[row->session].title, flags);
        add_line(d, "session", &b, false);
    }
    if (v->note.len && row->key == v->selected) {
        display_escape(&b, v->note.data, v->note.len, flags);
        add_line(d, "note", &b, false);
    }
}

static void
make_rules(struct detail *d, const struct view *v, const struct request *r, unsigned flags)
{
    static const struct {
        const char *label;
        enum verdict verdict;
        enum scope scope;
    } keys[] = {
        {"o", VERDICT_ALLOW, SCOPE_ONCE},    {"t", VERDICT_ALLOW, SCOPE_TIME},
        {"s", VERDICT_ALLOW, SCOPE_SESSION}, {"p", VERDICT_ALLOW, SCOPE_ALWAYS},
        {"d", VERDICT_DENY, SCOPE_ONCE},     {"D", VERDICT_DENY, SCOPE_SESSION},
        {"P", VERDICT_DENY, SCOPE_ALWAYS},
    };
    enum reach steps[REACH_STEPS];
    size_t n = reach_ladder(r, steps);
    enum reach reach = steps[v->reach < n ? v->reach : n - 1];

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        bool allow = keys[i].verdict == VERDICT_ALLOW;
        bool once = keys[i].scope == SCOPE_ONCE;
        const struct decision used = {.verdict = keys[i].verdict,
                                      .scope = keys[i].scope,
                                      .reach = once ? steps[0] : reach,
                                      .program = !once && v->program,
                                      .for_ns = v->for_ns};
        struct buf b = {0};
        reach_rule(&b, r, &used, flags);
        if (allow && view_must_confirm(r, used.scope, used.reach)) {
            cleanup_free char *name = reach_name(r, used.reach);
            buf_puts(&b, " (type ");
            add_bytes(&b, name, flags);
            buf_putc(&b, ')');
        }
        add_line(d, keys[i].label, &b, false);
    }
}

void
detail_make(struct detail *d, const struct view *v, const struct view_row *row, uint64_t now_ns,
            unsigned flags)
{
    d->n = 0;
    make_target(d, row->request, flags);
    make_risk(d, row->request, flags);
    make_object(d, row->request, flags);
    make_covers(d, v, row, flags);
    make_program(d, row->request, flags);
    make_wait(d, v, row, now_ns);
    make_history(d, v, row, flags);
    if (!v->replay)
        make_rules(d, v, row->request, flags);
}

void
detail_done(struct detail *d)
{
    for (size_t i = 0; i < d->n; i++)
        free(d->lines[i].text);
    d->n = 0;
}
