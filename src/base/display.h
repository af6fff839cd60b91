// SPDX-License-Identifier: Apache-2.0
// I6: the one function through which bytes of the sandbox (paths, argv, program names) reach a
// terminal, a log line or an error message. An allow-list: assigned, visible characters of known
// width pass; everything else is escaped, never dropped. Injective: two different byte strings
// never come out equal. Pure; any thread; independent of the locale. The input need not be UTF-8
// nor NUL-terminated.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum display_flags {
    DISPLAY_ASCII = 1 << 0, /* the terminal shows ASCII only: escape everything else */
    DISPLAY_QUOTE = 1 << 1, /* as a shell word, the way GNU ls does: bare, 'quoted', or $'...' with
                               \xNN for each byte that is not shown; bash reads it back */
};

// What text on a descriptor can show by the locale, and by TERM where it is a terminal: 0 or
// DISPLAY_ASCII. The font of Linux's own console has 512 characters at most: all others look the
// same there.
unsigned display_flags_of(int fd);

// Appends the escaped form: \xNN for a byte that is not part of valid UTF-8 and for control bytes,
// \u{h...} for a character that is not shown (C1, bidi, zero-width, tags, blank look-alikes,
// unassigned, the third and later combining mark on one base), \\ for a backslash, \x20 for a space
// at the start, at the end or behind another space. Of the spellings that Unicode has for one text
// the normalised one (NFC) is shown: KELVIN SIGN is not, nor is an accent behind a letter that
// there is with that accent, nor a mark out of its order, be it behind one that its letter holds. A
// mark stands on a letter, a digit or a sign beyond ASCII, or is not shown. Returns the columns
// that what was added takes on a terminal.
size_t display_escape(struct buf *out, const void *bytes, size_t n, unsigned flags);

// The same for a NUL-terminated string; the caller frees the result.
char *display_str(const char *s, unsigned flags);

// Columns of text that display_escape() made.
size_t display_width(const char *escaped);

// Cuts text that display_escape() made to at most columns, the cut marked by '>' in the last one
// (nothing is cut from the middle of an escape: it goes whole). Appends to out and returns the
// columns used.
size_t display_clip(struct buf *out, const char *escaped, size_t columns);

// The same, but what is kept is the end, behind a '<'.
size_t display_clip_start(struct buf *out, const char *escaped, size_t columns);

// True when escaping changed anything but backslashes: the name is odd, say so.
bool display_is_odd(const void *bytes, size_t n);

// The next thing in escaped text that must not be cut: a character with its marks, or an escape.
// Returns its bytes and sets its columns; 0 at the end.
size_t display_unit(const char *escaped, size_t *ret_columns);

// Columns of a character that is shown: 1, 2, or 0 for a combining mark; -1 for one that is not.
int display_char_width(uint32_t c);

// Decodes one UTF-8 character (no overlong forms, no surrogates). Returns its length, 0 when the
// bytes do not start with a whole valid one.
unsigned display_decode(const void *bytes, size_t n, uint32_t *ret_c);
