// SPDX-License-Identifier: Apache-2.0
// curses.h first: term.h needs its types.
#include <curses.h>

#include <term.h>

#include <string.h>

#include "terminfo.h"

static const char *
capability(const char *name)
{
    const char *s = tigetstr(name);

    return s == (char *)-1 ? NULL : s;
}

enum terminfo
terminfo_check(const char *term, int out_fd)
{
    int found = 0;
    enum terminfo result;

    if (!term || !*term || setupterm(term, out_fd, &found) != OK)
        return TERMINFO_UNKNOWN;
    result = capability("cup") ? TERMINFO_GOOD : TERMINFO_NO_CURSOR;
    del_curterm(cur_term);
    return result;
}

bool
terminfo_has_alternate(void)
{
    return capability("rmcup") != NULL;
}

bool
terminfo_has_cursor_shape(const char *term, int out_fd)
{
    TERMINAL *before = cur_term;
    int found = 0;
    bool has;

    // Not what newterm() has: a description that was made here lacks it.
    if (setupterm(term, out_fd, &found) != OK)
        return false;
    has = capability("Ss") != NULL;
    del_curterm(set_curterm(before));
    return has;
}

// What a terminal does that has direct colours; semicolons, which all of them read. The number has
// a bit above red, green and blue that tells it from one of the palette.
#define DIRECT(plain, bright, all)                                                                 \
    "\033[%?%p1%{8}%<%t" plain "%p1%d%e%p1%{16}%<%t" bright "%p1%{8}%-%d%e%p1%{256}%<%t" all       \
    ";5;%p1%d%e" all ";2;%p1%{65536}%/%{255}%&%d;%p1%{256}%/%{255}%&%d;%p1%{255}%&%d%;m"

static const char *
direct_string(const char *name)
{
    if (strcmp(name, "setaf") == 0)
        return DIRECT("3", "9", "38");
    if (strcmp(name, "setab") == 0)
        return DIRECT("4", "10", "48");
    return strcmp(name, "initc") == 0 ? NULL : capability(name);
}

static void
add_number(struct buf *out, unsigned value, unsigned bytes)
{
    for (; bytes > 0; bytes--, value >>= 8)
        buf_putc(out, (char)(value & 0xff));
}

static void
add_even(struct buf *out)
{
    if (out->len % 2)
        buf_putc(out, 0);
}

// The compiled form of term(5), with numbers of 32 bits.
static void
add_description(struct buf *out, const char *term)
{
    cleanup_buf struct buf strings = {0}, offsets = {0};
    unsigned bools = 0, numbers = 0;

    while (boolnames[bools])
        bools++;
    while (numnames[numbers])
        numbers++;
    for (size_t i = 0; strnames[i]; i++) {
        const char *s = direct_string(strnames[i]);
        add_number(&offsets, s ? (unsigned)strings.len : 0xffff, 2);
        if (s)
            buf_add(&strings, s, strlen(s) + 1);
    }
    const unsigned head[] = {
        01036,   (unsigned)strlen(term) + 1,  bools,
        numbers, (unsigned)(offsets.len / 2), (unsigned)strings.len,
    };
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
        add_number(out, head[i], 2);
    buf_add(out, term, strlen(term) + 1);
    for (unsigned i = 0; i < bools; i++)
        buf_putc(out, tigetflag(boolnames[i]) == 1 && strcmp(boolnames[i], "ccc") != 0);
    add_even(out);
    for (unsigned i = 0; i < numbers; i++)
        add_number(out,
                   strcmp(numnames[i], "colors") == 0 ? TERMINFO_DIRECT
                                                      : (unsigned)tigetnum(numnames[i]),
                   4);
    buf_add(out, offsets.data, offsets.len);
    buf_add(out, strings.data, strings.len);
    add_even(out);
    // The one extension: RGB, so that curses keeps no table of all these colours.
    static const char rgb[] = "\1\0\0\0\0\0\1\0\4\0\1\0\0\0RGB";
    buf_add(out, rgb, sizeof rgb);
}

char *
terminfo_direct(const char *term, int out_fd)
{
    cleanup_buf struct buf binary = {0};
    struct buf text = {0};
    int found = 0;

    if (setupterm(term, out_fd, &found) != OK)
        return NULL;
    if (tigetnum("colors") == 256)
        add_description(&binary, term);
    del_curterm(cur_term);
    if (!binary.len)
        return NULL;
    buf_puts(&text, "hex:");
    buf_hex(&text, binary.data, binary.len);
    return buf_steal(&text);
}

void
terminfo_add_restore(struct buf *out)
{
    const char *names[] = {"sgr0", "op", "cnorm", "rmcup"};

    if (!terminfo_has_alternate())
        names[3] = "clear";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *s = capability(names[i]);
        while (s && *s) {
            const char *end = s[0] == '$' && s[1] == '<' ? strchr(s, '>') : NULL;
            if (end)
                s = end + 1;
            else
                buf_putc(out, *s++);
        }
    }
}
