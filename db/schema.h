// SPDX-License-Identifier: Apache-2.0
// What is in the database (docs/schema.md) and how an older one becomes a current one. Private to
// db/. To change the schema: one more function at the end of the table in schema.c.
#pragma once
#include <sqlite3.h>

#define SCHEMA_APPLICATION_ID 0x6e6f6e6f /* "nono" */
#define SCHEMA_VERSION 1

// Brings the database from the given user_version to SCHEMA_VERSION, inside a transaction of the
// caller. An SQLite result code.
int schema_migrate(sqlite3 *h, int from);
