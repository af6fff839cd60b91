// SPDX-License-Identifier: Apache-2.0
#include "cast.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "display.h"
#include "util.h"

#define REPLACEMENT 0xfffd
#define SIZE_LIMIT 65535 /* rows and columns that a terminal can have */

// --- writing ----------------------------------------------------------------------------------

static void
put_unit(struct buf *b, uint32_t unit)
{
    buf_printf(b, "\\u%04x", (unsigned)unit);
}

// bytes: the n of character c.
static void
put_char(struct buf *b, uint32_t c, const char *bytes, size_t n)
{
    if (c == '"' || c == '\\') {
        buf_putc(b, '\\');
        buf_putc(b, (char)c);
    } else if (display_char_width(c) >= 0) {
        buf_add(b, bytes, n);
    } else if (c < 0x10000) {
        put_unit(b, c);
    } else {
        put_unit(b, 0xd800 + ((c - 0x10000) >> 10));
        put_unit(b, 0xdc00 + ((c - 0x10000) & 0x3ff));
    }
}

// May the n bytes become a character when more come?
static bool
is_begin(const unsigned char *s, size_t n)
{
    size_t want = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n >= want)
        return false;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return false;
    return true;
}

// As the inside of a JSON string. Returns how many bytes at the end are the begin of a character.
static size_t
put_text(struct buf *b, const char *s, size_t n, bool more)
{
    while (n) {
        uint32_t c;
        unsigned len = display_decode(s, n, &c);
        if (len) {
            put_char(b, c, s, len);
        } else if (more && is_begin((const unsigned char *)s, n)) {
            break;
        } else {
            put_unit(b, REPLACEMENT);
            len = 1;
        }
        s += len;
        n -= len;
    }
    return n;
}

static void
begin_line(struct buf *b, uint64_t at_ns, char code)
{
    buf_printf(b, "[%" PRIu64 ".%06" PRIu64 ",\"%c\",\"", at_ns / 1000000000,
               at_ns / 1000 % 1000000, code);
}

static void
add_line(struct cast *c, uint64_t now_ns, char code)
{
    if (now_ns > c->last_ns)
        c->last_ns = now_ns;
    if (!c->lines.len) {
        c->first_ns = c->last_ns;
        c->first_rows = c->rows;
        c->first_columns = c->columns;
    }
    begin_line(&c->lines, c->last_ns - c->start_ns, code);
}

void
cast_init(struct cast *c, uint64_t start_ns, unsigned rows, unsigned columns)
{
    *c = (struct cast){.start_ns = start_ns, .last_ns = start_ns, .rows = rows, .columns = columns};
}

void
cast_done(struct cast *c)
{
    buf_done(&c->lines);
    *c = (struct cast){0};
}

// Is there room for a line with n bytes in it? The longest that one becomes is an escape of six;
// the rest of the line is shorter than 64.
static bool
has_room(const struct cast *c, size_t n)
{
    return n < CAST_TEXT_MAX && c->lines.len + n * 6 + 64 <= CAST_TEXT_MAX;
}

void
cast_output(struct cast *c, uint64_t now_ns, const void *data, size_t n)
{
    if (!has_room(c, n + sizeof c->partial)) {
        c->lost += n;
        return;
    }
    cleanup_buf struct buf all = {0};
    buf_add(&all, c->partial, c->partial_n);
    buf_add(&all, data, n);
    add_line(c, now_ns, 'o');
    c->partial_n = put_text(&c->lines, all.data, all.len, true);
    memcpy(c->partial, all.data + all.len - c->partial_n, c->partial_n);
    buf_puts(&c->lines, "\"]\n");
}

void
cast_resize(struct cast *c, uint64_t now_ns, unsigned rows, unsigned columns)
{
    if ((rows == c->rows && columns == c->columns) || !has_room(c, 0))
        return;
    add_line(c, now_ns, 'r');
    buf_printf(&c->lines, "%ux%u\"]\n", columns, rows);
    c->rows = rows;
    c->columns = columns;
}

void
cast_remark(struct cast *c, uint64_t now_ns, const char *text)
{
    if (!has_room(c, strlen(text)))
        return;
    add_line(c, now_ns, 'm');
    put_text(&c->lines, text, strlen(text), false);
    buf_puts(&c->lines, "\"]\n");
}

struct terminal_chunk *
cast_take(struct cast *c)
{
    if (!c->lines.len)
        return NULL;
    struct terminal_chunk *t = xcalloc(1, sizeof *t);
    uLongf n = compressBound(c->lines.len);
    t->data = xmalloc(n);
    if (compress2(t->data, &n, (const Bytef *)c->lines.data, c->lines.len, Z_BEST_SPEED) != Z_OK)
        die("zlib: out of memory");
    t->data = xrealloc(t->data, n);
    t->len = n;
    t->first_ns = c->first_ns;
    t->last_ns = c->last_ns;
    t->rows = c->first_rows;
    t->columns = c->first_columns;
    buf_reset(&c->lines);
    return t;
}

// --- reading ----------------------------------------------------------------------------------

static int
read_line(const char *line, size_t n, cast_fn fn, void *ctx)
{
    struct cast_event e = {0};
    json_t *row = json_loadb(line, n, JSON_ALLOW_NUL, NULL);
    json_t *at = json_array_get(row, 0), *code = json_array_get(row, 1);
    json_t *text = json_array_get(row, 2);
    int ret = -EBADMSG;
    if (json_is_number(at) && json_is_string(code) && json_is_string(text)) {
        double seconds = json_number_value(at);
        const char *word = json_string_value(code);
        e.code = word[0] && !word[1] && strchr("orm", word[0]) ? word[0] : 0;
        e.text = json_string_value(text);
        e.n = json_string_length(text);
        bool sized =
            e.code != 'r' || (sscanf(e.text, "%5ux%5u", &e.columns, &e.rows) == 2 && e.rows &&
                              e.columns && e.rows <= SIZE_LIMIT && e.columns <= SIZE_LIMIT);
        if (sized && seconds >= 0 && seconds < 1e9) {
            e.at_ns = (uint64_t)llround(seconds * 1e6) * 1000;
            ret = e.code ? fn(ctx, &e) : 0;
        }
    }
    json_decref(row);
    return ret;
}

int
cast_read(const void *data, size_t n, cast_fn fn, void *ctx)
{
    uLongf len = CAST_TEXT_MAX;
    cleanup_free char *text = xmalloc(len);
    int ret = 0;
    if (uncompress((Bytef *)text, &len, data, n) != Z_OK)
        return -EBADMSG;
    for (const char *at = text, *end = text + len; at < end && ret == 0;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop)
            return -EBADMSG;
        ret = read_line(at, (size_t)(stop - at), fn, ctx);
        at = stop + 1;
    }
    return ret;
}

// --- the file ---------------------------------------------------------------------------------

void
cast_print_header(FILE *out, uint64_t start_ns, unsigned rows, unsigned columns,
                  const char *command, size_t n)
{
    cleanup_buf struct buf b = {0};
    put_text(&b, command, n, false);
    fprintf(out,
            "{\"version\":2,\"width\":%u,\"height\":%u,\"timestamp\":%" PRIu64
            ",\"command\":\"%s\"}\n",
            columns, rows, start_ns / 1000000000, buf_str(&b));
}

void
cast_print_event(FILE *out, const struct cast_event *e)
{
    cleanup_buf struct buf b = {0};
    begin_line(&b, e->at_ns, e->code);
    put_text(&b, e->text, e->n, false);
    buf_puts(&b, "\"]\n");
    fwrite(b.data, 1, b.len, out);
}
