// SPDX-License-Identifier: Apache-2.0
#include "put.h"

#include <string.h>
#include <sys/socket.h>

#include "chain.h"
#include "db.h"

void
put_int(struct put *p, int64_t v)
{
    canon_int(p->bytes, v);
    db_bind_int(p->st, ++p->column, v);
}

void
put_u64(struct put *p, uint64_t v)
{
    put_int(p, (int64_t)v);
}

void
put_null(struct put *p)
{
    canon_null(p->bytes);
    sqlite3_bind_null(p->st, ++p->column);
}

void
put_absent(struct put *p)
{
    sqlite3_bind_null(p->st, ++p->column);
}

void
put_blob(struct put *p, const void *data, size_t n)
{
    canon_blob(p->bytes, data ? data : "", data ? n : 0);
    db_bind_bytes(p->st, ++p->column, data, n);
}

void
put_string(struct put *p, const char *s)
{
    put_blob(p, s, s ? strlen(s) : 0);
}

void
put_string_or_null(struct put *p, const char *s)
{
    if (s && s[0])
        put_string(p, s);
    else
        put_null(p);
}

void
put_word(struct put *p, const char *word)
{
    canon_text(p->bytes, word ? word : "", word ? strlen(word) : 0);
    db_bind_word(p->st, ++p->column, word);
}

void
put_object(struct put *p, const struct object *o)
{
    put_int(p, o->exists);
    put_u64(p, o->dev);
    put_u64(p, o->ino);
    put_int(p, o->mode);
    put_int(p, o->uid);
    put_int(p, o->gid);
    put_u64(p, o->size);
    put_u64(p, o->nlink);
}

void
put_nulls(struct put *p, int n)
{
    while (n-- > 0)
        put_null(p);
}

void
put_endpoint(struct put *p, const struct endpoint *e, const char *host)
{
    bool inet = e->family == AF_INET || e->family == AF_INET6;
    if (!e->family) {
        put_nulls(p, 8);
        return;
    }
    put_int(p, e->family);
    put_int(p, e->type);
    if (inet) {
        put_int(p, e->port);
        put_blob(p, e->addr, e->family == AF_INET ? 4 : 16);
    } else {
        put_nulls(p, 2);
    }
    if (e->family == AF_INET6)
        put_int(p, e->scope_id);
    else
        put_null(p);
    if (e->family == AF_UNIX)
        put_int(p, e->abstract);
    else
        put_null(p);
    if (inet)
        put_int(p, e->loopback);
    else
        put_null(p);
    put_string_or_null(p, host);
}

void
put_redacted(struct put *p, size_t n)
{
    if (n)
        put_u64(p, n);
    else
        put_null(p);
}
