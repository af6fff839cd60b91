// SPDX-License-Identifier: Apache-2.0
// What a wide rule about files would cover: how many there are, and which places of high risk among
// them. Private to ui/.
#pragma once
#include <stdbool.h>

#include "buf.h"
#include "count.h"
#include "decision.h"
#include "request.h"

// Where places of high risk come from, see struct ui_config.
struct covers {
    char *home; /* owned; or NULL */
    char **(*risky)(const char *home, unsigned access);
};

// Is a rule of that reach about a directory of files?
bool covers_counts(enum reach reach);
// Starts to look at what lies there. NULL when that is not possible now: try again later.
struct count *covers_start(const struct covers *c, const struct request *r, enum reach reach);
// Appends "12 existing files, HIGH RISK among them: .ssh, .netrc". flags: of display_escape().
void covers_text(struct buf *out, const struct count_result *n, unsigned flags);
