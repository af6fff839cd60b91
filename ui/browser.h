// SPDX-License-Identifier: Apache-2.0
// The browser of nono log -i on a terminal (browse.h is what it does). Main thread, one at a time,
// and not beside a struct ui. Knows display-safe text; where it comes from is the caller's.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "browse.h"
#include "err.h"

struct browser;

// Takes the terminal. -ENOTTY, or -EINVAL for an unknown TERM, with the way out in *err.
int browser_new(int in_fd, int out_fd, const struct browse_ops *ops, void *ctx, size_t n,
                struct browser **ret_b, struct err *err);
// Gives it back. Takes NULL, returns NULL.
struct browser *browser_free(struct browser *b);
// The terminal has input. 0; 1 when the person wants to leave; -ENODATA when it is gone.
int browser_read_input(struct browser *b, uint64_t now_ns);
void browser_resized(struct browser *b);
// As if that key had been pressed.
void browser_press(struct browser *b, uint32_t code);
// Those of browse.h, of what is on the screen.
void browser_sifted(struct browser *b, size_t n, size_t at, const char *why);
void browser_searched(struct browser *b, const char *why);
void browser_set_list(struct browser *b, size_t n, size_t at);
void browser_set_page(struct browser *b, const char *text);
// The entry that the cursor is on; 0 when there is none.
size_t browser_at(const struct browser *b);
// Draws if anything changed. Milliseconds until it wants to be called again without any event, -1
// for never.
int browser_draw(struct browser *b, uint64_t now_ns);
