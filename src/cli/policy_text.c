// SPDX-License-Identifier: Apache-2.0
#include "policy_text.h"

#include "buf.h"
#include "util.h"

char *
policy_text(const struct profile *p)
{
    struct buf b = {0};
    for (size_t i = 0; i < p->n; i++) {
        const struct profile_item *item = &p->items[i];
        buf_printf(&b, "%s %s %s\n", item->source, profile_key_name(item->key), item->value);
    }
    return buf_steal(&b);
}

char *
policy_redact(const struct profile *p)
{
    struct buf b = {0};
    for (size_t i = 0; i < p->n; i++) {
        if (p->items[i].key == PROFILE_REDACT)
            buf_printf(&b, "%s\n", p->items[i].value);
    }
    return b.len ? buf_steal(&b) : NULL;
}
