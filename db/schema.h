// SPDX-License-Identifier: Apache-2.0
// What is in the database (docs/schema.md) and how an older one becomes a current one. Private to
// db/. To change the schema: one more function at the end of the table in schema.c.
#pragma once
#include <sqlite3.h>

#define SCHEMA_APPLICATION_ID 0x6e6f6e6f /* "nono" */
#define SCHEMA_VERSION 3

// Brings the database from the given user_version to SCHEMA_VERSION, inside a transaction of the
// caller. An SQLite result code.
int schema_migrate(sqlite3 *h, int from);

// One per version, run in order. They may use what follows.
int schema_migrate_to_2(sqlite3 *h);
int schema_migrate_to_3(sqlite3 *h);

// A comment of the other kind would be lost: SQLite ends the column where its last word ends.
#define ADD(table, column, comment)                                                                \
    "ALTER TABLE " table " ADD COLUMN " column " /* " comment " */;\n"

// What columns of later versions are in a record of version 2: for a statement that begins with
// it, the names of a WITH clause hide tables.
#define SCHEMA_V2_TABLES "WITH request AS (SELECT *, NULL AS exe_sha256 FROM main.request) "

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
#define FAMILY(column)                                                                             \
    "CASE " column " WHEN 1 THEN 'unix' WHEN 2 THEN 'inet' WHEN 10 THEN 'inet6'"                   \
    " WHEN 16 THEN 'netlink' END"
#define UNIX_KIND(family, abstract, name)                                                          \
    "CASE WHEN " family " IS NOT 1 THEN NULL WHEN " abstract " THEN 'abstract'"                    \
    " WHEN " name " IN (x'', CAST('unix:<unnamed>' AS BLOB)) THEN 'unnamed' ELSE 'pathname' END"
// clang-format on
