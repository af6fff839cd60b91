// SPDX-License-Identifier: Apache-2.0
// The agent's output on its way to the emulator, without what libvterm 0.1.4 must not see:
// - strings (OSC, DCS, APC, PM, SOS) are dropped whole. None of them has an effect here, and a DCS
//   that asks for an unknown setting crashes libvterm.
// - REP (CSI n b: the last character n times more) is made into those characters. libvterm never
//   comes back from one that has no character of any width before it.
// Private to terminal.c, pure.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define SIFT_REPEAT_MAX 4096 /* characters for one REP */
#define SIFT_HELD_MAX 16     /* bytes of an escape that are held back; longer ones are dropped */

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
    char last[4];       /* the last character, in UTF-8 */
    unsigned char len;  /* its bytes so far */
    unsigned char want; /* and how many it has; 0: there is none */
};

// Something else is written to the emulator now: what began and has no end yet is lost.
void sift_interrupt(struct sift *s);
void sift_feed(struct sift *s, const char *data, size_t n,
               void (*out)(void *ctx, const char *data, size_t n), void *ctx);
