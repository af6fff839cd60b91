// SPDX-License-Identifier: Apache-2.0
// The lines of the control protocol (docs/control-protocol.md): one JSON object each. Pure; any
// thread. Paths and argv are bytes: text that is not clean UTF-8, or would not show as it is,
// travels escaped by display_escape() with the exact bytes in <key>_b64 beside it.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "decision.h"
#include "event.h"
#include "request.h"

#define WIRE_PROTOCOL 1
#define WIRE_NOTE_MAX 1024    /* bytes of a note */
#define WIRE_STRING_MAX 16384 /* bytes of any other string, decoded */

enum wire_type {
    WIRE_OTHER, /* a type that this version does not know */
    WIRE_HELLO,
    WIRE_ATTACH,
    WIRE_REQUEST,
    WIRE_UPDATE,
    WIRE_STATS,
    WIRE_SYNCED,
    WIRE_DECIDE,
    WIRE_GRANT,
    WIRE_REVOKE,
    WIRE_FROZEN,
    WIRE_FREEZE,
    WIRE_STOP,
    WIRE_TERMINAL,
    WIRE_RESIZED,
    WIRE_DETACHED,
    WIRE_RESULT,
    WIRE_ERROR,
    WIRE_BYE,
};

// One parsed line; only what its type has is set.
struct wire_msg {
    enum wire_type type;
    int protocol;                 /* hello, attach */
    struct session_info *session; /* hello; without capabilities */
    unsigned waiting;             /* hello */
    bool detached;                /* hello: it had a terminal and has none now */
    char *term;                   /* terminal: its TERM */
    char *role;                   /* attach */
    bool watch;                   /* attach */
    bool grants;                  /* attach: wants them told */
    bool on;                      /* frozen, freeze */
    struct request *request;      /* request; digest as sent, not computed */
    struct request_update update; /* update */
    struct stats stats;           /* stats */
    struct decision *decision;    /* decide: what the person chose; the rest is the server's */
    struct grant *grant;          /* grant */
    enum wire_type about;         /* result: what it answers */
    uint64_t id; /* result: the request or grant; revoke: the grant; synced: the newest request */
    int error;   /* result: 0 or -errno; error: -errno */
    char *text;  /* result, error: a line for a person, escaped; or NULL */
};

#define cleanup_wire_msg __attribute__((cleanup(wire_msg_done)))

void wire_msg_done(struct wire_msg *m);

// Parses one line of n bytes without its newline. 0, -EMSGSIZE over NONO_LINE_MAX, -EBADMSG for
// anything that is not a well-formed message. Unknown keys are ignored. What *ret_m owns is freed
// with wire_msg_done().
int wire_parse(const char *line, size_t n, struct wire_msg *ret_m);

// Each appends one line with its newline.
void wire_put_hello(struct buf *out, const struct session_info *s, unsigned waiting, bool detached);
void wire_put_attach(struct buf *out, const char *role, bool watch, bool grants);
void wire_put_request(struct buf *out, const struct request *r);
void wire_put_update(struct buf *out, const struct request_update *u);
void wire_put_stats(struct buf *out, const struct stats *s);
void wire_put_synced(struct buf *out, uint64_t newest);
void wire_put_decide(struct buf *out, const struct decision *d);
void wire_put_grant(struct buf *out, const struct grant *g);
void wire_put_revoke(struct buf *out, uint64_t grant);
void wire_put_frozen(struct buf *out, bool on);
void wire_put_freeze(struct buf *out, bool on);
void wire_put_stop(struct buf *out);
void wire_put_terminal(struct buf *out, const char *term);
void wire_put_resized(struct buf *out);
void wire_put_detached(struct buf *out);
// about: as in struct wire_msg.
void wire_put_result(struct buf *out, enum wire_type about, uint64_t id, int error);
// text may be NULL: then the words of the error.
void wire_put_error(struct buf *out, int error, const char *text);
void wire_put_bye(struct buf *out);

// A waiting request as the listings print it, without a newline: the keys of nono log --jsonl, and
// count, waited_ms and the session.
void wire_put_pending(struct buf *out, const char *session, const struct request *r,
                      uint64_t now_mono_ns);
// A grant as the listings print it, without a newline. profile: of one that is only remembered,
// else NULL; now_*: expiry is told by the clock on the wall.
void wire_put_grant_row(struct buf *out, const char *session, const char *profile,
                        const struct grant *g, uint64_t now_mono_ns, uint64_t now_real_ns);
// A session as the listings print it, without a newline. waiting: -1 for not known; ended_ns: 0 for
// still running.
void wire_put_session(struct buf *out, const struct session_info *s, const char *state, int waiting,
                      uint64_t ended_ns);

// An error in words: "unknown_request" as sent, and a line for a person. Never NULL.
const char *wire_error_word(int error);
const char *wire_error_text(int error);
// The error of a word; -ECANCELED for one that is not known.
int wire_error_from_word(const char *word);
