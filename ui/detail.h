// SPDX-License-Identifier: Apache-2.0
// A request in words: the facts that decide. Everything foreign is escaped here (I6). Pure, private
// to ui/.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "view.h"

#define DETAIL_LINES 40

struct detail_line {
    const char *label; /* static */
    char *text;        /* owned, display-safe */
    bool strong;
};

// The first lines say what would be done to what: they must be seen before it is decided.
struct detail {
    struct detail_line lines[DETAIL_LINES];
    size_t n, target; /* how many those are */
};

#define cleanup_detail __attribute__((cleanup(detail_done)))

// Everything about a row. flags: of display_escape(). Free it with detail_done().
void detail_make(struct detail *d, const struct view *v, const struct view_row *row,
                 uint64_t now_ns, unsigned flags);
void detail_done(struct detail *d);

// Does detail_target() not say all that decides? The interpreter of a script has a line of its own.
bool detail_has_more(const struct request *r);
// The target with the part that no capability covers in braces: /home/u/{.ssh/id_rsa}; both ends of
// a rename or link; the name that was looked up behind an address; what else the call would do. A
// brace of the name itself is shown as \{, and with two ends > as \>, so that two targets never
// look equal.
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
// Why a tag makes a request risky, in words; the tag itself when it is not known.
const char *detail_reason(const char *tag);
// What a session is called, where that fits into columns; else so much of the start of its id.
void detail_session(struct buf *out, const struct view_session *s, size_t columns, int id_columns,
                    unsigned flags);
// A grant in one line: "allow session read /srv/x (used 6 times)".
void detail_grant(struct buf *out, const struct grant *g, uint64_t now_ns, unsigned flags);
