// SPDX-License-Identifier: Apache-2.0
// A decision about one request, and the grant that it may leave behind.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "enums.h"
#include "request.h"

struct decision {
    uint64_t request;           /* id */
    uint8_t digest[DIGEST_LEN]; /* of the facts that were shown */
    enum verdict verdict;
    enum scope scope;
    enum reach reach;
    bool program; /* for the program of the request alone, else for any */
    enum decider by;
    enum reason reason; /* REASON_NONE for an allow */
    char *source;       /* where it came from: "pane", "nono ui", "nono allow", "on-ask"; owned */
    char *note;         /* owned, may be NULL */
    uint64_t real_ns;   /* when it was taken */
    uint64_t waited_ms; /* from raised to decided */
    unsigned keys_ignored; /* keys that a guard of the pane threw away while it was shown */
    int error;             /* errno that a refused call sees, 0 for an allow */
    uint64_t for_ns;       /* SCOPE_TIME: length; else 0 */
};

struct decision *decision_new(void);
struct decision *decision_dup(const struct decision *d);
struct decision *decision_free(struct decision *d);
void decision_free_msg(void *d);

#define GRANT_TASKS_MAX 8

// What a decision with a scope beyond "once" leaves behind: what it answers is said in
// broker/memory.h.
struct grant {
    uint64_t id;        /* from 1, unique in its session */
    uint64_t request;   /* the request it came from; 0: remembered from an earlier session */
    char *origin;       /* session that a remembered one is from; NULL: from its own; owned */
    uint64_t origin_id; /* its id there */
    enum grant_state state;
    enum verdict verdict; /* ALLOW or DENY */
    enum op op;
    unsigned access;
    enum scope scope;
    enum reach reach;
    char *path;        /* resolved path, its directory, "host:port" or host; owned */
    uint64_t dev, ino; /* of path; 0, 0 for something not made yet */
    char *path2;       /* the other end of a rename or link; NULL for none; owned */
    uint64_t dev2, ino2;
    uint8_t sha256[SHA256_LEN]; /* of a program's content; valid with has_sha256 */
    bool has_sha256;
    struct endpoint peer; /* sockets: as of the request; path is then its text */
    char *host;           /* sockets: the name that was looked up; owned; "" or NULL for none */
    char *exe;            /* the only program that it is for; owned; NULL for any */
    uint64_t created_real_ns;
    uint64_t expires_mono_ns; /* 0: with the session */
    uint64_t uses;            /* how often it answered */
    uint64_t uses_told;       /* of them, those that were handed to the record */
    uint64_t uses_own;        /* of the others, those whose request has a row of its own there */
    pid_t tasks[GRANT_TASKS_MAX]; /* threads that used it, the last one first */
    size_t n_tasks;
};

struct grant *grant_new(void);
struct grant *grant_dup(const struct grant *g);
struct grant *grant_free(struct grant *g);
void grant_free_msg(void *g);
