// SPDX-License-Identifier: Apache-2.0
// Version 3: the digest of the program that asks.
#include <stddef.h>

#include "schema.h"

// clang-format off
static const char v3[] =
    ADD("request", "exe_sha256 BLOB", "of the content of exe; NULL: not known")

    // The one that version 2 had.
    "DROP VIEW IF EXISTS v_requests;\n"
    "CREATE VIEW v_requests AS SELECT s.id AS session, r.id AS request, r.seq, "
    RFC3339("r.raised_ns") " AS ts, r.raised_ns, r.op, r.target, r.resolved, "
    ACCESS("r.access") " AS access, r.call, r.flags, r.mode, r.pid, r.tid, r.start_time, r.uid,"
    " r.exe, r.argv, r.cwd, r.ancestry, r.covered, r.nearest, r.why, r.object_exists, r.dev, r.ino,"
    " r.object_mode, r.object_uid, r.object_gid, r.size, r.nlink, r.risk, r.tags, r.target2,"
    " r.resolved2, r.object2_exists, r.dev2, r.ino2, r.object2_mode, r.object2_uid, r.object2_gid,"
    " r.size2, r.nlink2, r.detail, r.interpreter, nullif(lower(hex(r.sha256)), '') AS sha256, "
    FAMILY("r.family") " AS family, r.socktype, r.port, r.addr, r.scope_id, "
    UNIX_KIND("r.family", "r.abstract", "r.resolved") " AS unix_kind, r.loopback, r.host,"
    " coalesce(r.redacted, 0) AS redacted, nullif(lower(hex(r.exe_sha256)), '') AS exe_sha256"
    " FROM request r JOIN session s ON s.nr = r.session;\n";
// clang-format on

int
schema_migrate_to_3(sqlite3 *h)
{
    return sqlite3_exec(h, v3, NULL, NULL, NULL);
}
