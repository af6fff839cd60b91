// SPDX-License-Identifier: Apache-2.0
// The agent's output on its way to the emulator, without what libvterm 0.1.4 must not see:
// - strings (OSC, DCS, APC, PM, SOS) are dropped whole. None of them has an effect here, and a DCS
//   that asks for an unknown setting crashes libvterm.
// - REP (CSI n b: the last character n times more) is made into those characters. libvterm never
//   comes back from one that has no character of any width before it.
// - a control sequence comes as a whole or not at all, with no more numbers than libvterm has room
//   for: it writes the seventeenth behind its array. Digits of a number behind the ninth are
//   dropped: it takes a high bit for a mark of its own.
// - a cursor that is restored (ESC 8) is put back inside of the screen: libvterm takes it for where
// it
//   was on a larger one, and writes there.
// - text comes as whole characters: what is no valid UTF-8 is made into U+FFFD, and so is a C1
//   control character. libvterm writes two of them for one byte that breaks a character off, into
//   room for one, and moves the cursor back over a C1.
// - marks on one character behind the eighth are dropped: libvterm keeps them all, without end.
// - no piece is longer than SIFT_PIECE: libvterm puts eight times as much on the stack.
// And with what it would lose: faint text (SGR 2) is made into SIFT_FAINT_FONT, which nothing else
// chooses here; the colour of underlines (SGR 58), whose numbers it takes for something else, is
// dropped.
// Private to terminal.c, pure.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define SIFT_REPEAT_MAX 4096 /* characters for one REP */
#define SIFT_NUMBERS_MAX 16  /* of a control sequence */
#define SIFT_PEN_NUMBERS                                                                           \
    32 /* of one that sets colours and the like (SGR); further ones are dropped */
#define SIFT_DIGITS_MAX 9 /* of a number */
#define SIFT_MARKS_MAX 8  /* on one character */
#define SIFT_PIECE 4096
#define SIFT_HELD_MAX 384 /* bytes of an escape or a control sequence; longer ones are dropped */
#define SIFT_FAINT_FONT 1

enum sift_state {
    SIFT_TEXT,
    SIFT_ESCAPE,
    SIFT_CSI,
    SIFT_STRING,
    SIFT_STRING_ESCAPE,
};

struct sift {
    enum sift_state state;
    char held[SIFT_HELD_MAX]; /* an escape or a control sequence that is not over yet */
    size_t n_held;
    bool plain;         /* of the control sequence: numbers alone so far */
    bool closed;        /* its numbers are over */
    bool bad;           /* it makes no sense, or is too long */
    unsigned numbers;   /* so far, at most one more than SIFT_PEN_NUMBERS */
    unsigned digits;    /* of the last one, likewise */
    unsigned marks;     /* since the last character that is none */
    char last[4];       /* the last character, in UTF-8 */
    unsigned char len;  /* its bytes so far */
    unsigned char want; /* and how many it has; 0: there is none */
};

void sift_feed(struct sift *s, const char *data, size_t n,
               void (*out)(void *ctx, const char *data, size_t n), void *ctx);
