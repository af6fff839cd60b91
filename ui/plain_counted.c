// SPDX-License-Identifier: Apache-2.0
#include "plain_counted.h"

void
plain_counted_forget(struct plain_counted *c)
{
    for (size_t i = 0; i < REACH_STEPS; i++)
        c->counts[i] = count_free(c->counts[i]);
}

void
plain_counted_begin(struct plain_counted *c, const struct view_row *row, enum reach reach)
{
    size_t i = 0;

    if (c->session != row->session || c->id != row->request->id)
        plain_counted_forget(c);
    c->session = row->session;
    c->id = row->request->id;
    if (!c->covers || !covers_counts(reach) || !view_row_open(row))
        return;
    // The same reach again is counted again.
    while (i < REACH_STEPS - 1 && c->counts[i] && c->reaches[i] != reach)
        i++;
    count_free(c->counts[i]);
    c->counts[i] = covers_start(c->covers, row->request, reach);
    c->reaches[i] = reach;
}

bool
plain_counted_take(struct plain_counted *c, enum reach *ret_reach, struct count_result *ret_result)
{
    for (size_t i = 0; i < REACH_STEPS; i++) {
        if (!c->counts[i] || !count_ended(c->counts[i], ret_result))
            continue;
        *ret_reach = c->reaches[i];
        c->counts[i] = count_free(c->counts[i]);
        return true;
    }
    return false;
}

bool
plain_counted_busy(const struct plain_counted *c)
{
    for (size_t i = 0; i < REACH_STEPS; i++)
        if (c->counts[i])
            return true;
    return false;
}
