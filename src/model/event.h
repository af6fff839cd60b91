// SPDX-License-Identifier: Apache-2.0
// What travels between the threads, and the plain data of the record. Each message names its
// payload; the payload moves with it (base/queue.h).
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "decision.h"
#include "request.h"

enum msg_type {
    // to main
    MSG_REQUEST, /* struct request: a new one to show */
    MSG_UPDATE,  /* struct request_update */
    MSG_STATS,   /* struct stats */
    MSG_NOTICE,  /* char *: one line for the person, already display-safe */
    MSG_REFUSAL, /* struct refusal: for the footer */
    MSG_GRANT,   /* struct grant: went live, was used, or is at its end (its state) */
    MSG_FROZEN,  /* nothing: the answer to MSG_FREEZE */
    MSG_DRAINED, /* nothing: the last task of the sandbox is gone, everything is recorded */
    // to the supervisor
    MSG_DECIDE,   /* struct decision */
    MSG_RECORDED, /* struct record_ack */
    MSG_REVOKE,   /* struct revoke */
    MSG_APPROVER, /* struct socket_policy: what the environment of a client that may allow names */
    MSG_FREEZE,   /* nothing: the sandbox is about to be stopped */
    MSG_THAW,     /* nothing: it goes on */
    MSG_WORKED,   /* private to src/supervisor */
    MSG_STOP,     /* nothing: end as soon as the last task is gone; asks are denied from now on */
};

// From the writer: what it was handed is on disk with full durability (error 0), or is not. Request
// 0: the record stopped to work, with the error, or works again (0).
struct record_ack {
    uint64_t request;
    int error;    /* 0 or -errno */
    bool goes_on; /* --audit besteffort: without the record, for as long as it does not work */
};

// A grant is taken back.
struct revoke {
    uint64_t grant;
    char *source; /* as decision.source; owned */
};
struct revoke *revoke_free(struct revoke *r);
void revoke_free_msg(void *r);

// A snapshot of the supervisor's counters.
struct stats {
    uint64_t floor;   /* accesses that the floor allowed */
    uint64_t granted; /* answered by a session grant */
    uint64_t allowed; /* by a decision */
    uint64_t refused; /* all refusals */
    uint64_t limited; /* of them those over --ask-rate */
    unsigned pending; /* rows that wait now */
    unsigned grants;  /* live ones */
    int record_error; /* 0, or -errno of the last failed commit */
};

// One refusal, for the footer of nono run.
struct refusal {
    enum op op;
    unsigned access;
    enum decider by;
    enum reason reason;
    bool directory; /* the target is one */
    bool denied;    /* explicitly: no option allows it beside the denial */
    bool programs;  /* every program is asked about */
    pid_t pid;      /* who asked */
    char *resolved;
    char *detail, *nearest; /* of the request */
};
struct refusal *refusal_free(struct refusal *r);
void refusal_free_msg(void *r);

// A connect, bind or send with an address, as it was judged: for the record. Strings are owned.
struct network_event {
    uint64_t request; /* the request that was asked; 0: nobody was asked */
    enum op mode;     /* OP_CONNECT, OP_BIND or OP_SEND */
    enum net_decision decision;
    enum net_category category; /* of a refusal; else NET_CATEGORY_NONE */
    enum reason reason;         /* likewise; else REASON_NONE */
    struct endpoint peer;
    char *target; /* "unix:/path", "unix:<abstract>", "unix:<unnamed>", "host:port" */
    char *host;   /* the name that was looked up for peer; "" for none */
    char *text;   /* why, in words; "" for none */
    pid_t pid;    /* thread group */
    uint64_t start_time;
    char *exe;
    uint64_t real_ns; /* the record adds a strictly increasing time in ms */
};
struct network_event *network_event_new(void);
struct network_event *network_event_free(struct network_event *n);

// A stretch of what the terminal of nono run --record showed.
struct terminal_chunk {
    uint64_t first_ns, last_ns; /* of its first and its last output, CLOCK_REALTIME */
    unsigned rows, columns;     /* size of the terminal at its begin */
    void *data;                 /* asciicast v2 event lines, compressed; owned */
    size_t len;
};

// A session as it starts. Strings are owned.
struct session_info {
    char *id;   /* 12 lower-case hex digits */
    char *name; /* --name, or "" */
    pid_t pid;  /* of the supervisor */
    uint64_t start_time;
    char *boot_id;
    uint32_t uid;
    char *cwd;
    char *argv; /* NUL-separated command */
    size_t argv_len;
    char *capabilities; /* one per line: "rw /home/u/shop (--allow)" */
    char *profile;      /* its name; "" or NULL for none */
    char *policy;       /* the policy as it is in force, whole; NULL for none */
    char *redact;       /* what else is secret in it, see redact.h; NULL for none */
    uint64_t started_real_ns;
};
struct session_info *session_info_dup(const struct session_info *s);
struct session_info *session_info_free(struct session_info *s);
