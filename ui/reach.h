// SPDX-License-Identifier: Apache-2.0
// How far a decision about a request can reach, and that in words. Pure, private to ui/.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "decision.h"
#include "request.h"

#define REACH_STEPS 3

// The reaches that a decision about r can have, narrowest first; returns their count, at least 1.
size_t reach_ladder(const struct request *r, enum reach ret_steps[REACH_STEPS]);
// A socket call whose peer is an address of the internet.
bool reach_is_inet(const struct request *r);
// Two ends: rename and link.
bool reach_has_two_ends(const struct request *r);
// Anything but the narrowest kind: it needs a confirmation.
bool reach_is_wide(enum reach reach);
// What a rule of that reach is about, as bytes: the path, the directory, "host:port", the host. The
// caller frees it.
char *reach_target(const struct request *r, enum reach reach);
// What has to be typed to confirm it, as bytes: the last component of that, or the host, by name
// where one was looked up. The caller frees it.
char *reach_name(const struct request *r, enum reach reach);
// "allow this session: read of everything below /home/u/.ssh"; of d the verdict, scope, reach,
// length and program count. flags: of display_escape().
void reach_rule(struct buf *out, const struct request *r, const struct decision *d, unsigned flags);
// display_escape(), with a backslash before each of the characters of marks as well: what nono puts
// between names then is in no name.
void reach_escape(struct buf *out, const char *bytes, size_t n, const char *marks, unsigned flags);
// "15m", "1h30m", "45s"
void reach_duration(struct buf *out, uint64_t ns);
