// SPDX-License-Identifier: Apache-2.0
#include "request_text.h"

#include <string.h>

#include "display.h"
#include "util.h"

static void
put_escaped(struct buf *out, const char *before, const char *text, const char *after,
            unsigned flags)
{
    if (!text || !text[0])
        return;
    buf_puts(out, before);
    display_escape(out, text, strlen(text), flags);
    buf_puts(out, after);
}

void
request_put_text(struct buf *out, const struct request *r)
{
    put_escaped(out, "", r->resolved[0] ? r->resolved : r->target, "", DISPLAY_QUOTE);
    if (r->host && r->host[0]) {
        cleanup_free char *address = endpoint_address(&r->peer);
        put_escaped(out, " (", address, ")", 0);
    }
    put_escaped(out, " -> ", r->resolved2, "", DISPLAY_QUOTE);
    put_escaped(out, "  [", r->detail, "]", 0);
    if (r->risk == RISK_HIGH)
        put_escaped(out, "  !! high: ", r->tags[0] ? r->tags : "risk", "", 0);
}
