// SPDX-License-Identifier: Apache-2.0
// Version 2: requests with two ends, of sockets and of programs; network events; revocations;
// texts stored once; the hash chain with its signed heads (chain.h) and the journal of the record.
#include "schema.h"

#include "chain.h"
#include "clock.h"
#include "db.h"
#include "journal.h"
#include "util.h"
#include "walk.h"

static const char v2_columns[] =
    // clang-format off
    ADD("session", "profile BLOB", "its name, or empty")
    ADD("session", "capabilities_digest BLOB", "content.digest, when capabilities is empty")
    ADD("session", "policy_digest BLOB", "content.digest of the policy as it was in force")
    ADD("session", "counts_digest BLOB", "over its rows in access_count as they were at its end")
    ADD("session", "terminal_digest BLOB", "over its rows in terminal as they were at its end")
    ADD("session", "redacted INTEGER", "secrets that were taken out of argv; NULL: none")
    ADD("event", "hash BLOB", "over it, its facts and its predecessor's hash")
    ADD("request", "target2 BLOB", "rename, link: where to, as the task wrote it; else NULL")
    ADD("request", "resolved2 BLOB", "the same, absolute; the next columns describe that object")
    ADD("request", "object2_exists INTEGER", "0: to be made; the rest then is of its directory")
    ADD("request", "dev2 INTEGER", "device")
    ADD("request", "ino2 INTEGER", "inode")
    ADD("request", "object2_mode INTEGER", "type and permission bits")
    ADD("request", "object2_uid INTEGER", "owner")
    ADD("request", "object2_gid INTEGER", "group")
    ADD("request", "size2 INTEGER", "length in bytes")
    ADD("request", "nlink2 INTEGER", "hard links")
    ADD("request", "detail BLOB", "what else the call would do, in words; or NULL")
    ADD("request", "interpreter BLOB", "exec of a script: the program of its #! line; or NULL")
    ADD("request", "sha256 BLOB", "exec: of the content of the program; or NULL")
    ADD("request", "family INTEGER", "sockets: AF_UNIX 1, AF_INET 2, AF_INET6 10, AF_NETLINK 16")
    ADD("request", "socktype INTEGER", "sockets: SOCK_STREAM 1, SOCK_DGRAM 2, SOCK_SEQPACKET 5")
    ADD("request", "port INTEGER", "inet")
    ADD("request", "addr BLOB", "inet: 4 or 16 bytes")
    ADD("request", "scope_id INTEGER", "inet6")
    ADD("request", "abstract INTEGER", "unix: 1 for a name outside the file system")
    ADD("request", "loopback INTEGER", "inet: 1 for this machine itself")
    ADD("request", "host BLOB", "the name that was looked up for addr, or NULL")
    ADD("request", "redacted INTEGER", "secrets that were taken out before storing; NULL: none")
    ADD("decision", "redacted INTEGER", "secrets that were taken out of the note; NULL: none")
    ADD("granted", "family INTEGER", "as of a request")
    ADD("granted", "socktype INTEGER", "as of a request")
    ADD("granted", "port INTEGER", "as of a request")
    ADD("granted", "addr BLOB", "as of a request")
    ADD("granted", "scope_id INTEGER", "as of a request")
    ADD("granted", "abstract INTEGER", "as of a request")
    ADD("granted", "loopback INTEGER", "as of a request")
    ADD("granted", "host BLOB", "as of a request")
    ADD("granted", "path2 BLOB", "rename, link: the other end, resolved; or NULL")
    ADD("granted", "dev2 INTEGER", "of path2, 0 for something not made yet")
    ADD("granted", "ino2 INTEGER", "likewise")
    ADD("granted", "sha256 BLOB", "of the content of the program that may be run; or NULL")
    ADD("granted", "exe BLOB", "the only program that it is for; NULL: any");
// clang-format on

