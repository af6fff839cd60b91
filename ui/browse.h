// SPDX-License-Identifier: Apache-2.0
// The browser of nono log -i: a list of any length, one entry of it whole, search and filter. Pure:
// rows are asked for one by one, as they come into sight. One owner.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum browse_page { BROWSE_NO_PAGE, BROWSE_TREE, BROWSE_STATS };

// All text that is handed back is display-safe.
struct browse_ops {
    // Entry i (0 is the oldest) as one line.
    void (*line)(void *ctx, size_t i, struct buf *ret_line);
    // All of it, each line ended by a newline.
    void (*whole)(void *ctx, size_t i, struct buf *ret_lines);
    // Where and when it was, for the top line.
    void (*place)(void *ctx, size_t i, struct buf *ret_text);
    // Lists only what the words want ("": everything again), and makes the words what next() looks
    // for. 0: browse_sifted() or browse_searched() follows, and no key until then. -errno with why
    // in *ret_why: nothing has changed.
    int (*sift)(void *ctx, const char *words, struct buf *ret_why);
    int (*search)(void *ctx, const char *words, struct buf *ret_why);
    // The nearest entry behind (1) or before (-1) that one; false when there is none.
    bool (*next)(void *ctx, size_t from, int direction, size_t *ret_i);
    // Makes a page of what is listed, for browse_set_page(); BROWSE_NO_PAGE: not any more.
    void (*page)(void *ctx, enum browse_page page);
    // Goes on with what happens now, by browse_set_list(); or not any more.
    void (*follow)(void *ctx, bool on);
};

enum browse_prompt { BROWSE_LIST, BROWSE_SEARCH, BROWSE_SIFT };

struct browse {
    const struct browse_ops *ops;
    void *ctx;
    size_t n;              /* entries */
    size_t at;             /* the cursor; below n unless there is none */
    size_t top;            /* the first that is in sight */
    unsigned rows;         /* how many are */
    unsigned detail;       /* lines for the whole of the one at the cursor; 0: no room */
    bool opened;           /* it, or the page, has the whole screen */
    enum browse_page page; /* instead of it */
    bool made;             /* the page is there */
    bool following;
    size_t down;           /* its first line in sight */
    struct buf text;       /* it, of the entry text_of, SIZE_MAX for none; or the page */
    size_t text_of, lines; /* lines in it */
    enum browse_prompt prompt;
    struct buf typed; /* at the prompt; foreign bytes */
    struct buf words; /* of the filter in force; foreign bytes */
    struct buf note;  /* what to tell; until the next key */
    bool searched;    /* next() has something to look for */
    bool busy;        /* what was typed is looked for: no key may come */
    bool help, leave;
};

void browse_init(struct browse *b, const struct browse_ops *ops, void *ctx, size_t n);
void browse_done(struct browse *b);
// The rows of the screen.
void browse_set_size(struct browse *b, unsigned rows);
// A key: a character or an enum input_code.
void browse_key(struct browse *b, uint32_t code);
// Bytes that were pasted: to the prompt, or nowhere.
void browse_paste(struct browse *b, const char *bytes, size_t n);
// What was asked for has come: so many entries, the cursor is to be on that one; or NULL, or why it
// has not.
void browse_sifted(struct browse *b, size_t n, size_t at, const char *why);
void browse_searched(struct browse *b, const char *why);
// Other entries than before; the cursor is to be on that one.
void browse_set_list(struct browse *b, size_t n, size_t at);
// The page that was asked for, each line ended by a newline.
void browse_set_page(struct browse *b, const char *text);
// All of the entry at the cursor, or the page; valid until the cursor moves.
const char *browse_text(struct browse *b);
