// SPDX-License-Identifier: Apache-2.0
// The agent's output on its way to the emulator, without what libvterm 0.1.4 must not see:
// - strings (OSC, DCS, APC, PM, SOS) are dropped whole. None of them has an effect here, and a DCS
//   that asks for an unknown setting crashes libvterm.
// - REP (CSI n b: the last character n times more) is made into those characters. libvterm never
//   comes back from one that has no character of any width before it.
// - the numbers of a CSI behind the sixteenth are dropped, and digits of one behind the ninth:
//   libvterm writes the seventeenth behind its array, and takes a high bit for a mark of its own.
// - text comes as whole characters: what is no valid UTF-8 is made into U+FFFD, and so is a C1
//   control character. libvterm writes two of them for one byte that breaks a character off, into
//   room for one, and moves the cursor back over a C1.
// - marks on one character behind the eighth are dropped: libvterm keeps them all, without end.
// - no piece is longer than SIFT_PIECE: libvterm puts eight times as much on the stack.
// - whatever comes inside of a CSI that ends it, ends it for libvterm as well: what it takes for
//   text and what for numbers is the same here and there.
// Private to terminal.c, pure.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define SIFT_REPEAT_MAX 4096 /* characters for one REP */
#define SIFT_NUMBERS_MAX 16  /* of a CSI */
#define SIFT_DIGITS_MAX 9    /* of a number */
#define SIFT_MARKS_MAX 8     /* on one character */
#define SIFT_PIECE 4096
#define SIFT_HELD_MAX 16 /* bytes of an escape that are held back; longer ones are dropped */

enum sift_state {
    SIFT_TEXT,
    SIFT_ESCAPE,
    SIFT_CSI,
    SIFT_LOST, /* the rest of a CSI whose start was given up */
    SIFT_STRING,
    SIFT_STRING_ESCAPE,
};

struct sift {
    enum sift_state state;
    char held[SIFT_HELD_MAX]; /* an escape whose kind is not known yet */
    size_t n_held;
    bool plain;         /* the CSI has numbers alone so far */
    bool first;         /* its first number is not over */
    unsigned count;     /* that number */
    unsigned numbers;   /* so far, at most one more than are passed on */
    unsigned digits;    /* of the last one, likewise */
    unsigned marks;     /* since the last character that is none */
    char last[4];       /* the last character, in UTF-8 */
    unsigned char len;  /* its bytes so far */
    unsigned char want; /* and how many it has; 0: there is none */
};

// Something else is written to the emulator now: what began and has no end yet is lost.
void sift_interrupt(struct sift *s);
void sift_feed(struct sift *s, const char *data, size_t n,
               void (*out)(void *ctx, const char *data, size_t n), void *ctx);