static const char v2_tables[] =
    "CREATE TABLE content( -- texts that many sessions share, stored once\n"
    "  digest BLOB PRIMARY KEY, -- BLAKE2b-256 of bytes\n"
    "  bytes BLOB NOT NULL -- capabilities or policy\n"
    ") STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE network( -- facts of the events of kind network\n"
    "  session INTEGER NOT NULL REFERENCES session(nr),\n"
    "  seq INTEGER NOT NULL, -- its event\n"
    "  ts_ms INTEGER NOT NULL, -- ms since 1970, UTC; strictly increasing in its session\n"
    "  request INTEGER, -- the request that was asked; NULL: nobody was asked\n"
    "  mode TEXT NOT NULL, -- connect bind send\n"
    "  decision TEXT NOT NULL, -- allow deny approve_requested granted denied timeout error\n"
    "  category TEXT NOT NULL, -- of a refusal: host_denied ...; none\n"
    "  target BLOB NOT NULL, -- unix:/path unix:<abstract> unix:<unnamed> host:port\n"
    "  reason TEXT NOT NULL, -- of a refusal: unix_socket_denied network_denied ...; none\n"
    "  family INTEGER NOT NULL, -- as of a request\n"
    "  socktype INTEGER NOT NULL, -- as of a request\n"
    "  port INTEGER, -- inet\n"
    "  addr BLOB, -- inet\n"
    "  scope_id INTEGER, -- inet6\n"
    "  abstract INTEGER, -- unix\n"
    "  loopback INTEGER, -- inet\n"
    "  host BLOB, -- the name that was looked up for addr, or NULL\n"
    "  pid INTEGER NOT NULL, -- thread group\n"
    "  start_time INTEGER NOT NULL, -- of pid, clock ticks since boot\n"
    "  exe BLOB NOT NULL, -- program; empty when it could not be read\n"
    "  PRIMARY KEY(session, seq),\n"
    "  FOREIGN KEY(session, seq) REFERENCES event(session, seq)\n"
    ") STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE revocation( -- facts of the events of kind revoke: grants of that session\n"
    "  session INTEGER NOT NULL REFERENCES session(nr),\n"
    "  seq INTEGER NOT NULL, -- its event\n"
    "  granted INTEGER NOT NULL, -- granted.id that ends here\n"
    "  source BLOB, -- where it came from: pane, nono ui, nono revoke, ...\n"
    "  note BLOB, -- what the person wrote to it\n"
    "  PRIMARY KEY(session, seq),\n"
    "  FOREIGN KEY(session, seq) REFERENCES event(session, seq)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX revocation_by_granted ON revocation(session, granted);\n"

    "CREATE TABLE terminal( -- nono run --record: what the terminal showed\n"
    "  session INTEGER NOT NULL REFERENCES session(nr),\n"
    "  chunk INTEGER NOT NULL, -- from 1 per session\n"
    "  first_ns INTEGER NOT NULL, -- of its first output, ns since 1970, UTC\n"
    "  last_ns INTEGER NOT NULL, -- of its last\n"
    "  rows INTEGER NOT NULL, -- size of the terminal at its begin\n"
    "  columns INTEGER NOT NULL,\n"
    "  data BLOB NOT NULL, -- asciicast v2 event lines, compressed\n"
    "  PRIMARY KEY(session, chunk)\n"
    ") STRICT;\n"

    "CREATE TABLE journal( -- what happened to the record itself; a chain of its own\n"
    "  seq INTEGER PRIMARY KEY, -- from 1, without gaps\n"
    "  what TEXT NOT NULL, -- began adopted imported thinned pruned revoked\n"
    "  id TEXT NOT NULL, -- the session that it is about\n"
    "  n INTEGER NOT NULL, -- how many events it had then; revoked: granted.id\n"
    "  facts BLOB NOT NULL, -- the hash of its last event then; revoked: empty\n"
    "  real_ns INTEGER NOT NULL, -- when, ns since 1970, UTC\n"
    "  source BLOB, -- revoked: where it came from\n"
    "  note BLOB, -- revoked: what the person wrote to it\n"
    "  hash BLOB NOT NULL -- over it and its predecessor's hash\n"
    ") STRICT;\n"
    "CREATE INDEX journal_by_session ON journal(id, what);\n"

    "CREATE TABLE head( -- the newest signature under each chain\n"
    "  session INTEGER PRIMARY KEY, -- session.nr; 0 for the journal\n"
    "  seq INTEGER NOT NULL, -- the event that was the last one then\n"
    "  hash BLOB NOT NULL, -- of that event\n"
    "  real_ns INTEGER NOT NULL, -- when, ns since 1970, UTC\n"
    "  key BLOB NOT NULL, -- Ed25519 public key\n"
    "  signature BLOB NOT NULL -- by it, over chain, seq, hash and time\n"
    ") STRICT;\n";

