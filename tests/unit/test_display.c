// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "display.h"
#include "util.h"

struct row {
    const char *in, *out;
    size_t columns;
    bool odd;
};

#define LEN(s) (strlen(s))

static void
check(const struct row *rows, size_t n, unsigned flags)
{
    for (size_t i = 0; i < n; i++) {
        cleanup_buf struct buf b = {0};
        size_t w = display_escape(&b, rows[i].in, LEN(rows[i].in), flags);

        cr_expect_str_eq(buf_str(&b), rows[i].out);
        cr_expect_eq(w, rows[i].columns, "%s: %zu columns", buf_str(&b), w);
        cr_expect_eq(display_width(buf_str(&b)), w, "%s", buf_str(&b));
        cr_expect_eq(display_is_odd(rows[i].in, LEN(rows[i].in)), rows[i].odd, "%s", rows[i].out);
    }
}

Test(display, plain)
{
    static const struct row rows[] = {
        {"", "", 0, false},
        {"/home/u/.ssh/id_rsa", "/home/u/.ssh/id_rsa", 19, false},
        {"a b", "a b", 3, false},
        {"a\\x20", "a\\\\x20", 6, false},
        {" a", "\\x20a", 5, true},
        {"a ", "a\\x20", 5, true},
        {"a  b", "a \\x20b", 7, true},
        {" ", "\\x20", 4, true},
        {"a\rb\n", "a\\x0db\\x0a", 10, true},
        {"\033]0;x\a", "\\x1b]0;x\\x07", 12, true},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", 4, false},
        {"\xe6\xbc\xa2\xe5\xad\x97", "\xe6\xbc\xa2\xe5\xad\x97", 4, false},
        {"\xf0\x9f\x9a\x80", "\xf0\x9f\x9a\x80", 2, false},
        {"\xc3\xa9", "\xc3\xa9", 1, false},
        {"e\xcc\x81", "e\\u{301}", 8, true},               /* what the row before looks like */
        {"i\xcc\x87", "i\\u{307}", 8, true},               /* an i with its dot */
        {"\xc4\xb1\xcc\x81", "\xc4\xb1\\u{301}", 8, true}, /* one without */
        {"x\xcc\x81", "x\xcc\x81", 1, false},
        {"x\xcc\x81\xcc\x81\xcc\x81", "x\xcc\x81\xcc\x81\\u{301}", 8, true},
        {"q\xcc\xa7\xcc\x87", "q\xcc\xa7\xcc\x87", 1, false},
        {"q\xcc\x87\xcc\xa7", "q\xcc\x87\\u{327}", 8, true}, /* out of order */
        {"e\xcc\xa4\xcc\x81", "e\xcc\xa4\\u{301}", 8, true}, /* joins past another */
        {"\xc3\xa2\xcc\xa3", "\xc3\xa2\\u{323}", 8, true},   /* before the letter's own */
        {"\xc3\xa2\xcc\xb1", "\xc3\xa2\xcc\xb1", 1, false},  /* with no other spelling */
        {"/\xcc\x88", "/\\u{308}", 8, true},                 /* nothing to stand on */
        {"\xe1\x84\x80\xe1\x85\xa1", "\xe1\x84\x80\\u{1161}", 10, true}, /* one syllable */
        {"\xe0\xb8\x81\xe0\xb8\xb8\xe0\xb9\x89", "\xe0\xb8\x81\xe0\xb8\xb8\xe0\xb9\x89", 1,
         false}, /* Thai, as it is written */
        {"\xcc\x81", "\\u{301}", 7, true},
        {"/a\n\xcc\x81", "/a\\x0a\\u{301}", 13, true},
        {"\\\xcc\x81", "\\\\\\u{301}", 9, true},
        {"\xc2\x85", "\\u{85}", 6, true},                       /* C1 next line */
        {"\xc2\x9b", "\\u{9b}", 6, true},                       /* C1 CSI */
        {"\x9b", "\\x9b", 4, true},                             /* the same as a bare byte */
        {"\xc2\xa0", "\\u{a0}", 6, true},                       /* no-break space */
        {"\xc2\xad", "\\u{ad}", 6, true},                       /* soft hyphen */
        {"\xe2\x80\x8b", "\\u{200b}", 8, true},                 /* zero width space */
        {"\xe2\x80\xae", "\\u{202e}", 8, true},                 /* right-to-left override */
        {"\xe2\x81\xa6", "\\u{2066}", 8, true},                 /* isolate */
        {"\xef\xbb\xbf", "\\u{feff}", 8, true},                 /* byte order mark */
        {"\xef\xb8\x8f", "\\u{fe0f}", 8, true},                 /* variation selector */
        {"\xf3\xa0\x81\x81", "\\u{e0041}", 9, true},            /* tag */
        {"\xe3\x85\xa4", "\\u{3164}", 8, true},                 /* hangul filler */
        {"\xe2\xa0\x80", "\\u{2800}", 8, true},                 /* braille blank */
        {"\xe3\x80\x80", "\\u{3000}", 8, true},                 /* ideographic space */
        {"\xee\x80\x80", "\\u{e000}", 8, true},                 /* private use */
        {"\xef\xbf\xbe", "\\u{fffe}", 8, true},                 /* noncharacter */
        {"\xcd\xb8", "\\u{378}", 7, true},                      /* unassigned */
        {"\xe2\x84\xaa", "\\u{212a}", 8, true},                 /* kelvin sign: a second K */
        {"\xc0\xaf", "\\xc0\\xaf", 8, true},                    /* overlong slash */
        {"\xe0\x80\xaf", "\\xe0\\x80\\xaf", 12, true},          /* likewise */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80", 12, true},          /* surrogate */
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", 16, true}, /* beyond U+10FFFF */
        {"a\xe2\x82", "a\\xe2\\x82", 9, true},                  /* truncated */
        {"\xe2\x28\xa1", "\\xe2(\\xa1", 9, true},
    };
    check(rows, ARRAY_SIZE(rows), 0);
}

