// SPDX-License-Identifier: Apache-2.0
#include "schema.h"

#include "util.h"

// The text is kept by SQLite with its comments: `sqlite3 audit.db .schema` shows them. Bytes of the
// sandbox are BLOBs, never assumed to be UTF-8; words are those of the model's enums; u64 values
// are stored in the same 64 bits.
static const char v1_tables[] =
    "CREATE TABLE session( -- one row per nono run\n"
    "  nr INTEGER PRIMARY KEY, -- in order of the starts; other tables refer to it\n"
    "  id TEXT NOT NULL UNIQUE, -- 12 lower-case hex digits: the name that users see\n"
    "  name BLOB NOT NULL, -- --name, or empty\n"
    "  pid INTEGER NOT NULL, -- of the supervisor\n"
    "  start_time INTEGER NOT NULL, -- of the supervisor, clock ticks since boot\n"
    "  boot_id TEXT NOT NULL, -- with pid and start_time the name of that process\n"
    "  uid INTEGER NOT NULL, -- real user\n"
    "  cwd BLOB NOT NULL, -- where the command started\n"
    "  argv BLOB NOT NULL, -- the command, each word ended by NUL\n"
    "  capabilities BLOB NOT NULL, -- what it was given, one per line\n"
    "  started_ns INTEGER NOT NULL, -- ns since 1970, UTC\n"
    "  ended_ns INTEGER, -- NULL: still running, or its supervisor was killed\n"
    "  wait_status INTEGER -- of the command as waitpid(2) gives it; -1 it never started\n"
    ") STRICT;\n"

    "CREATE TABLE event( -- what happened, in order; never changed, never removed\n"
    "  session INTEGER NOT NULL REFERENCES session(nr),\n"
    "  seq INTEGER NOT NULL, -- from 1, without gaps, per session\n"
    "  kind TEXT NOT NULL, -- session_start request decision grant revoke network fault "
    "session_end\n"
    "  real_ns INTEGER NOT NULL, -- when, ns since 1970, UTC\n"
    "  request INTEGER, -- the request it is about, if any\n"
    "  text BLOB, -- fault: what; session_end: how it ended\n"
    "  PRIMARY KEY(session, seq)\n"
    ") STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE request( -- what a task asked for, with the facts that were shown\n"
    "  session INTEGER NOT NULL REFERENCES session(nr),\n"
    "  id INTEGER NOT NULL, -- from 1 per session\n"
    "  seq INTEGER NOT NULL, -- its event\n"
    "  op TEXT NOT NULL, -- read write readwrite create delete rename link mkdir meta exec ...\n"
    "  access INTEGER NOT NULL, -- 1 read, 2 write, 3 both\n"
    "  call TEXT NOT NULL, -- system call\n"
    "  flags INTEGER NOT NULL, -- of the call, as given\n"
    "  mode INTEGER NOT NULL, -- of the call, as given\n"
    "  pid INTEGER NOT NULL, -- thread group\n"
    "  tid INTEGER NOT NULL, -- the thread that waited\n"
    "  start_time INTEGER NOT NULL, -- of tid, clock ticks since boot: with tid the task's name\n"
    "  uid INTEGER NOT NULL, -- its file system uid\n"
    "  exe BLOB NOT NULL, -- program; empty when it could not be read\n"
    "  argv BLOB NOT NULL, -- each word ended by NUL, cut at 4096 bytes\n"
    "  cwd BLOB NOT NULL, -- of the task\n"
    "  ancestry BLOB NOT NULL, -- \"claude/48102 > bash/48190\", oldest first\n"
    "  target BLOB NOT NULL, -- the path as the task wrote it\n"
    "  resolved BLOB NOT NULL, -- the absolute path of the object that was held\n"
    "  covered INTEGER NOT NULL, -- bytes of resolved that the nearest capability covers\n"
    "  nearest BLOB NOT NULL, -- that capability in words, or empty\n"
    "  why TEXT NOT NULL, -- why no rule covered it\n"
    "  object_exists INTEGER NOT NULL, -- 0: to be made; the next columns describe its directory\n"
    "  dev INTEGER NOT NULL, -- device of the object\n"
    "  ino INTEGER NOT NULL, -- inode of the object\n"
    "  object_mode INTEGER NOT NULL, -- type and permission bits\n"
    "  object_uid INTEGER NOT NULL, -- its owner\n"
    "  object_gid INTEGER NOT NULL, -- its group\n"
    "  size INTEGER NOT NULL, -- its length in bytes\n"
    "  nlink INTEGER NOT NULL, -- its hard links\n"
    "  risk TEXT NOT NULL, -- none notice high\n"
    "  tags TEXT NOT NULL, -- comma-separated, or empty\n"
    "  raised_ns INTEGER NOT NULL, -- when it was raised, ns since 1970, UTC\n"
    "  digest BLOB NOT NULL, -- over the facts that were shown\n"
    "  PRIMARY KEY(session, id),\n"
    "  FOREIGN KEY(session, seq) REFERENCES event(session, seq)\n"
    ") STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE decision( -- the answer to a request\n"
    "  session INTEGER NOT NULL REFERENCES session(nr),\n"
    "  seq INTEGER NOT NULL, -- its event\n"
    "  request INTEGER NOT NULL, -- what it answers\n"
    "  verdict TEXT NOT NULL, -- allow deny expired withdrawn\n"
    "  scope TEXT NOT NULL, -- once time session always\n"
    "  reach TEXT NOT NULL, -- object dir subtree port host\n"
    "  by TEXT NOT NULL, -- initial rule user timeout protected trust rate_limit backend ...\n"
    "  reason TEXT NOT NULL, -- of a refusal; none for an allow\n"
    "  source BLOB, -- where it came from: pane, nono ui, nono allow, ...\n"
    "  note BLOB, -- what the person wrote to it\n"
    "  decided_ns INTEGER NOT NULL, -- when, ns since 1970, UTC\n"
    "  waited_ms INTEGER NOT NULL, -- from raised to decided\n"
    "  keys_ignored INTEGER NOT NULL, -- keys that a guard of the pane threw away meanwhile\n"
    "  error INTEGER NOT NULL, -- errno that a refused call saw, 0 for an allow\n"
    "  for_ns INTEGER NOT NULL, -- scope time: how long; else 0\n"
    "  count INTEGER NOT NULL, -- joined requests that it answered\n"
    "  digest BLOB NOT NULL, -- of the facts that were shown: equals the request's\n"
    "  PRIMARY KEY(session, seq),\n"
    "  FOREIGN KEY(session, seq) REFERENCES event(session, seq),\n"
    "  FOREIGN KEY(session, request) REFERENCES request(session, id)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX decision_by_request ON decision(session, request);\n"

    "CREATE TABLE granted( -- what a decision with a scope beyond once left behind\n"
    "  session INTEGER NOT NULL REFERENCES session(nr),\n"
    "  id INTEGER NOT NULL, -- from 1 per session\n"
    "  seq INTEGER NOT NULL, -- its event\n"
    "  request INTEGER NOT NULL, -- the request it came from\n"
    "  verdict TEXT NOT NULL, -- allow or deny\n"
    "  op TEXT NOT NULL, -- as of the request\n"
    "  access INTEGER NOT NULL, -- 1 read, 2 write, 3 both\n"
    "  scope TEXT NOT NULL, -- time session always\n"
    "  reach TEXT NOT NULL, -- object dir subtree port host\n"
    "  path BLOB NOT NULL, -- resolved\n"
    "  dev INTEGER NOT NULL, -- reach object: device, 0 for something not made yet\n"
    "  ino INTEGER NOT NULL, -- reach object: inode, 0 likewise\n"
    "  created_ns INTEGER NOT NULL, -- when, ns since 1970, UTC\n"
    "  expires_ns INTEGER, -- scope time: until when; NULL: with the session\n"
    "  PRIMARY KEY(session, id),\n"
    "  FOREIGN KEY(session, seq) REFERENCES event(session, seq),\n"
    "  FOREIGN KEY(session, request) REFERENCES request(session, id)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX granted_by_request ON granted(session, request);\n"
    "CREATE UNIQUE INDEX granted_by_seq ON granted(session, seq);\n"

    "CREATE TABLE access_count( -- accesses that needed no new decision, only counted\n"
    "  session INTEGER NOT NULL REFERENCES session(nr),\n"
    "  what TEXT NOT NULL, -- floor; grant: answered by a grant; refused: as a request before\n"
    "  request INTEGER NOT NULL, -- grant: id of the grant; refused: of the request; floor: 0\n"
    "  op TEXT NOT NULL, -- as of a request\n"
    "  n INTEGER NOT NULL, -- how many\n"
    "  first_ns INTEGER NOT NULL, -- the first, ns since 1970, UTC\n"
    "  last_ns INTEGER NOT NULL, -- the last\n"
    "  PRIMARY KEY(session, what, request, op)\n"
    ") STRICT, WITHOUT ROWID;\n";

