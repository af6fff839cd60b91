// SPDX-License-Identifier: Apache-2.0
#include "covers.h"

#include <string.h>

#include "display.h"
#include "reach.h"
#include "util.h"

bool
covers_counts(enum reach reach)
{
    return reach == REACH_DIR || reach == REACH_SUBTREE;
}

struct count *
covers_start(const struct covers *c, const struct request *r, enum reach reach)
{
    cleanup_free char *dir = reach_target(r, reach);

    return count_start(dir, reach == REACH_SUBTREE, c->risky ? c->risky(c->home, r->access) : NULL);
}

void
covers_text(struct buf *out, const struct count_result *n, unsigned flags)
{
    if (n->files > COUNT_MAX)
        buf_puts(out, "more than 10 000 existing files");
    else
        buf_printf(out, "%s%zu existing file%s%s", n->whole ? "" : "at least ", n->files,
                   n->files == 1 ? "" : "s", n->whole ? "" : " (not all could be looked at)");
    for (unsigned i = 0; i < n->risky && i < COUNT_NAMED; i++) {
        buf_puts(out, i ? ", " : ", HIGH RISK among them: ");
        display_escape(out, n->names[i], strlen(n->names[i]), flags);
    }
    if (n->risky > COUNT_NAMED)
        buf_printf(out, " and %u more", n->risky - COUNT_NAMED);
}
