// SPDX-License-Identifier: Apache-2.0
// What the agent prints, as lines behind a bar: its escape sequences left out, a line that it goes
// back to overwrite kept and begun anew, everything else escaped.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define PLAIN_PAUSE_NS 200000000ull /* then a line without an end (a prompt) is shown */

enum plain_agent_state { PLAIN_TEXT, PLAIN_ESCAPE, PLAIN_CSI, PLAIN_STRING, PLAIN_STRING_ESCAPE };

struct plain_agent {
    struct buf line; /* bytes of the line that has no end yet */
    enum plain_agent_state state;
    bool returned;     /* a carriage return came last */
    uint64_t since_ns; /* that it stands there; 0: not looked at since */
};

void plain_agent_done(struct plain_agent *a);
// Appends whole lines to out. flags: of display_escape().
void plain_agent_feed(struct plain_agent *a, const void *data, size_t n, unsigned flags,
                      struct buf *out);
// Appends what has stood without an end for long.
void plain_agent_pause(struct plain_agent *a, uint64_t now_ns, unsigned flags, struct buf *out);
uint64_t plain_agent_deadline(const struct plain_agent *a);
