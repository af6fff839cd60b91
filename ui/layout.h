// SPDX-License-Identifier: Apache-2.0
// Where the agent's pane and the approvals are on the screen. Pure, private to ui/.
#pragma once
#include <stdbool.h>

#include "pane.h"
#include "terminal.h"
#include "view.h"

// What has no rows is not there.
struct layout {
    bool title, bar;
    unsigned agent_first; /* the agent's row that is the topmost one seen */
    struct pane_area agent, pane;
};

// Rows of the agent's terminal. They depend on the size of the screen and on the zoom: a request
// never changes them.
unsigned layout_agent_rows(const struct view *v, unsigned rows);
// agent: NULL without one.
struct layout layout_for(const struct view *v, const struct terminal *agent, unsigned rows,
                         unsigned cols);
bool layout_equal(const struct layout *a, const struct layout *b);
