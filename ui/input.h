// SPDX-License-Identifier: Apache-2.0
// Bytes from the keyboard, made into keys. Pure: no descriptor, no clock. The bytes of a key stay
// with it, so that what the agent gets is what was typed.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

// Keys that are no character; characters (control ones too) are their own code.
enum input_code {
    INPUT_UP = 0x110000,
    INPUT_DOWN,
    INPUT_LEFT,
    INPUT_RIGHT,
    INPUT_HOME,
    INPUT_END,
    INPUT_PAGE_UP,
    INPUT_PAGE_DOWN,
    INPUT_INSERT,
    INPUT_DELETE,
    INPUT_BACKTAB,
    INPUT_PASTE,         /* a piece of pasted text, in raw */
    INPUT_MOUSE,         /* a button or a move of the mouse */
    INPUT_OTHER,         /* a sequence or byte with no meaning here, in raw */
    INPUT_F0 = 0x110100, /* + n for Fn, n <= 24 */
};

enum input_mods { INPUT_SHIFT = 1, INPUT_ALT = 2, INPUT_CTRL = 4 };

struct input_key {
    uint32_t code;
    unsigned mods;   /* of keys that are no character, and INPUT_ALT of a character */
    const char *raw; /* as it came; valid until the next call */
    size_t raw_len;
    bool paste_start; /* INPUT_PASTE: the first piece */
    bool paste_end;   /* INPUT_PASTE: the last piece; raw may be empty */
    // INPUT_MOUSE, as SGR reports it: bits of the button, place from 0.
    unsigned button, row, col;
    bool release;
};

struct input {
    struct buf bytes;
    size_t used;     /* bytes of keys that were handed out */
    bool paste;      /* between the marks of a bracketed paste */
    bool paste_new;  /* no piece of it was handed out yet */
    uint64_t fed_ns; /* when the last bytes came */
};

#define INPUT_ESCAPE_NS 25000000ull  /* then an escape that stands alone is the Esc key */
#define INPUT_PASTE_NS 2000000000ull /* then a paste whose end never came is over */

void input_done(struct input *in);
void input_feed(struct input *in, const void *data, size_t n, uint64_t now_ns);
// The next whole key, false when there is none (yet). What is unfinished becomes keys once it is
// older than the times above.
bool input_next(struct input *in, uint64_t now_ns, struct input_key *ret_key);
// When to call input_next() again although nothing was fed; UINT64_MAX for never.
uint64_t input_deadline(const struct input *in);
// Throws away what was not handed out and returns how many bytes that were. A paste goes on.
size_t input_drop(struct input *in);
