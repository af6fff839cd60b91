// SPDX-License-Identifier: Apache-2.0
#include "exec_record.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "buf.h"
#include "display.h"
#include "util.h"

static size_t
fitting(const char *escaped, size_t room)
{
    size_t fit = 0, n, columns;
    while ((n = display_unit(escaped + fit, &columns)) > 0 && fit + n <= room)
        fit += n;
    return fit;
}

// Two that differ behind what is shown are two: the digest says so, and neither joins the other.
static void
add_rest(struct buf *out, const struct exec_call *c)
{
    uint8_t sha256[SHA256_LEN];
    crypto_hash_sha256(sha256, (const unsigned char *)c->argv, c->argv_len);
    buf_printf(out, " ... (NOT ALL of its %zu bytes, sha256 ", c->argv_len);
    buf_hex(out, sha256, sizeof sha256);
    buf_putc(out, ')');
}

// False when it was cut.
static bool
add_argv(struct buf *out, const struct exec_call *c)
{
    size_t end = out->len + NONO_EXEC_SHOWN_MAX;
    for (const char *p = c->argv; p < c->argv + c->argv_len; p += strlen(p) + 1) {
        cleanup_buf struct buf word = {0};
        buf_putc(&word, ' ');
        display_escape(&word, p, strlen(p), DISPLAY_QUOTE);
        if (word.len > end - out->len) {
            buf_add(out, word.data, fitting(buf_str(&word), end - out->len));
            add_rest(out, c);
            return false;
        }
        buf_add(out, word.data, word.len);
    }
    return true;
}

// What a person should know beside the path.
static char *
detail_of(const struct exec_call *c, const struct resolved *ends, unsigned part, bool copy,
          bool *ret_whole)
{
    struct buf b = {0};
    const struct stat *st = &c->program[part].st;
    if (part != EXEC_PROGRAM)
        buf_printf(&b, "interpreter of %s, ", ends[part - 1].path);
    buf_puts(&b, "argv");
    *ret_whole = add_argv(&b, c);
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
    bool whole;
    if (!q)
        return NULL;
    free(q->detail);
    q->detail = detail_of(c, ends, part, copy, &whole);
    if (!whole)
        judge_add_tag(q, RISK_HIGH, "argv-cut");
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
