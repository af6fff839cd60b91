// SPDX-License-Identifier: Apache-2.0
#include "layout.h"

unsigned
layout_agent_rows(const struct view *v, unsigned rows)
{
    if (rows >= PANE_SPLIT_ROWS && !v->zoom)
        return rows - PANE_ROWS - 1;
    return rows > 1 ? rows - 1 : 1;
}

static struct layout
layout_with_agent(const struct view *v, const struct terminal *agent, unsigned rows, unsigned cols)
{
    bool split = rows >= PANE_SPLIT_ROWS && !v->zoom && !v->small;
    unsigned room = rows - 1, pane = PANE_ROWS, row, col;
    struct layout l = {0};

    if (!split && (!v->focus || v->small)) {
        l.bar = true;
        l.agent = (struct pane_area){0, room, cols};
        return l;
    }
    // Too little left of the agent to be worth a strip, or zoomed: the pane takes all.
    if (!split && (room < pane + 4 || v->zoom))
        pane = room;
    l.title = true;
    l.agent = (struct pane_area){1, room - pane, cols};
    // A strip of the agent, and a replay of a larger one, shows what it does now: the rows up to
    // its cursor.
    terminal_cursor(agent, &row, &col);
    l.agent_first = row < l.agent.rows ? 0 : row - l.agent.rows + 1;
    l.pane = (struct pane_area){rows - pane, pane, cols};
    return l;
}

struct layout
layout_for(const struct view *v, const struct terminal *agent, unsigned rows, unsigned cols)
{
    if (agent)
        return layout_with_agent(v, agent, rows, cols);
    if (v->small)
        return (struct layout){.bar = true};
    return (struct layout){.title = true, .pane = {1, rows - 1, cols}};
}

bool
layout_equal(const struct layout *a, const struct layout *b)
{
    return a->title == b->title && a->bar == b->bar && a->agent.top == b->agent.top &&
           a->agent_first == b->agent_first && a->agent.rows == b->agent.rows &&
           a->pane.rows == b->pane.rows;
}
