// SPDX-License-Identifier: Apache-2.0
// The approval pane as lines, for screen readers, braille and pipes: nothing is ever drawn over.
// A request is told in full with its number; a line like "allow 31 once" decides it. Private to
// ui/, main thread.
//
// The guards are those of the screen: a line decides only a request that was told VIEW_QUIET_NS
// before it came, and only when it came alone, not in a paste; high risk, wide reach and "always"
// ask for a name on a line of its own. Beside an agent, lines that begin with a colon are nono's,
// and what the agent prints is shown escaped behind a bar: it cannot speak in nono's name.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "covers.h"
#include "plain_line.h"
#include "ui.h"
#include "view.h"

struct plain;

// v, ops and ctx are the owner's.
struct plain *plain_new(bool agent, int out_fd, const struct ui_ops *ops, void *ctx,
                        struct view *v);
// What wide rules would cover is looked at from now on; c is the owner's.
void plain_count(struct plain *p, const struct covers *c);
// Takes NULL, returns NULL.
struct plain *plain_free(struct plain *p);

// A request was added to the view.
void plain_request(struct plain *p, unsigned session, uint64_t id, uint64_t now_ns);
// One of the view's was changed.
void plain_update(struct plain *p, unsigned session, const struct request_update *u);
// Display-safe text.
void plain_say(struct plain *p, const char *text);
void plain_agent_output(struct plain *p, const void *data, size_t n);

// All that was read in one go, in pieces; then what it means.
void plain_feed(struct plain *p, const void *data, size_t n, uint64_t now_ns);
void plain_run(struct plain *p, uint64_t now_ns);
// Writes what there is to say. Returns the milliseconds until it wants to be called again, -1 for
// never.
int plain_flush(struct plain *p, uint64_t now_ns);
