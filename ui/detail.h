// SPDX-License-Identifier: Apache-2.0
// A request in words: the facts that decide. Everything foreign is escaped here (I6). Pure, private
// to ui/.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "view.h"

#define DETAIL_LINES 20

struct detail_line {
    const char *label; /* static */
    char *text;        /* owned, display-safe */
    bool strong;
};

// The first line is always the resolved target.
struct detail {
    struct detail_line lines[DETAIL_LINES];
    size_t n;
};

#define cleanup_detail __attribute__((cleanup(detail_done)))

// flags: of display_escape(). Free it with detail_done().
void detail_make(struct detail *d, const struct view_row *row, uint64_t now_ns, unsigned flags);
void detail_done(struct detail *d);

// The target with the part that no capability covers in braces: /home/u/{.ssh/id_rsa}. A brace of
// the name itself is shown as \{, so that two targets never look equal.
void detail_target(struct buf *out, const struct request *r, unsigned flags);
// "node/48213"
void detail_program(struct buf *out, const struct request *r, unsigned flags);
// The command line as shell words.
void detail_argv(struct buf *out, const struct request *r, unsigned flags);
// "READ"
const char *detail_op(enum op op);
// "0:42", "1h03"
void detail_age(struct buf *out, uint64_t ns);
// What became of a row in one word; its age while it waits.
void detail_state(struct buf *out, const struct view_row *row, uint64_t now_ns);
// What a decision leaves behind: "session: allow read of exactly this file".
void detail_rule(struct buf *out, const struct request *r, enum verdict verdict, enum scope scope);
