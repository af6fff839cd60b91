// SPDX-License-Identifier: Apache-2.0
#include "detail.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "display.h"
#include "util.h"

void
detail_target(struct buf *out, const struct request *r, unsigned flags)
{
    size_t n = strlen(r->resolved), covered = r->covered < n ? r->covered : 0;
    display_escape(out, r->resolved, covered, flags);
    buf_putc(out, '{');
    display_escape(out, r->resolved + covered, n - covered, flags);
    buf_putc(out, '}');
}

void
detail_program(struct buf *out, const struct request *r, unsigned flags)
{
    const char *slash = strrchr(r->exe, '/');
    const char *name = slash ? slash + 1 : r->exe;
    display_escape(out, name, strlen(name), flags);
    buf_printf(out, "/%d", (int)r->pid);
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

static void
add_flags(struct buf *out, uint64_t flags)
{
    static const struct {
        uint64_t bit;
        const char *name;
    } names[] = {
        {O_CREAT, "O_CREAT"},       {O_EXCL, "O_EXCL"},         {O_TRUNC, "O_TRUNC"},
        {O_APPEND, "O_APPEND"},     {O_NONBLOCK, "O_NONBLOCK"}, {O_DIRECTORY, "O_DIRECTORY"},
        {O_NOFOLLOW, "O_NOFOLLOW"}, {O_CLOEXEC, "O_CLOEXEC"},   {O_SYNC, "O_SYNC"},
        {O_NOATIME, "O_NOATIME"},   {O_NOCTTY, "O_NOCTTY"},     {O_DIRECT, "O_DIRECT"},
    };
    static const char *const modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
    buf_puts(out, modes[flags & O_ACCMODE]);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if ((flags & names[i].bit) == names[i].bit)
            buf_printf(out, "|%s", names[i].name);
}

static const char *
type_of(uint32_t mode)
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
    default:
        return "file";
    }
}

static void
add_object(struct buf *out, const struct object *o)
{
    if (!o->exists) {
        buf_printf(out, "does not exist yet; its directory: mode %04o owner %u:%u", o->mode & 07777,
                   o->uid, o->gid);
        return;
    }
    buf_printf(out, "%s, mode %04o owner %u:%u, %llu bytes, %llu link%s, dev %llx inode %llu",
               type_of(o->mode), o->mode & 07777, o->uid, o->gid, (unsigned long long)o->size,
               (unsigned long long)o->nlink, o->nlink == 1 ? "" : "s", (unsigned long long)o->dev,
               (unsigned long long)o->ino);
}

static void
add_argv(struct buf *out, const struct request *r, unsigned flags)
{
    for (size_t i = 0; i < r->argv_len;) {
        size_t n = strnlen(r->argv + i, r->argv_len - i);
        buf_puts(out, i ? " " : "");
        display_escape(out, r->argv + i, n, flags | DISPLAY_QUOTE);
        i += n + 1;
    }
}

static void
add_foreign(struct buf *out, const char *label, const char *bytes, unsigned flags)
{
    buf_puts(out, label);
    display_escape(out, bytes, strlen(bytes), flags);
    buf_putc(out, '\n');
}

void
detail_text(struct buf *out, const struct request *r, uint64_t now_ns, unsigned flags)
{
    buf_puts(out, "path  ");
    detail_target(out, r, flags);
    if (strcmp(r->target, r->resolved) != 0) {
        buf_putc(out, '\n');
        buf_puts(out, "asked ");
        display_escape(out, r->target, strlen(r->target), flags);
    }
    buf_puts(out, "\nis    ");
    add_object(out, &r->object);
    buf_printf(out, "\nwhy   %s",
               r->why == REASON_INSUFFICIENT_ACCESS ? "a rule covers it, but not for this access"
                                                    : "no rule covers it");
    if (r->nearest[0]) {
        buf_puts(out, "; nearest: ");
        display_escape(out, r->nearest, strlen(r->nearest), flags);
    }
    buf_printf(out, "\nop    %s  %s ", op_to_string(r->op), r->call);
    add_flags(out, r->flags);
    buf_puts(out, "\nwho   ");
    display_escape(out, r->ancestry, strlen(r->ancestry), flags);
    buf_puts(out, r->ancestry[0] ? " > " : "");
    detail_program(out, r, flags);
    buf_printf(out, "  uid %u\n", r->uid);
    add_foreign(out, "exe   ", r->exe, flags);
    buf_puts(out, "argv  ");
    add_argv(out, r, flags);
    buf_putc(out, '\n');
    add_foreign(out, "cwd   ", r->cwd, flags);
    if (r->tags[0])
        add_foreign(out, r->risk == RISK_HIGH ? "RISK  !! " : "risk  ! ", r->tags, flags);
    buf_puts(out, "rule  o once: nothing is kept; s session: allow ");
    buf_printf(out, "%s of exactly this object\n", op_to_string(r->op));
    buf_puts(out, "wait  ");
    detail_age(out, now_ns - r->raised_mono_ns);
    if (r->deadline_mono_ns > now_ns) {
        buf_puts(out, ", refused in ");
        detail_age(out, r->deadline_mono_ns - now_ns);
    }
    buf_printf(out, ", %u like it\n", r->count);
}