Test(display, ascii)
{
    static const struct row rows[] = {
        {"gr\xc3\xbc", "gr\\u{fc}", 8, false},
        {"x\xcc\x81", "x\\u{301}", 8, false},
    };
    check(rows, ARRAY_SIZE(rows), DISPLAY_ASCII);
}

Test(display, quoted)
{
    static const struct row rows[] = {
        {"", "''", 2, false},
        {"deploy.js", "deploy.js", 9, false},
        {"--prod=1", "--prod=1", 8, false},
        {"=ls", "'=ls'", 5, false},
        {"a b", "'a b'", 5, false},
        {"~", "'~'", 3, false},
        {"it's", "'it'\\''s'", 9, false},
        {"a\\b", "'a\\b'", 5, false},
        {"a\nb", "$'a\\x0ab'", 9, true},
        {"a\n\\'", "$'a\\x0a\\\\\\''", 12, true},
        {"\xe2\x80\xae", "$'\\xe2\\x80\\xae'", 15, true},
        {"gr\xc3\xbc n", "'gr\xc3\xbc n'", 7, false},
    };
    check(rows, ARRAY_SIZE(rows), DISPLAY_QUOTE);
}

// Each line of the file holds the ways to write one text, all of them the same to a reader.
// Escaped, two of them differ where one has an escape: so one at most goes without.
Test(display, one_spelling_of_a_text_at_most_is_shown)
{
    FILE *f = fopen(NONO_TEST_DATA "/spellings.txt", "re");
    char line[512], *save = NULL;
    int lines = 0;

    cr_assert(f);
    for (; fgets(line, sizeof(line), f); lines++) {
        int shown = 0, shown_behind = 0;
        for (char *w = strtok_r(line, " \n", &save); w; w = strtok_r(NULL, " \n", &save)) {
            char behind[128];
            snprintf(behind, sizeof(behind), "/q%sq", w);
            shown += !display_is_odd(w, strlen(w));
            shown_behind += !display_is_odd(behind, strlen(behind));
        }
        cr_assert(shown <= 1 && shown_behind <= 1, "line %d", lines + 1);
    }
    fclose(f);
    cr_assert_gt(lines, 4400);
}