static const char v2_indices[] =
    // What happened lately, of which kind, and whether it was decided, without a look at the rows.
    "CREATE INDEX event_by_time ON event(real_ns, kind, request);\n"
    // Whether a request was decided, and what a session's decisions add up to.
    "DROP INDEX decision_by_request;\n"
    "CREATE INDEX decision_by_request ON decision(session, request, verdict, count);\n";

// What the journal calls pruned may go, nothing else.
#define ONLY_PRUNED(table)                                                                         \
    "CREATE TRIGGER " table "_no_delete BEFORE DELETE ON " table                                   \
    " WHEN NOT EXISTS(SELECT 1 FROM session s JOIN journal j ON j.id = s.id"                       \
    " WHERE s.nr = OLD.session AND j.what = 'pruned')"                                             \
    " BEGIN SELECT RAISE(ABORT, '" table " is append-only'); END;\n"

static const char v2_triggers[] =
    "DROP TRIGGER event_no_delete;\n DROP TRIGGER request_no_delete;\n"
    "DROP TRIGGER decision_no_delete;\n DROP TRIGGER granted_no_delete;\n"
    "DROP TRIGGER session_no_delete;\n"
    // clang-format off
    NO_UPDATE("event") ONLY_PRUNED("event") ONLY_PRUNED("request") ONLY_PRUNED("decision")
    ONLY_PRUNED("granted") NO_UPDATE("network") ONLY_PRUNED("network")
    NO_UPDATE("revocation") ONLY_PRUNED("revocation") APPEND_ONLY("journal") NO_UPDATE("content")
    // clang-format on
    "CREATE TRIGGER session_no_delete BEFORE DELETE ON session WHEN NOT EXISTS(SELECT 1 FROM"
    " journal j WHERE j.id = OLD.id AND j.what = 'pruned')"
    " BEGIN SELECT RAISE(ABORT, 'session is append-only'); END;\n"
    "CREATE TRIGGER content_no_delete BEFORE DELETE ON content WHEN EXISTS(SELECT 1 FROM session s"
    " WHERE OLD.digest IN (s.capabilities_digest, s.policy_digest))"
    " BEGIN SELECT RAISE(ABORT, 'content is append-only'); END;\n";

// clang-format off
static const char v2_views[] =
    "DROP VIEW v_network;\n DROP VIEW v_events;\n DROP VIEW v_grants;\n DROP VIEW v_denials;\n"
    "DROP VIEW v_decisions;\n DROP VIEW v_requests;\n DROP VIEW v_sessions;\n"

    "CREATE VIEW v_sessions AS SELECT s.id AS session, s.name, s.pid, s.start_time, s.boot_id,"
    " s.uid, s.cwd, s.argv, coalesce((SELECT bytes FROM content c"
    " WHERE c.digest = s.capabilities_digest), s.capabilities) AS capabilities, "
    RFC3339("s.started_ns") " AS started, s.started_ns, " RFC3339("s.ended_ns") " AS ended,"
    " s.ended_ns, s.wait_status, s.profile, (SELECT bytes FROM content c"
    " WHERE c.digest = s.policy_digest) AS policy FROM session s;\n"

    "CREATE VIEW v_decisions AS SELECT s.id AS session, d.request, d.seq, "
    RFC3339("d.decided_ns") " AS ts, d.decided_ns, d.verdict, d.scope, d.reach, d.by, d.reason,"
    " d.source, d.note, d.waited_ms, d.keys_ignored, d.error AS errno, d.for_ns, d.count, r.op,"
    " r.target, r.resolved, r.pid, r.exe, r.risk, r.tags, r.target2, r.resolved2, "
    FAMILY("r.family") " AS family, r.port, r.host"
    " FROM decision d JOIN session s ON s.nr = d.session"
    " JOIN request r ON r.session = d.session AND r.id = d.request;\n"

    "CREATE VIEW v_denials AS SELECT * FROM v_decisions WHERE verdict IN ('deny', 'expired');\n"

    "CREATE VIEW v_grants AS SELECT s.id AS session, g.id AS grant_id, g.request, g.seq, "
    RFC3339("g.created_ns") " AS ts, g.created_ns, g.expires_ns, g.verdict, g.op, "
    ACCESS("g.access") " AS access, g.scope, g.reach, g.path, g.dev, g.ino,"
    " coalesce((SELECT sum(c.n) FROM access_count c WHERE c.session = g.session"
    " AND c.what = 'grant' AND c.request = g.id), 0) AS uses, s.uid, s.profile, "
    FAMILY("g.family") " AS family, g.port, g.host, g.exe,"
    " (EXISTS(SELECT 1 FROM revocation v WHERE v.session = g.session AND v.granted = g.id)"
    " OR EXISTS(SELECT 1 FROM journal j WHERE j.id = s.id AND j.what = 'revoked' AND j.n = g.id))"
    " AS revoked"
    " FROM granted g JOIN session s ON s.nr = g.session;\n"

    "CREATE VIEW v_network AS SELECT s.id AS session, n.seq, " RFC3339("e.real_ns") " AS ts,"
    " e.real_ns, n.ts_ms, n.request, n.mode, n.decision, n.category, n.target, n.reason, "
    FAMILY("n.family") " AS family, n.socktype, n.port, n.addr, n.scope_id, "
    UNIX_KIND("n.family", "n.abstract", "n.target") " AS unix_kind, n.loopback, n.host, n.pid,"
    " n.start_time, n.exe, e.text FROM network n JOIN session s ON s.nr = n.session"
    " JOIN event e ON e.session = n.session AND e.seq = n.seq;\n"

    "CREATE VIEW v_events AS SELECT s.id AS session, e.seq, " RFC3339("e.real_ns") " AS ts,"
    " e.real_ns, e.kind, e.request, coalesce(r.op, n.mode) AS op,"
    " coalesce(r.target, n.target) AS target, r.resolved, coalesce(r.pid, n.pid) AS pid,"
    " coalesce(r.exe, n.exe) AS exe, d.verdict, d.scope, d.reach, d.by,"
    " coalesce(d.reason, n.reason) AS reason, d.source, d.waited_ms, r.risk, r.tags, e.text,"
    " r.resolved2, coalesce(n.host, r.host) AS host, coalesce(n.port, r.port) AS port,"
    " lower(hex(e.hash)) AS hash"
    " FROM event e JOIN session s ON s.nr = e.session"
    " LEFT JOIN request r ON r.session = e.session AND r.id = e.request"
    " LEFT JOIN decision d ON d.session = e.session AND d.seq = e.seq"
    " LEFT JOIN network n ON n.session = e.session AND n.seq = e.seq;\n";
