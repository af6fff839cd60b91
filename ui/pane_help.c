// SPDX-License-Identifier: Apache-2.0
// The key map as a table, then the rules of deciding.
#include <stdio.h>

#include "keys.h"
#include "pane.h"
#include "screen.h"
#include "util.h"

#define HELP_LINES 64

struct help_line {
    const char *left, *right; /* a key and what it does; right NULL: a line of text */
    bool strong;
};

#define RULES 4 /* lines of text below the keys */

static size_t
help_lines(struct help_line *lines, bool replay)
{
    static const char *const replays[RULES] = {
        "A replay shows what was asked and decided then; nothing can be decided in it.",
        "Space, < > and the arrows are its own here. What was only counted, like accesses",
        "inside the floor, has no moment of its own: nono log says how many there were.",
        "",
    };
    static const char *const live[RULES] = {
        "Decision keys work when the pane says [ARMED]: it has the focus, the request",
        "is on the screen whole, and no key was pressed for 0.6 s. Pastes and typing",
        "lock it until ^] a. Unbound on purpose: y, a, digits, Enter and Space never",
        "allow. Leaving, or losing the terminal, decides nothing: requests wait on.",
    };
    size_t count, n = 0;
    const struct keys_row *table = keys_table(&count);
    const char *const *rules = replay ? replays : live;

    for (enum keys_group g = 0; g < _KEYS_GROUP_MAX; g++) {
        if (replay ? !keys_of_replay(g) : g == KEYS_REPLAY)
            continue;
        lines[n++] = (struct help_line){keys_group_title(g), NULL, true};
        for (size_t i = 0; i < count; i++)
            if (table[i].group == g && n + RULES < HELP_LINES)
                lines[n++] = (struct help_line){table[i].name, table[i].help, false};
    }
    for (size_t i = 0; i < RULES; i++)
        lines[n++] = (struct help_line){rules[i], NULL, false};
    return n;
}

static void
draw_line(const struct help_line *line, unsigned row, unsigned col, unsigned width)
{
    screen_text(row, col, 1, LOOK_PLAIN, "");
    if (!line->right) {
        screen_text(row, col + 1, width - 1, line->strong ? LOOK_STRONG : LOOK_DIM, line->left);
        return;
    }
    screen_text(row, col + 1, 2, LOOK_PLAIN, "");
    screen_text(row, col + 3, 10, LOOK_NOTICE, line->left);
    screen_text(row, col + 13, width - 13, LOOK_PLAIN, line->right);
}

// Two columns of keys over the rules where there is room, else one long list.
static void
draw_help(struct pane *p, const struct pane_area *a, uint64_t now_ns)
{
    struct help_line lines[HELP_LINES];
    size_t n = help_lines(lines, p->view.replay), keys = n - RULES, half = (keys + 1) / 2;
    bool two = a->cols >= 78;
    size_t total = two ? half + RULES : n;
    unsigned width = a->cols / 2;

    view_fit_lines(&p->view, total, a->rows);
    for (unsigned y = 0; y < a->rows; y++) {
        size_t at = p->view.scroll + y;
        unsigned row = a->top + y;

        if (at >= total) {
            screen_text(row, 0, a->cols, LOOK_PLAIN, "");
        } else if (!two) {
            draw_line(&lines[at], row, 0, a->cols);
        } else if (at >= half) {
            draw_line(&lines[keys + at - half], row, 0, a->cols);
        } else {
            draw_line(&lines[at], row, 0, width);
            if (half + at < keys)
                draw_line(&lines[half + at], row, width, a->cols - width);
            else
                screen_text(row, width, a->cols - width, LOOK_PLAIN, "");
        }
    }
}

const struct pane_ops pane_help = {.title = "help: j k scroll, Esc goes back", .draw = draw_help};