// With a mark above, i and j have no dot.
Test(display, no_mark_above_a_letter_without_a_dot)
{
    static const char *const odd[] = {"\u0131\u0301",
                                      "\u0131\u030a",
                                      "\u0131\u0328\u030a",
                                      "\u0237\u030a",
                                      "i\u0307",
                                      "j\u0307",
                                      "\u012f\u0307",
                                      "\u0249\u0307",
                                      "\u0268\u0307",
                                      "\u029d\u0307",
                                      "\u03f3\u0307",
                                      "\u0456\u0307",
                                      "\u0458\u0307",
                                      "\u0458\u0323\u0307",
                                      "\u1e2d\u0307",
                                      "\u1ecb\u0307",
                                      "\u2071\u0307",
                                      "\U0001d422\u0307",
                                      "\U0001d693\u0307",
                                      "\U0001df1a\u0307"};
    static const char *const plain[] = {"\u0131", "\u0237",       "i\u030a",     "\u0131\u0328",
                                        "\u0456", "\u0456\u0301", "\u012f\u0301"};

    for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
        cr_expect(display_is_odd(odd[i], strlen(odd[i])), "%zu", i);
    for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
        cr_expect(!display_is_odd(plain[i], strlen(plain[i])), "%zu", i);
}

// A syllable, as one character, as two and as three.
Test(display, one_spelling_of_a_syllable_at_most_is_shown)
{
    for (uint32_t c = 0xac00; c <= 0xd7a3; c++) {
        uint32_t s = c - 0xac00, lead = 0x1100 + s / 588, vowel = 0x1161 + s % 588 / 28,
                 tail = 0x11a7 + s % 28, open = c - s % 28;
        const uint32_t ways[][3] = {{c}, {open, tail}, {lead, vowel, tail}, {lead, vowel}};
        int shown = 0;

        for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
            unsigned char text[16];
            size_t n = 0;
            for (int k = 0; k < 3 && ways[i][k]; k++) {
                text[n++] = (unsigned char)(0xe0 | ways[i][k] >> 12);
                text[n++] = (unsigned char)(0x80 | (ways[i][k] >> 6 & 0x3f));
                text[n++] = (unsigned char)(0x80 | (ways[i][k] & 0x3f));
            }
            shown += !display_is_odd(text, n);
        }
        cr_assert_eq(shown, 1, "U+%X", c);
    }
}

static void
check_clean(const struct buf *b)
{
    for (size_t i = 0; i < b->len; i++) {
        unsigned char c = (unsigned char)b->data[i];
        cr_assert(c >= 0x20 && c != 0x7f, "byte %02x", c);
        if (c == 0xc2)
            cr_assert((unsigned char)b->data[i + 1] >= 0xa0, "a C1 character");
    }
}

Test(display, every_byte_is_clean_and_its_own)
{
    struct buf out[3][256] = {0};
    static const unsigned flags[] = {0, DISPLAY_QUOTE, DISPLAY_ASCII | DISPLAY_QUOTE};

    for (size_t f = 0; f < 3; f++) {
        for (unsigned c = 0; c < 256; c++) {
            unsigned char byte = (unsigned char)c;
            display_escape(&out[f][c], &byte, 1, flags[f]);
            check_clean(&out[f][c]);
            for (unsigned k = 0; k < c; k++)
                cr_expect_str_neq(buf_str(&out[f][c]), buf_str(&out[f][k]));
        }
        for (unsigned c = 0; c < 256; c++)
            buf_done(&out[f][c]);
    }
}

