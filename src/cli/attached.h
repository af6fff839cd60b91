// SPDX-License-Identifier: Apache-2.0
// Connections to running sessions, for the subcommands that list and decide requests. Main thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client.h"
#include "err.h"
#include "grants.h"
#include "request.h"

struct attached {
    char *id;
    struct client *client;     /* NULL: could not be reached, see error */
    char *error;               /* one line, or NULL */
    struct request **requests; /* that wait (a watcher: every one told), oldest first; owned */
    size_t n_requests;
    struct grants grants; /* live ones, with CLIENT_GRANTS */
    bool answered;        /* the result of the last decision or order is there */
    int result;
};

struct attached_set {
    struct attached **list; /* oldest session first; owned */
    size_t n;
};

#define cleanup_attached __attribute__((cleanup(attached_done)))

// Connects to the session that spec names, or to all that run (NULL), and reads what waits there.
// wants: see client_connect(). 0 also when none runs or some do not answer; -errno with *err when
// spec names none.
int attached_open(struct attached_set *s, const char *spec, const char *role, unsigned wants,
                  struct err *err);
void attached_done(struct attached_set *s);
// Connects to the sessions that run by now and are not in s yet.
void attached_add_new(struct attached_set *s, const char *role, unsigned wants);
// Waits for the answer to what was sent to a. 0 or the error of it; -ECONNRESET when the session
// ended before, -ETIMEDOUT when it does not say. The words are in *err then.
int attached_await(struct attached *a, struct err *err);
// Says on standard error, as "nono WHAT: ...", which sessions could not be reached; true if any.
bool attached_complain(const struct attached_set *s, const char *what);
// Says there, in the same way, that no session runs.
void attached_say_none(const char *what);
// The request of that id, or NULL.
const struct request *attached_find(const struct attached *a, uint64_t id);

// "ID" or "SESSION:ID" (the last colon counts: a name may hold others). *session is set to what is
// in front of the colon, for the caller to free. 0, -EINVAL, or -EEXIST when *session is set
// already.
int parse_number(const char *word, char **session, uint64_t *ret_id);

// "12s", "3m", "2h", "5d"; room for 24 bytes.
void format_age(char *out, size_t n, uint64_t ns);
// NUL-separated words as one display-safe line, each quoted where a shell needs it; the caller
// frees it.
char *format_words(const char *words, size_t n);
