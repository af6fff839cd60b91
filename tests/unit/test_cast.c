// SPDX-License-Identifier: Apache-2.0
// Recorded terminals: whatever the bytes, the lines are JSON in UTF-8 and give back what was shown.
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "cast.h"
#include "display.h"
#include "util.h"

#define START 1700000000000000000ull

static struct cast c;
static struct buf shown; /* the text of all events, each behind its code and time in ms */

static void
setup(void)
{
    cast_init(&c, START, 24, 80);
}

static void
teardown(void)
{
    cast_done(&c);
    buf_done(&shown);
}

TestSuite(cast, .init = setup, .fini = teardown, .timeout = 60);

static int
show(void *ctx, const struct cast_event *e)
{
    buf_printf(&shown, "%c%u:", e->code, (unsigned)(e->at_ns / 1000000));
    buf_add(&shown, e->text, e->n);
    if (e->code == 'r')
        buf_printf(&shown, "(%u,%u)", e->rows, e->columns);
    buf_putc(&shown, '|');
    return 0;
}

static int
only_text(void *ctx, const struct cast_event *e)
{
    buf_add(ctx, e->text, e->n);
    return 0;
}

static int
only_output(void *ctx, const struct cast_event *e)
{
    if (e->code == 'o')
        buf_add(ctx, e->text, e->n);
    return 0;
}

static void
take(cast_fn fn, void *ctx)
{
    struct terminal_chunk *t = cast_take(&c);
    cr_assert(t);
    cr_assert(cast_read(t->data, t->len, fn, ctx) == 0);
    free(t->data);
    free(t);
}

Test(cast, an_empty_one_has_no_chunk)
{
    cr_assert(cast_take(&c) == NULL);
}

Test(cast, output_and_sizes_come_back_with_their_times)
{
    cast_output(&c, START + 1500000000, "one\r\n", 5);
    cast_resize(&c, START + 2000000000, 24, 80); /* no change */
    cast_resize(&c, START + 2000000000, 40, 132);
    cast_output(&c, START + 1000000000, "two", 3); /* a clock that was set back */
    struct terminal_chunk *t = cast_take(&c);
    cr_assert(t->first_ns == START + 1500000000 && t->last_ns == START + 2000000000);
    cr_assert(t->rows == 24 && t->columns == 80);
    cr_assert(cast_read(t->data, t->len, show, NULL) == 0);
    cr_assert_str_eq(buf_str(&shown), "o1500:one\r\n|r2000:132x40(40,132)|o2000:two|");
    free(t->data);
    free(t);
    // The next one begins with the size that this one ended with.
    cast_output(&c, START + 3000000000, "x", 1);
    t = cast_take(&c);
    cr_assert(t->rows == 40 && t->columns == 132 && t->first_ns == START + 3000000000);
    free(t->data);
    free(t);
}

Test(cast, a_character_in_pieces_is_put_together)
{
    cast_output(&c, START, "a\xe2", 2);
    cast_output(&c, START, "\x82", 1);
    cast_output(&c, START,
                "\xac"
                "b\xf0\x9f",
                4);
    cast_output(&c, START, "\x98\x80", 2);
    take(only_text, &shown);
    cr_assert_str_eq(buf_str(&shown), "a\xe2\x82\xac"
                                      "b\xf0\x9f\x98\x80");
}

Test(cast, a_character_in_pieces_survives_the_end_of_a_chunk)
{
    cast_output(&c, START, "\xe2\x82", 2);
    take(only_text, &shown);
    cast_output(&c, START, "\xac", 1);
    take(only_text, &shown);
    cr_assert_str_eq(buf_str(&shown), "\xe2\x82\xac");
}

Test(cast, bytes_that_are_no_character_are_replaced)
{
    cast_output(&c, START, "a\xff\xc0\x80\xe2x\xed\xa0\x80", 9);
    take(only_text, &shown);
#define R "\xef\xbf\xbd"
    cr_assert_str_eq(buf_str(&shown), "a" R R R R "x" R R R);
}

Test(cast, every_byte_comes_back_and_no_line_holds_a_control)
{
    char all[256];
    for (int i = 0; i < 128; i++)
        all[i] = (char)i;
    cast_output(&c, START, all, 128);
    cast_output(&c, START,
                "\xc2\x9b"
                "31m\xe2\x80\xae\xf3\xa0\x80\x81",
                12);
    for (size_t i = 0; i < c.lines.len; i++)
        cr_assert(c.lines.data[i] == '\n' || (c.lines.data[i] >= 0x20 && c.lines.data[i] < 0x7f),
                  "byte %zu: %02x", i, (unsigned char)c.lines.data[i]);
    take(only_text, &shown);
    cr_assert(shown.len == 140 && memcmp(shown.data, all, 128) == 0);
    cr_assert(memcmp(shown.data + 128,
                     "\xc2\x9b"
                     "31m\xe2\x80\xae\xf3\xa0\x80\x81",
                     12) == 0);
}