Test(display, clip_goes_by_whole_units)
{
    static const struct {
        const char *in;
        size_t columns;
        const char *out;
        size_t used;
    } rows[] = {
        {"abcdef", 6, "abcdef", 6},
        {"abcdef", 5, "abcd>", 5},
        {"abcdef", 1, ">", 1},
        {"abcdef", 0, "", 0},
        {"ab\\x0acd", 5, "ab>", 3},
        {"ab\\u{202e}cd", 10, "ab>", 3},
        {"ab\\u{202e}cd", 11, "ab\\u{202e}>", 11},
        {"a\xe6\xbc\xa2\xe5\xad\x97", 4, "a\xe6\xbc\xa2>", 4},
        {"a\xe6\xbc\xa2\xe5\xad\x97", 3, "a>", 2},
        {"'\\\xd9\xb9'", 3, "'\\>", 3},
        {"x\xcc\x81xyz", 2, "x\xcc\x81>", 2},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf b = {0};
        cr_expect_eq(display_clip(&b, rows[i].in, rows[i].columns), rows[i].used);
        cr_expect_str_eq(buf_str(&b), rows[i].out);
    }
}

Test(display, clip_at_the_start_keeps_the_end)
{
    static const struct {
        const char *in;
        size_t columns;
        const char *out;
        size_t used;
    } rows[] = {
        {"abcdef", 6, "abcdef", 6},
        {"abcdef", 5, "<cdef", 5},
        {"abcdef", 1, "<", 1},
        {"abcdef", 0, "", 0},
        {"ab\\x0acd", 4, "<cd", 3},
        {"ab\\u{202e}cd", 10, "<cd", 3},
        {"ab\\u{202e}cd", 11, "<\\u{202e}cd", 11},
        {"a\xe6\xbc\xa2\xe5\xad\x97", 4, "<\xe5\xad\x97", 3},
        {"xyze\xcc\x81", 2, "<e\xcc\x81", 2},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf b = {0};
        cr_expect_eq(display_clip_start(&b, rows[i].in, rows[i].columns), rows[i].used);
        cr_expect_str_eq(buf_str(&b), rows[i].out, "%s", buf_str(&b));
    }
}

// A small alphabet of troublemakers, so that random strings collide if anything can.
static size_t
random_name(char *out, unsigned *seed)
{
    static const char *const parts[] = {
        "a",
        "/",
        " ",
        "\\",
        "\\x20",
        "x20",
        "\n",
        "\r",
        "'",
        "$'",
        "\xcc\x81",
        "\xe2\x80\xae",
        "\xe2",
        "\x80",
        "\xae",
        "\\u{202e}",
        "u{",
        "\x1b",
        "\xc2\x9b",
        "\xe3\x85\xa4",
        "\xef\xb8\x8f",
        "\xc3\xa9",
        "e",
        "\xe6\xbc\xa2",
    };
    size_t n = 0, pieces = (size_t)(rand_r(seed) % 6);

    for (size_t i = 0; i < pieces; i++) {
        const char *p = parts[(size_t)rand_r(seed) % ARRAY_SIZE(parts)];
        size_t length = rand_r(seed) % 8 ? strlen(p) : 1;
        memcpy(out + n, p, length);
        n += length;
    }
    return n;
}

Test(display, different_names_never_look_equal)
{
    static const unsigned flags[] = {0, DISPLAY_ASCII, DISPLAY_QUOTE,
                                     DISPLAY_ASCII | DISPLAY_QUOTE};
    unsigned seed = 1;

    for (int round = 0; round < 200000; round++) {
        char a[64], b[64];
        size_t na = random_name(a, &seed), nb = random_name(b, &seed);
        unsigned f = flags[round % 4];
        cleanup_buf struct buf x = {0}, y = {0};
        size_t width = display_escape(&x, a, na, f);

        display_escape(&y, b, nb, f);
        check_clean(&x);
        cr_assert_eq(width, display_width(buf_str(&x)));
        if (na != nb || memcmp(a, b, na) != 0)
            cr_assert_str_neq(buf_str(&x), buf_str(&y));
        else
            cr_assert_str_eq(buf_str(&x), buf_str(&y));
    }
}
