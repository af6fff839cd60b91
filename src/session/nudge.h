// SPDX-License-Identifier: Apache-2.0
// When to tell a terminal that is the command's alone that requests wait and nobody looks: the
// command seems to hang. Pure, main thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUDGE_NS 2000000000ull /* that requests waited unseen, and nothing was printed */

enum nudge_how {
    NUDGE_NOT,
    NUDGE_LINE,
    NUDGE_BELL, /* a line would be in the way of a full-screen program */
};

// Zero-initialised.
struct nudge {
    uint64_t unseen_ns; /* since when requests wait unseen; 0: none do */
    uint64_t output_ns; /* of the last output */
    bool told;          /* since then */
    bool full_screen;   /* the command has the alternate screen */
    bool mid_line;      /* its last output was not the end of a line */
    unsigned state;     /* of the sequence that switches it */
    unsigned number;
};

// The command printed that.
void nudge_output(struct nudge *n, const char *data, size_t len, uint64_t now_ns);
// That many requests wait, with nobody who could see them or not: is the terminal to be told now?
// Once, until all of them are decided or somebody looks.
enum nudge_how nudge_due(struct nudge *n, size_t waiting, bool seen, uint64_t now_ns);
// When nudge_due() is to be called again; UINT64_MAX for no sooner than something happens.
uint64_t nudge_deadline(const struct nudge *n);
