// SPDX-License-Identifier: Apache-2.0
// What the screen knows: shared by ui.c (terminal, keys, frames) and ui_feed.c (what callers tell
// it). Main thread. Private to ui/.
#pragma once
#include <sys/types.h>

#include "covers.h"
#include "input.h"
#include "layout.h"
#include "pane.h"
#include "screen.h"
#include "ui.h"

struct ui {
    const struct ui_ops *ops;
    void *ctx;
    uint64_t (*clock)(void);
    int in_fd, out_fd;
    bool tty, lost;
    struct pane pane;
    struct input input;
    struct terminal *terminal; /* NULL without an agent */
    unsigned rows, cols;
    struct layout layout;
    struct plain *plain; /* instead of all that; NULL with a screen */
    bool had_focus;      /* of the view, when it was last looked at */
    bool dirty, relaid, was_scrolling;
    bool ring, told; /* the next frame rings; and tells of a request */
    uint64_t drawn_ns, wake_ns;
    uint64_t behind_ns;   /* of ui_set_behind() */
    uint64_t rung_ns;     /* the last bell; 0: none */
    struct count *count;  /* under way; NULL for none */
    uint64_t counted_key; /* of the row, and its reach: what is counted or was */
    unsigned counted_reach;
    bool counts; /* of the config */
    struct covers covers;
    char *notify;              /* owned, NULL for none */
    enum screen_notice notice; /* instead of that */
    pid_t notifying;           /* 0: nobody */
    size_t pushed;             /* rows that the agent's history had got when last looked at */
};

// Throws away what was typed and not read yet, when the view asks for it.
void ui_apply_flush(struct ui *ui, uint64_t now);
// Counts what the chosen rule would cover. True while that is under way.
bool ui_count(struct ui *ui);
