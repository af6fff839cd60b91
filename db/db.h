// SPDX-License-Identifier: Apache-2.0
// Opening a database, statements, errors: the little that writer.c, record.c and query.c share over
// SQLite. Private to db/. A connection belongs to one thread at a time.
#pragma once
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "remember.h"

// For writing: creates (0600, missing directories 0700), migrates, WAL, synchronous=FULL; nothing
// is checkpointed unless asked for. Refused, with a clear line in *err and the file untouched: a
// file that is not ours (-EEXIST), a newer schema (-EPROTO), damage (-EIO).
int db_open_write(const char *path, sqlite3 **ret_h, struct err *err);
// Lets a connection for writing remove what the triggers of the schema let go, and VACUUM.
void db_allow_removal(sqlite3 *h);
// For reading: changes nothing, works beside writers and after a crash, reads newer schemas too.
// -ENOENT: nothing was recorded yet.
int db_open_read(const char *path, sqlite3 **ret_h, struct err *err);
// Takes NULL, returns NULL. All statements must be finalized.
sqlite3 *db_close(sqlite3 *h);

// A result code as a negative errno (0 for success): -ENOSPC, -EIO, -EBUSY, -EROFS, ...
int db_errno(sqlite3 *h, int rc);
// Sets *err to what went wrong with the file; returns the errno.
int db_fail(sqlite3 *h, int rc, const char *path, struct err *err);

// 0 or a negative errno.
int db_exec(sqlite3 *h, const char *sql);
int db_read_int(sqlite3 *h, const char *sql, int64_t *ret_value);
int db_prepare(sqlite3 *h, const char *sql, sqlite3_stmt **ret_stmt);
// Runs a statement that gives no rows, and makes it ready for the next time. A result code.
int db_run(sqlite3_stmt *st);

// The bound memory must stay until the statement was run.
void db_bind_int(sqlite3_stmt *st, int column, int64_t v);
// A BLOB; NULL binds an empty one.
void db_bind_bytes(sqlite3_stmt *st, int column, const void *data, size_t n);
void db_bind_string(sqlite3_stmt *st, int column, const char *s);
// A TEXT; NULL binds an empty one.
void db_bind_word(sqlite3_stmt *st, int column, const char *word);

// remembered_list() on an open connection. A result code; what fn stopped with.
int remembered_read(sqlite3 *h, uint32_t uid, const char *profile, remembered_fn fn, void *ctx,
                    int *ret_stopped);
