// SPDX-License-Identifier: Apache-2.0
// The columns of each table in the one order in which they are written, hashed (chain.h) and
// verified: all but the session's number. Private to db/.
#pragma once

#define FACTS_ENDPOINT "family, socktype, port, addr, scope_id, abstract, loopback, host"

// clang-format off
#define FACTS_SESSION                                                                              \
    "id, name, pid, start_time, boot_id, uid, cwd, argv, capabilities, started_ns, profile,"       \
    " capabilities_digest, policy_digest, redacted"
// Of the session, covered by its last event.
#define FACTS_SESSION_END "ended_ns, wait_status, counts_digest, terminal_digest"
// hash comes behind these.
#define FACTS_EVENT "seq, kind, real_ns, request, text"
#define FACTS_REQUEST                                                                              \
    "id, seq, op, access, call, flags, mode, pid, tid, start_time, uid, exe, argv, cwd, ancestry," \
    " target, resolved, covered, nearest, why, object_exists, dev, ino, object_mode, object_uid,"  \
    " object_gid, size, nlink, risk, tags, raised_ns, digest, target2, resolved2, object2_exists," \
    " dev2, ino2, object2_mode, object2_uid, object2_gid, size2, nlink2, detail, interpreter,"     \
    " sha256, " FACTS_ENDPOINT ", redacted, exe_sha256"
// Since version 3: hashed only where it is not NULL.
#define FACTS_REQUEST_LATER 1
#define FACTS_DECISION                                                                             \
    "seq, request, verdict, scope, reach, by, reason, source, note, decided_ns, waited_ms,"        \
    " keys_ignored, error, for_ns, count, digest, redacted"
#define FACTS_GRANTED                                                                              \
    "id, seq, request, verdict, op, access, scope, reach, path, dev, ino, created_ns, expires_ns," \
    " " FACTS_ENDPOINT ", path2, dev2, ino2, sha256, exe"
#define FACTS_NETWORK                                                                              \
    "seq, ts_ms, request, mode, decision, category, target, reason, " FACTS_ENDPOINT               \
    ", pid, start_time, exe"
#define FACTS_REVOCATION "seq, granted, source, note"
// hash comes behind these.
#define FACTS_JOURNAL "seq, what, id, n, facts, real_ns, source, note"
#define FACTS_COUNT "what, request, op, n, first_ns, last_ns"
#define FACTS_TERMINAL "chunk, first_ns, last_ns, rows, columns, data"
// clang-format on
