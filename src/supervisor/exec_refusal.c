// SPDX-License-Identifier: Apache-2.0
// A shell that is refused a program reads it next, to say what is wrong with it. That is the same
// question again, and gets the same answer; it is never more than a refusal.
#include "clock.h"
#include "exec.h"
#include "files.h"
#include "util.h"

#define MOMENT_NS NS_PER_SEC

void
exec_refusals_add(struct exec_refusals *x, const struct exec_refusal *refusal)
{
    struct exec_refusal r = *refusal;
    r.until_ns = clock_mono_ns() + MOMENT_NS;
    if (proc_start_time(r.tid, &r.start_time) < 0)
        return;
    x->rows[x->next] = r;
    x->next = (x->next + 1) % EXEC_REFUSALS_MAX;
}

const struct exec_refusal *
exec_refusals_take(struct exec_refusals *x, const struct open_call *c, const struct stat *st)
{
    uint64_t start, now = clock_mono_ns();
    if (files_access(c) != ACCESS_READ)
        return NULL;
    for (size_t i = 0; i < EXEC_REFUSALS_MAX; i++) {
        struct exec_refusal *r = &x->rows[i];
        if (r->tid != c->call.tid || r->dev != st->st_dev || r->ino != st->st_ino ||
            now >= r->until_ns || proc_start_time(r->tid, &start) < 0 || start != r->start_time)
            continue;
        r->tid = 0;
        return r;
    }
    return NULL;
}
