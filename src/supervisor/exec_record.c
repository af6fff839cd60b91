// SPDX-License-Identifier: Apache-2.0
#include "exec_record.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "display.h"
#include "util.h"

// As much as a person reads. Returns how many bytes there are behind that.
static size_t
add_argv(struct buf *out, const struct exec_call *c)
{
    size_t room = NONO_ARGV_MAX;
    const char *p = c->argv, *end = p + c->argv_len;
    while (p < end && room) {
        size_t n = strlen(p), part = n < room ? n : room;
        buf_putc(out, ' ');
        display_escape(out, p, part, DISPLAY_QUOTE);
        p += part < n ? part : n + 1;
        room -= part < room ? part + 1 : room;
    }
    if (p < end)
        buf_printf(out, " ... and %zu bytes more", (size_t)(end - p));
    return (size_t)(end - p);
}

// What a person should know beside the path. ret_hidden: not all of it is there.
static char *
detail_of(const struct exec_call *c, const struct resolved *ends, unsigned part, bool copy,
          bool *ret_hidden)
{
    struct buf b = {0};
    const struct stat *st = &c->program[part].st;
    if (part != EXEC_PROGRAM)
        buf_printf(&b, "interpreter of %s, ", ends[part - 1].path);
    buf_puts(&b, "argv");
    *ret_hidden = add_argv(&b, c) > 0;
    if (st->st_mode & (S_ISUID | S_ISGID))
        buf_puts(&b, ", set-user-id has no effect");
    if (copy)
        buf_puts(&b, ", as a copy");
    // The next is a fact of its own (struct request).
    for (unsigned i = part + 2; i < c->parts; i++)
        buf_printf(&b, "%s %s",
                   i == part + 2 ? ", its interpreter is a script, run by" : ", run by",
                   ends[i].path);
    return buf_steal(&b);
}

struct request *
exec_request(struct supervisor *s, const struct exec_call *c, const struct resolved *ends,
             unsigned part, struct standing *standing, bool copy)
{
    const char *target = part == EXEC_PROGRAM ? c->name : c->interpreter[part - 1];
    struct facts f = {.call = &c->call,
                      .op = OP_EXEC,
                      .access = ACCESS_READ,
                      .flags = c->flags,
                      .target = target,
                      .target_len = strlen(target),
                      .resolved = ends[part].path,
                      .st = &c->program[part].st,
                      .exists = true,
                      .standing = standing};
    struct request *q = judge_request(s, &f);
    if (!q)
        return NULL;
    free(q->detail);
    bool hidden;
    q->detail = detail_of(c, ends, part, copy, &hidden);
    memcpy(q->sha256, c->program[part].sha256, SHA256_LEN);
    q->has_sha256 = true;
    if (part + 1 < c->parts) {
        free(q->interpreter);
        q->interpreter = xstrdup(ends[part + 1].path);
    }
    for (unsigned i = part + 1; i < c->parts; i++)
        judge_add_risk(s, q, ends[i].path);
    if (hidden)
        judge_add_tag(q, RISK_HIGH, "arguments that are not all shown");
    return q;
}