static const char v1_triggers[] =
    APPEND_ONLY("event") APPEND_ONLY("request") APPEND_ONLY("decision") APPEND_ONLY("granted")
    // INSERT OR REPLACE removes without a DELETE trigger unless recursive_triggers is on.
    "CREATE TRIGGER event_no_replace BEFORE INSERT ON event"
    " WHEN EXISTS(SELECT 1 FROM event e WHERE e.session = NEW.session AND e.seq = NEW.seq)"
    " BEGIN SELECT RAISE(ABORT, 'event is append-only'); END;\n"
    "CREATE TRIGGER session_no_delete BEFORE DELETE ON session"
    " BEGIN SELECT RAISE(ABORT, 'session is append-only'); END;\n"
    "CREATE TRIGGER session_ends_once BEFORE UPDATE ON session WHEN OLD.ended_ns IS NOT NULL"
    " OR NEW.id IS NOT OLD.id OR NEW.started_ns IS NOT OLD.started_ns"
    " BEGIN SELECT RAISE(ABORT, 'a session only ends, and only once'); END;\n";

// clang-format off
static const char v1_views[] =
    "CREATE VIEW v_sessions AS SELECT s.id AS session, s.name, s.pid, s.start_time, s.boot_id,"
    " s.uid, s.cwd, s.argv, s.capabilities, " RFC3339("s.started_ns") " AS started, s.started_ns, "
    RFC3339("s.ended_ns") " AS ended, s.ended_ns, s.wait_status FROM session s;\n"

    "CREATE VIEW v_requests AS SELECT s.id AS session, r.id AS request, r.seq, "
    RFC3339("r.raised_ns") " AS ts, r.raised_ns, r.op, r.target, r.resolved, "
    ACCESS("r.access") " AS access, r.call, r.flags, r.mode, r.pid, r.tid, r.start_time, r.uid,"
    " r.exe, r.argv, r.cwd, r.ancestry, r.covered, r.nearest, r.why, r.object_exists, r.dev, r.ino,"
    " r.object_mode, r.object_uid, r.object_gid, r.size, r.nlink, r.risk, r.tags"
    " FROM request r JOIN session s ON s.nr = r.session;\n"

    "CREATE VIEW v_decisions AS SELECT s.id AS session, d.request, d.seq, "
    RFC3339("d.decided_ns") " AS ts, d.decided_ns, d.verdict, d.scope, d.reach, d.by, d.reason,"
    " d.source, d.note, d.waited_ms, d.keys_ignored, d.error AS errno, d.for_ns, d.count, r.op,"
    " r.target, r.resolved, r.pid, r.exe, r.risk, r.tags"
    " FROM decision d JOIN session s ON s.nr = d.session"
    " JOIN request r ON r.session = d.session AND r.id = d.request;\n"

    "CREATE VIEW v_denials AS SELECT * FROM v_decisions WHERE verdict IN ('deny', 'expired');\n"

    "CREATE VIEW v_grants AS SELECT s.id AS session, g.id AS grant_id, g.request, g.seq, "
    RFC3339("g.created_ns") " AS ts, g.created_ns, g.expires_ns, g.verdict, g.op, "
    ACCESS("g.access") " AS access, g.scope, g.reach, g.path, g.dev, g.ino,"
    " coalesce((SELECT sum(c.n) FROM access_count c WHERE c.session = g.session"
    " AND c.what = 'grant' AND c.request = g.id), 0) AS uses"
    " FROM granted g JOIN session s ON s.nr = g.session;\n"

    "CREATE VIEW v_events AS SELECT s.id AS session, e.seq, " RFC3339("e.real_ns") " AS ts,"
    " e.real_ns, e.kind, e.request, r.op, r.target, r.resolved, r.pid, r.exe, d.verdict, d.scope,"
    " d.reach, d.by, d.reason, d.source, d.waited_ms, r.risk, r.tags, e.text"
    " FROM event e JOIN session s ON s.nr = e.session"
    " LEFT JOIN request r ON r.session = e.session AND r.id = e.request"
    " LEFT JOIN decision d ON d.session = e.session AND d.seq = e.seq;\n"

    "CREATE VIEW v_network AS SELECT * FROM v_events WHERE kind = 'network';\n";
// clang-format on

static int
migrate_to_1(sqlite3 *h)
{
    int rc = sqlite3_exec(h, v1_tables, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(h, v1_triggers, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(h, v1_views, NULL, NULL, NULL);
    return rc;
}

static int (*const migrations[SCHEMA_VERSION])(sqlite3 *h) = {migrate_to_1, schema_migrate_to_2,
                                                              schema_migrate_to_3};

int
schema_migrate(sqlite3 *h, int from)
{
    int rc = SQLITE_OK;
    for (int v = from; rc == SQLITE_OK && v < SCHEMA_VERSION; v++)
        rc = migrations[v](h);
    if (rc == SQLITE_OK) {
        char sql[96];
        sqlite3_snprintf(sizeof sql, sql, "PRAGMA application_id=%d; PRAGMA user_version=%d",
                         SCHEMA_APPLICATION_ID, SCHEMA_VERSION);
        rc = sqlite3_exec(h, sql, NULL, NULL, NULL);
    }
    return rc;
}
