// SPDX-License-Identifier: Apache-2.0
#include "exec_record.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "display.h"
#include "util.h"

static void
add_argv(struct buf *out, const struct exec_call *c)
{
    size_t shown = 0;
    for (const char *p = c->argv; p < c->argv + c->argv_len; p += strlen(p) + 1) {
        size_t n = strlen(p);
        if (shown + n > NONO_ARGV_MAX) {
            buf_puts(out, " ...");
            return;
        }
        buf_putc(out, ' ');
        display_escape(out, p, n, DISPLAY_QUOTE);
        shown += n;
    }
}

// What a person should know beside the path.
static char *
detail_of(const struct exec_call *c, const struct resolved *ends, unsigned part, bool copy)
{
    struct buf b = {0};
    const struct stat *st = &c->program[part].st;
    if (part != EXEC_PROGRAM)
        buf_printf(&b, "interpreter of %s, ", ends[part - 1].path);
    buf_puts(&b, "argv");
    add_argv(&b, c);
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
    q->detail = detail_of(c, ends, part, copy);
    memcpy(q->sha256, c->program[part].sha256, SHA256_LEN);
    q->has_sha256 = true;
    if (part + 1 < c->parts) {
        free(q->interpreter);
        q->interpreter = xstrdup(ends[part + 1].path);
    }
    for (unsigned i = part + 1; i < c->parts; i++)
        judge_add_risk(s, q, ends[i].path);
    return q;
}
