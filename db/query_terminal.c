// SPDX-License-Identifier: Apache-2.0
// The recorded terminal of a session.
#include "db.h"
#include "query_internal.h"

int
reader_terminal(struct reader *r, const char *session, uint64_t chunk, terminal_fn fn, void *ctx,
                struct err *err)
{
    static const char index_sql[] =
        "SELECT chunk, first_ns, last_ns, rows, columns, NULL FROM terminal"
        " WHERE session = (SELECT nr FROM session WHERE id = ?1) ORDER BY chunk";
    static const char chunk_sql[] =
        "SELECT chunk, first_ns, last_ns, rows, columns, data FROM terminal"
        " WHERE session = (SELECT nr FROM session WHERE id = ?1) AND chunk = ?2";
    sqlite3_stmt *st = NULL;
    int ret = 0, rc = reader_prepare(r, chunk ? chunk_sql : index_sql, &st);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(st, 1, session, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK && chunk)
        rc = sqlite3_bind_int64(st, 2, (int64_t)chunk);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(st);
        if (rc != SQLITE_ROW || ret)
            break;
        const struct terminal_row row = {
            .chunk = column_u64(st, 0),
            .first_ns = column_u64(st, 1),
            .last_ns = column_u64(st, 2),
            .rows = (unsigned)sqlite3_column_int(st, 3),
            .columns = (unsigned)sqlite3_column_int(st, 4),
            .data = sqlite3_column_blob(st, 5),
            .len = (size_t)sqlite3_column_bytes(st, 5),
        };
        ret = fn(ctx, &row);
    }
    return reader_finish(r, st, rc, ret, err);
}
