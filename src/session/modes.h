// SPDX-License-Identifier: Apache-2.0
// The modes that a command has set on the terminal which it was handed as it is (--ui attach): what
// it did not put back, killed, is put back for it. Pure.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define MODES_PARAMS 16 /* of one sequence; what follows is not looked at */

struct modes {
    enum { MODES_TEXT, MODES_ESCAPE, MODES_CHARSET, MODES_CSI } state;
    char prefix, between; /* of the sequence being read: one of <=>?, and the last of SP to / */
    unsigned params[MODES_PARAMS + 1], n_params; /* the last takes what is not looked at */

    uint32_t changed; /* by place in the table of private modes */
    bool insert, keypad, charset, shifted, margins, shape, keys, other_keys, rendition;
};

// What the command wrote, in pieces of any size.
void modes_feed(struct modes *m, const void *data, size_t n);
// Appends what puts everything back, nothing where nothing is to do; then nothing is.
void modes_undo(struct modes *m, struct buf *out);
