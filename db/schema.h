// SPDX-License-Identifier: Apache-2.0
// What is in the database (docs/schema.md) and how an older one becomes a current one. Private to
// db/. To change the schema: one more function at the end of the table in schema.c.
#pragma once
#include <sqlite3.h>

#define SCHEMA_APPLICATION_ID 0x6e6f6e6f /* "nono" */
#define SCHEMA_VERSION 2

// Brings the database from the given user_version to SCHEMA_VERSION, inside a transaction of the
// caller. An SQLite result code.
int schema_migrate(sqlite3 *h, int from);

// One per version, run in order. They may use what follows.
int schema_migrate_to_2(sqlite3 *h);

#define NO_UPDATE(table)                                                                           \
    "CREATE TRIGGER " table "_no_update BEFORE UPDATE ON " table                                   \
    " BEGIN SELECT RAISE(ABORT, '" table " is append-only'); END;\n"
#define APPEND_ONLY(table)                                                                         \
    NO_UPDATE(table)                                                                               \
    "CREATE TRIGGER " table "_no_delete BEFORE DELETE ON " table                                   \
    " BEGIN SELECT RAISE(ABORT, '" table " is append-only'); END;\n"

// Is the grant g of the session s remembered, and not revoked? What was recorded elsewhere, or is
// not in the journal at all, grants nothing.
#define REMEMBERED_IN_FORCE                                                                        \
    "g.scope = 'always' AND NOT EXISTS(SELECT 1 FROM revocation v WHERE v.session = g.session AND" \
    " v.granted = g.id) AND NOT EXISTS(SELECT 1 FROM journal j WHERE j.id = s.id AND"              \
    " (j.what = 'imported' OR j.what = 'revoked' AND j.n = g.id)) AND EXISTS(SELECT 1 FROM"        \
    " journal j WHERE j.id = s.id AND j.what IN ('began', 'adopted'))"

// clang-format off
#define RFC3339(column)                                                                            \
    "strftime('%Y-%m-%dT%H:%M:%S', " column "/1000000000, 'unixepoch')"                            \
    " || printf('.%09dZ', " column "%1000000000)"
#define ACCESS(column) "CASE " column " WHEN 1 THEN 'r' WHEN 2 THEN 'w' WHEN 3 THEN 'rw' END"
// clang-format on