// clang-format on

// Gives the events of one session, recorded without a chain, their hashes.
static int
adopt_session(sqlite3 *h, sqlite3_stmt *update, int64_t session, const char *id)
{
    struct chain_tip tip;
    struct walk w;
    int rc = walk_begin(&w, h, session);
    chain_start(&tip, "session", id);
    while (rc == SQLITE_OK && (rc = walk_next(&w)) == SQLITE_ROW) {
        // The numbers of the events were never optional: what is amiss here was so before.
        chain_add(&tip, &w.bytes);
        tip.seq = w.seq;
        db_bind_int(update, 1, session);
        db_bind_int(update, 2, (int64_t)w.seq);
        db_bind_bytes(update, 3, tip.hash, CHAIN_HASH_LEN);
        rc = db_run(update);
    }
    walk_done(&w);
    if (rc != SQLITE_DONE)
        return rc;
    struct journal_row row = {.what = JOURNAL_ADOPTED,
                              .id = id,
                              .n = tip.seq,
                              .hash = tip.hash,
                              .real_ns = clock_real_ns()};
    return journal_add(h, &row, NULL);
}

static int
adopt_sessions(sqlite3 *h)
{
    sqlite3_stmt *sessions = NULL, *update = NULL;
    int rc = sqlite3_prepare_v2(h, "SELECT nr, id FROM session ORDER BY nr", -1, &sessions, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(h, "UPDATE event SET hash = ?3 WHERE session = ?1 AND seq = ?2", -1,
                                &update, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(sessions)) == SQLITE_ROW)
        rc = adopt_session(h, update, sqlite3_column_int64(sessions, 0),
                           (const char *)sqlite3_column_text(sessions, 1));
    sqlite3_finalize(sessions);
    sqlite3_finalize(update);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int
schema_migrate_to_2(sqlite3 *h)
{
    static const char *const steps[] = {v2_columns, v2_tables, v2_indices, v2_views,
                                        "DROP TRIGGER event_no_update"};
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < ARRAY_SIZE(steps); i++)
        rc = sqlite3_exec(h, steps[i], NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = adopt_sessions(h);
    return rc == SQLITE_OK ? sqlite3_exec(h, v2_triggers, NULL, NULL, NULL) : rc;
}
