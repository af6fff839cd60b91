// SPDX-License-Identifier: Apache-2.0
#include "reach.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "clock.h"
#include "display.h"
#include "util.h"

bool
reach_is_inet(const struct request *r)
{
    return r->peer.family == AF_INET || r->peer.family == AF_INET6;
}

bool
reach_has_two_ends(const struct request *r)
{
    return r->resolved2 && *r->resolved2;
}

size_t
reach_ladder(const struct request *r, enum reach ret_steps[REACH_STEPS])
{
    size_t n = 0;

    if (reach_is_inet(r)) {
        ret_steps[n++] = REACH_PORT;
        if (r->op != OP_BIND)
            ret_steps[n++] = REACH_HOST;
        return n;
    }
    ret_steps[n++] = REACH_OBJECT;
    // An abstract name has no directory; what moves between two places is decided one by one.
    if (r->resolved[0] == '/' && !reach_has_two_ends(r)) {
        ret_steps[n++] = REACH_DIR;
        ret_steps[n++] = REACH_SUBTREE;
    }
    return n;
}

bool
reach_is_wide(enum reach reach)
{
    return reach != REACH_OBJECT && reach != REACH_PORT;
}

// The directory that a wider reach is about: the object when it is one, else the one it is in.
static char *
directory_of(const struct request *r)
{
    const char *slash = strrchr(r->resolved, '/');

    if (r->object.exists && S_ISDIR(r->object.mode))
        return xstrdup(r->resolved);
    if (!slash || slash == r->resolved)
        return xstrdup("/");
    return xstrndup(r->resolved, (size_t)(slash - r->resolved));
}

// The text of the peer without its port: what a rule about the host goes by.
static char *
host_of(const struct request *r)
{
    const char *colon = strrchr(r->resolved, ':');

    return xstrndup(r->resolved, colon ? (size_t)(colon - r->resolved) : strlen(r->resolved));
}

char *
reach_target(const struct request *r, enum reach reach)
{
    if (reach == REACH_DIR || reach == REACH_SUBTREE)
        return directory_of(r);
    return reach == REACH_HOST ? host_of(r) : xstrdup(r->resolved);
}

char *
reach_name(const struct request *r, enum reach reach)
{
    cleanup_free char *target = reach_is_inet(r) ? host_of(r) : reach_target(r, reach);
    const char *slash = reach_is_inet(r) ? NULL : strrchr(target, '/');

    if (reach_is_inet(r) && r->host && *r->host)
        return xstrdup(r->host);
    return xstrdup(slash && slash[1] ? slash + 1 : target);
}

void
reach_duration(struct buf *out, uint64_t ns)
{
    uint64_t s = ns / NS_PER_SEC;

    if (s >= 3600)
        buf_printf(out, "%lluh", (unsigned long long)(s / 3600));
    if (s % 3600 >= 60)
        buf_printf(out, "%llum", (unsigned long long)(s % 3600 / 60));
    if (s < 60)
        buf_printf(out, "%llus", (unsigned long long)s);
}

static const char *
object_noun(const struct request *r)
{
    if (r->peer.family == AF_UNIX)
        return "socket";
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
reach_escape(struct buf *out, const char *bytes, size_t n, const char *marks, unsigned flags)
{
    for (size_t i = 0, start = 0; i <= n; i++) {
        if (i < n && !strchr(marks, bytes[i]))
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
reach_rule(struct buf *out, const struct request *r, const struct decision *d, unsigned flags)
{
    const char *op = op_to_string(r->op);
    bool allow = d->verdict == VERDICT_ALLOW;
    enum reach reach = d->reach;
    cleanup_free char *target = reach_target(r, reach);

    buf_puts(out, allow ? "allow " : "refuse ");
    if (d->scope == SCOPE_ONCE) {
        buf_printf(out, "%s%s; no rule stays",
                   r->count > 1 ? "the calls that wait in this row" : "this one call",
                   allow ? "" : " (EACCES)");
        return;
    }
    if (d->scope == SCOPE_TIME) {
        buf_puts(out, "for ");
        reach_duration(out, d->for_ns);
    } else {
        buf_puts(out, d->scope == SCOPE_SESSION ? "this session" : "always");
    }
    if (r->peer.abstract) {
        buf_puts(out, ": not possible, an abstract socket is decided each time");
        return;
    }
    buf_printf(out, ": %s ", op ? op : "?");
    // As a capability to write does, it answers deleting, renaming and the like as well.
    if (allow && reach_is_wide(reach) && r->access & ACCESS_WRITE && !reach_is_inet(r))
        buf_puts(out, "and every other change ");
    if (reach == REACH_DIR)
        buf_puts(out, "of what lies directly in ");
    else if (reach == REACH_SUBTREE)
        buf_puts(out, "of everything below ");
    else if (reach == REACH_HOST)
        buf_puts(out, "to any port of ");
    else if (!reach_is_inet(r))
        buf_printf(out, "of exactly this %s, ", object_noun(r));
    reach_escape(out, target, strlen(target), reach_has_two_ends(r) ? ">" : "", flags);
    if (reach_is_inet(r) && r->host && *r->host) {
        cleanup_free char *address = endpoint_address(&r->peer);
        buf_printf(out, " (%s)", address);
    }
    if (reach_has_two_ends(r) && !reach_is_wide(reach)) {
        buf_puts(out, " -> ");
        reach_escape(out, r->resolved2, strlen(r->resolved2), ">", flags);
    }
    if (d->program) {
        buf_puts(out, " by ");
        display_escape(out, r->exe, strlen(r->exe), flags);
        buf_puts(out, " alone");
    }
}