// What a stream decoder makes of the bytes, however they were cut.
Test(cast, any_bytes_in_any_pieces_give_the_same_text)
{
    static const char pool[] = "a\x1b\xe2\x82\xac\xf0\x9f\x98\x80\xff\xc2\x9b\xed\"\\";
    char bytes[512];
    srand(1);
    for (int round = 0; round < 300; round++) {
        cleanup_buf struct buf whole = {0}, cut = {0};
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = pool[(size_t)rand() % (sizeof pool - 1)];
        bytes[sizeof bytes - 1] = '.'; /* nothing is begun at the end */
        cast_output(&c, START, bytes, sizeof bytes);
        take(only_text, &whole);
        for (size_t at = 0, n; at < sizeof bytes; at += n) {
            n = 1 + (size_t)rand() % 5;
            n = n < sizeof bytes - at ? n : sizeof bytes - at;
            cast_output(&c, START, bytes + at, n);
            if (rand() % 8 == 0)
                take(only_text, &cut);
        }
        if (c.lines.len)
            take(only_text, &cut);
        cr_assert_str_eq(buf_str(&whole), buf_str(&cut));
    }
}

Test(cast, what_has_no_room_is_counted)
{
    static char zeroes[65536];
    for (int i = 0; i < 100; i++)
        cast_output(&c, START, zeroes, sizeof zeroes);
    cr_assert(c.lost > 0 && c.lost % sizeof zeroes == 0);
    cr_assert(c.lines.len <= CAST_TEXT_MAX);
    for (int i = 0; i < 100000; i++) {
        cast_remark(&c, START,
                    "a remark that is longer than sixty-four bytes, whatever it is about");
        cast_resize(&c, START, 25 + (unsigned)i % 2, 65535);
    }
    cr_assert(c.lines.len <= CAST_TEXT_MAX);
    take(only_output, &shown);
    cr_assert(shown.len + c.lost == 100 * sizeof zeroes);
}

static int
read_text(const char *text, size_t n)
{
    Bytef packed[4096];
    uLongf len = sizeof packed;
    cr_assert(compress(packed, &len, (const Bytef *)text, n) == Z_OK);
    buf_reset(&shown);
    return cast_read(packed, len, show, NULL);
}

Test(cast, a_chunk_of_somebody_else_is_refused)
{
    static const char *const bad[] = {"x",
                                      "[1,\"o\",\"a\"]",
                                      "[1,\"o\"]\n",
                                      "{}\n",
                                      "\n",
                                      "[-1,\"o\",\"a\"]\n",
                                      "[1e300,\"o\",\"a\"]\n",
                                      "[1,\"o\",\"\xff\"]\n",
                                      "[1,\"r\",\"0x0\"]\n",
                                      "[1,\"r\",\"99999x2\"]\n",
                                      "[1,2,3]\n"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        cr_assert(read_text(bad[i], strlen(bad[i])) == -EBADMSG, "%s", bad[i]);
    static const char newer[] = "[1,\"i\",\"typed\"]\n[2,\"o\",\"a\"]\n";
    cr_assert(read_text(newer, strlen(newer)) == 0);
    cr_assert_str_eq(buf_str(&shown), "o2000:a|");
    cr_assert(cast_read("not zlib", 8, show, NULL) == -EBADMSG);
    cr_assert(cast_read("", 0, show, NULL) == -EBADMSG);
}

Test(cast, a_chunk_that_grows_without_end_is_refused)
{
    uLongf len = 1 << 20;
    cleanup_free char *zeroes = xcalloc(8, CAST_TEXT_MAX), *packed = xmalloc(len);
    cr_assert(compress((Bytef *)packed, &len, (const Bytef *)zeroes, 8 * CAST_TEXT_MAX) == Z_OK);
    cr_assert(cast_read(packed, len, show, NULL) == -EBADMSG);
}

Test(cast, the_file_is_asciicast_v2)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    struct cast_event e = {.at_ns = 1234567000, .code = 'o', .text = "\x1b[31m\"\n", .n = 7};
    cast_print_header(f, START, 24, 80, "sh \xff\x1b", 5);
    cast_print_event(f, &e);
    fclose(f);
    json_t *header = json_loadb(text, (size_t)(strchr(text, '\n') - text), 0, NULL);
    cr_assert(json_integer_value(json_object_get(header, "version")) == 2);
    cr_assert(json_integer_value(json_object_get(header, "width")) == 80);
    cr_assert(json_integer_value(json_object_get(header, "height")) == 24);
    cr_assert(json_integer_value(json_object_get(header, "timestamp")) == 1700000000);
    cr_assert_str_eq(json_string_value(json_object_get(header, "command")), "sh " R "\x1b");
    cr_assert_str_eq(strchr(text, '\n') + 1, "[1.234567,\"o\",\"\\u001b[31m\\\"\\u000a\"]\n");
    json_decref(header);
    free(text);
}
