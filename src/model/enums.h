// SPDX-License-Identifier: Apache-2.0
// The words of the contract (as stored, as printed), each list in one place. To add a value: one
// line. X##_to_string() gives NULL for an invalid value, X##_from_string() the _INVALID one.
#pragma once
#include <errno.h>

#define VERDICT_LIST(X)                                                                            \
    X(VERDICT_ALLOW, "allow")                                                                      \
    X(VERDICT_DENY, "deny")                                                                        \
    X(VERDICT_EXPIRED, "expired")                                                                  \
    X(VERDICT_WITHDRAWN, "withdrawn")

// Who or what decided.
#define DECIDER_LIST(X)                                                                            \
    X(DECIDER_INITIAL, "initial")                                                                  \
    X(DECIDER_RULE, "rule")                                                                        \
    X(DECIDER_USER, "user")                                                                        \
    X(DECIDER_TIMEOUT, "timeout")                                                                  \
    X(DECIDER_PROTECTED, "protected")                                                              \
    X(DECIDER_TRUST, "trust")                                                                      \
    X(DECIDER_RATE_LIMIT, "rate_limit")                                                            \
    X(DECIDER_BACKEND, "backend")                                                                  \
    X(DECIDER_FLOOR, "floor")                                                                      \
    X(DECIDER_INTERNAL, "internal")

// Why it was refused (or asked).
#define REASON_LIST(X)                                                                             \
    X(REASON_NONE, "none")                                                                         \
    X(REASON_POLICY_BLOCKED, "policy_blocked")                                                     \
    X(REASON_INSUFFICIENT_ACCESS, "insufficient_access")                                           \
    X(REASON_USER_DENIED, "user_denied")                                                           \
    X(REASON_RATE_LIMITED, "rate_limited")                                                         \
    X(REASON_BACKEND_ERROR, "backend_error")                                                       \
    X(REASON_UNIX_SOCKET_DENIED, "unix_socket_denied")                                             \
    X(REASON_NETWORK_DENIED, "network_denied")                                                     \
    X(REASON_TRUST_FAILED, "trust_failed")                                                         \
    X(REASON_TIMED_OUT, "timed_out")                                                               \
    X(REASON_WITHDRAWN, "withdrawn")

#define OP_LIST(X)                                                                                 \
    X(OP_READ, "read")                                                                             \
    X(OP_WRITE, "write")                                                                           \
    X(OP_READWRITE, "readwrite")                                                                   \
    X(OP_CREATE, "create")                                                                         \
    X(OP_DELETE, "delete")                                                                         \
    X(OP_RENAME, "rename")                                                                         \
    X(OP_LINK, "link")                                                                             \
    X(OP_MKDIR, "mkdir")                                                                           \
    X(OP_META, "meta")                                                                             \
    X(OP_EXEC, "exec")                                                                             \
    X(OP_CONNECT, "connect")                                                                       \
    X(OP_BIND, "bind")                                                                             \
    X(OP_SEND, "send")

#define SCOPE_LIST(X)                                                                              \
    X(SCOPE_ONCE, "once")                                                                          \
    X(SCOPE_TIME, "time")                                                                          \
    X(SCOPE_SESSION, "session")                                                                    \
    X(SCOPE_ALWAYS, "always")

#define REACH_LIST(X)                                                                              \
    X(REACH_OBJECT, "object")                                                                      \
    X(REACH_DIR, "dir")                                                                            \
    X(REACH_SUBTREE, "subtree")                                                                    \
    X(REACH_PORT, "port")                                                                          \
    X(REACH_HOST, "host")

#define RISK_LIST(X)                                                                               \
    X(RISK_NONE, "none")                                                                           \
    X(RISK_NOTICE, "notice")                                                                       \
    X(RISK_HIGH, "high")

// Life of a pending request (one function moves it, see broker/pending.h).
#define STATE_LIST(X)                                                                              \
    X(STATE_NEW, "new")                                                                            \
    X(STATE_ASKED, "asked")                                                                        \
    X(STATE_DECIDED, "decided")                                                                    \
    X(STATE_RECORDED, "recorded")                                                                  \
    X(STATE_ANSWERED, "answered")                                                                  \
    X(STATE_WITHDRAWN, "withdrawn")                                                                \
    X(STATE_EXPIRED, "expired")

// Life of a grant.
#define GRANT_STATE_LIST(X)                                                                        \
    X(GRANT_LIVE, "live")                                                                          \
    X(GRANT_REVOKED, "revoked")                                                                    \
    X(GRANT_EXPIRED, "expired")

#define KIND_LIST(X)                                                                               \
    X(KIND_SESSION_START, "session_start")                                                         \
    X(KIND_REQUEST, "request")                                                                     \
    X(KIND_DECISION, "decision")                                                                   \
    X(KIND_GRANT, "grant")                                                                         \
    X(KIND_REVOKE, "revoke")                                                                       \
    X(KIND_NETWORK, "network")                                                                     \
    X(KIND_FAULT, "fault")                                                                         \
    X(KIND_SESSION_END, "session_end")

// What became of a connect, bind or send.
#define NET_DECISION_LIST(X)                                                                       \
    X(NET_ALLOW, "allow") /* by the policy, nobody was asked */                                    \
    X(NET_DENY, "deny")   /* likewise */                                                           \
    X(NET_APPROVE_REQUESTED, "approve_requested")                                                  \
    X(NET_GRANTED, "granted")                                                                      \
    X(NET_DENIED, "denied")                                                                        \
    X(NET_TIMEOUT, "timeout")                                                                      \
    X(NET_ERROR, "error")

#define NET_CATEGORY_LIST(X)                                                                       \
    X(NET_CATEGORY_NONE, "none")                                                                   \
    X(NET_CATEGORY_HOST_DENIED, "host_denied")                                                     \
    X(NET_CATEGORY_PORT_DENIED, "port_denied")                                                     \
    X(NET_CATEGORY_UNIX_SOCKET_DENIED, "unix_socket_denied")                                       \
    X(NET_CATEGORY_UPSTREAM_CONNECT_FAILED, "upstream_connect_failed")

#define ENUM_VALUE_(value, word) value,
#define DECLARE_ENUM(name, LIST, UPPER)                                                            \
    enum name { LIST(ENUM_VALUE_) _##UPPER##_MAX, _##UPPER##_INVALID = -EINVAL };                  \
    const char *name##_to_string(enum name v);                                                     \
    enum name name##_from_string(const char *s);

DECLARE_ENUM(verdict, VERDICT_LIST, VERDICT)
DECLARE_ENUM(decider, DECIDER_LIST, DECIDER)
DECLARE_ENUM(reason, REASON_LIST, REASON)
DECLARE_ENUM(op, OP_LIST, OP)
DECLARE_ENUM(scope, SCOPE_LIST, SCOPE)
DECLARE_ENUM(reach, REACH_LIST, REACH)
DECLARE_ENUM(risk, RISK_LIST, RISK)
DECLARE_ENUM(state, STATE_LIST, STATE)
DECLARE_ENUM(grant_state, GRANT_STATE_LIST, GRANT_STATE)
DECLARE_ENUM(kind, KIND_LIST, KIND)
DECLARE_ENUM(net_decision, NET_DECISION_LIST, NET_DECISION)
DECLARE_ENUM(net_category, NET_CATEGORY_LIST, NET_CATEGORY)

// What an operation needs and a capability gives.
enum access {
    ACCESS_READ = 1 << 0,
    ACCESS_WRITE = 1 << 1, /* change, create and remove */
};
// "r", "w", "rw" or "-".
const char *access_to_string(unsigned access);
