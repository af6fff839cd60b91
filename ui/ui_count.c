// SPDX-License-Identifier: Apache-2.0
// Which directory is to be counted: that of the rule which the decision keys would leave.
#include "count.h"
#include "reach.h"
#include "ui_state.h"
#include "view.h"

static enum reach
reach_at(const struct request *r, unsigned step)
{
    enum reach steps[REACH_STEPS];
    size_t n = reach_ladder(r, steps);

    return steps[step < n ? step : n - 1];
}

static void
forget(struct ui *ui)
{
    ui->count = count_free(ui->count);
    ui->counted_key = 0;
    ui->pane.view.covers.state = VIEW_UNCOUNTED;
}

bool
ui_count(struct ui *ui)
{
    struct view *v = &ui->pane.view;
    const struct view_row *row = ui->counts ? view_selected(v) : NULL;
    enum reach reach = row ? reach_at(row->request, v->reach) : REACH_OBJECT;

    if (ui->counted_key && (v->selected != ui->counted_key || v->reach != ui->counted_reach))
        forget(ui);
    if (!row || !view_row_waits(row) || !covers_counts(reach)) {
        forget(ui);
        return false;
    }
    if (!ui->counted_key) {
        ui->count = covers_start(&ui->covers, row->request, reach);
        ui->counted_key = ui->count ? row->key : 0;
        ui->counted_reach = v->reach;
        v->covers.state = VIEW_COUNTING;
    } else if (ui->count && count_ended(ui->count, &v->covers.result)) {
        ui->count = count_free(ui->count);
        v->covers.state = VIEW_COUNTED;
        ui->dirty = true;
    }
    return v->covers.state == VIEW_COUNTING;
}
