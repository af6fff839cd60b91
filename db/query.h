// SPDX-License-Identifier: Apache-2.0
// Reading the record: read only, query_only, also while a writer is at work or after one was
// killed. Any one thread per reader.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "enums.h"
#include "err.h"
#include "match.h"
#include "request.h"

struct reader;

// 0, or -errno with what is wrong with which file in *err (-ENOENT: nothing recorded yet).
int reader_open(const char *path, struct reader **ret_r, struct err *err);
// Takes NULL, returns NULL.
struct reader *reader_close(struct reader *r);

struct session_row {
    const char *id, *name, *cwd;
    const char *argv; /* each word ended by NUL */
    size_t argv_len;
    pid_t pid;
    uint64_t start_time; /* of the supervisor, with boot_id the name of its process */
    const char *boot_id;
    uint32_t uid;
    uint64_t started_ns;
    uint64_t ended_ns; /* 0: no end was recorded (running, or its supervisor was killed) */
    int wait_status;   /* valid when ended_ns; -1: the command never started */
};

struct session_counts {
    // Requests; calls that decisions and grants let through, that they refused; accesses that the
    // floor allowed; requests without a decision.
    uint64_t asked, allowed, refused, floor, waiting;
};

// One event, in the order of seq. Strings are valid during the callback only; a NULL or negative
// value means "does not apply". Words that this nono does not know come as the _INVALID value.
struct event_row {
    uint64_t seq;
    const char *session;
    enum kind kind;
    uint64_t real_ns;
    uint64_t request; /* 0: none */
    enum op op;
    const char *only_exe; /* what was decided is for this program alone; or NULL */
    const char *target, *resolved, *exe, *cwd, *argv, *ancestry, *tags, *source, *note;
    const char *target2, *resolved2; /* rename, link: where to */
    const char *detail, *interpreter;
    const uint8_t *sha256;     /* exec: SHA256_LEN bytes, of the program; or NULL */
    const uint8_t *exe_sha256; /* likewise, of exe */
    const char *host;          /* sockets: the name that was looked up */
    int family, port;          /* sockets; else -1 */
    const uint8_t *addr;       /* AF_INET, AF_INET6: addr_len bytes; or NULL */
    size_t addr_len;
    bool abstract;                  /* AF_UNIX */
    enum net_decision net_decision; /* network: what became of it */
    enum net_category category;     /* network */
    uint64_t granted;               /* grant, revoke: which one; else 0 */
    // fault: what; session_start: the remembered grants that it read (remember.h), or NULL;
    // session_end: "exit N", "signal N" or "never started".
    const char *text;
    size_t argv_len;
    unsigned access;
    pid_t pid;
    enum verdict verdict;
    enum scope scope;
    enum reach reach;
    enum decider by;
    enum reason reason;
    enum risk risk;
    int64_t waited_ms;
    int64_t keys_ignored; /* decision: by a guard of the pane, while it waited */
    int error;
    uint64_t count;   /* decision: calls it answered, repeats included; grant: its uses; else 0 */
    uint64_t last_ns; /* of the last of them, 0 when there is but the first */
    bool decided;     /* request: a decision was recorded */
};

// The callback returns 0 to go on, anything else to stop; that value is then returned.
typedef int (*session_fn)(void *ctx, const struct session_row *row);
typedef int (*event_fn)(void *ctx, const struct event_row *row);

// Oldest first.
int reader_sessions(struct reader *r, session_fn fn, void *ctx, struct err *err);
// Of the session with that id; zeroes when there is none.
int reader_counts(struct reader *r, const char *id, struct session_counts *ret_counts,
                  struct err *err);

// What is left out is not filtered by. Lists end with a NULL text.
struct event_filter {
    const char *const *sessions;  /* exact ids, NULL behind the last */
    const struct pattern *paths;  /* path_matches(): target, resolved, both ends */
    const struct pattern *exes;   /* path_matches(): the program */
    const struct pattern *hosts;  /* host_matches(): the other end of a socket call */
    const struct pattern *pids;   /* decimal numbers */
    const struct pattern *ports;  /* likewise */
    struct matcher *const *greps; /* NULL behind the last: any of them, in any text of the event */
    bool shown; /* with requests alone: greps look at what the pane's list says of them */
    // Bit masks, 1 << value; 0 for all.
    unsigned verdicts, deciders, ops, risks, kinds;
    bool waited; /* decisions that waited from min to max */
    int64_t waited_min_ms, waited_max_ms;
    bool asked;        /* only what waited for a person */
    uint64_t since_ns; /* at or after */
    uint64_t until_ns; /* before */
    uint64_t request;  /* only what is about it; with exactly one session */
    // Only events behind the one and up to the other; with exactly one session.
    uint64_t after_seq, until_seq;
    bool outcomes; /* per request its decision, or itself while it has none; and faults */
    bool by_time;  /* one timeline, not session by session */
    bool reverse;  /* newest first */
    size_t limit;  /* the newest ones only, still in the order asked for */
};

// Session by session in order of their starts, each in order of seq; streamed where nothing is
// filtered by. The callback's row is valid during the call only.
int reader_events(struct reader *r, const struct event_filter *f, event_fn fn, void *ctx,
                  struct err *err);

// Which event: cheap to hold a million of.
struct event_key {
    uint64_t real_ns;
    uint64_t seq;
    int64_t session; /* private to the reader */
    size_t reader;   /* for callers that have several; 0 */
    // Known where the filter looks at nothing but times, kinds and who was asked; else
    // _KIND_INVALID and 0.
    enum kind kind;
    uint64_t request;
};
// What reader_events() would give, as keys in its order; the caller frees them.
int reader_keys(struct reader *r, const struct event_filter *f, struct event_key **ret_keys,
                size_t *ret_n, struct err *err);
// One event. 0 also when it is gone (pruned): then without a call.
int reader_event(struct reader *r, const struct event_key *key, event_fn fn, void *ctx,
                 struct err *err);
// Of two keys in order of time: negative, 0 for the same event, positive. For qsort(3).
int event_key_compare(const void *a, const void *b);
// Sorts keys as f wants them and keeps only f->limit of them; returns how many.
size_t event_keys_sort(struct event_key *keys, size_t n, const struct event_filter *f);

// A decision and what it was about, as far as figures need it.
struct decided_row {
    const char *exe, *resolved;
    enum op op;
    enum verdict verdict;
    enum decider by;
    uint64_t decided_ns;
    int64_t waited_ms;
    uint64_t count; /* calls that it answered */
    bool repeats;   /* count is of calls that were refused like it later */
};
typedef int (*decided_fn)(void *ctx, const struct decided_row *row);
// Of f everything but the order and the kinds holds.
int reader_decided(struct reader *r, const struct event_filter *f, decided_fn fn, void *ctx,
                   struct err *err);

// What a decision left behind, and how often it answered without a row of its own. A remembered one
// is a row of the session that it is from, and of each that used it since.
struct granted_row {
    const char *session, *path; /* path: NULL when where it is from is not recorded here */
    const char *origin;         /* session that it is from; NULL: session */
    uint64_t origin_id;         /* its number there; else 0 */
    uint64_t id, request, created_ns, uses;
    enum verdict verdict;
    enum op op;
    enum scope scope;
    enum reach reach;
};
typedef int (*granted_fn)(void *ctx, const struct granted_row *row);
// Of f the sessions and the times hold: of the grant, or of its use by a later session.
int reader_granted(struct reader *r, const struct event_filter *f, granted_fn fn, void *ctx,
                   struct err *err);

// What was asked under that number of the session with that id: a whole request as it was shown
// (raised_mono_ns and deadline_mono_ns are 0, call is static storage). *ret_r stays NULL when there
// is none.
int reader_request(struct reader *r, const char *session, uint64_t id, struct request **ret_r,
                   struct err *err);

// A stretch of what the terminal showed (struct terminal_chunk); data is read by cast_read().
struct terminal_row {
    uint64_t chunk; /* from 1 */
    uint64_t first_ns, last_ns;
    unsigned rows, columns;
    const void *data;
    size_t len;
};
typedef int (*terminal_fn)(void *ctx, const struct terminal_row *row);
// The chunks of the session with that id: that one, or with 0 all of them in order, without their
// data.
int reader_terminal(struct reader *r, const char *session, uint64_t chunk, terminal_fn fn,
                    void *ctx, struct err *err);

// From any thread, while r is in use: what it reads at this moment fails with -EINTR or the like.
void reader_interrupt(struct reader *r);

// Number of the last event of a session, 0 for none.
uint64_t reader_last_seq(struct reader *r, const char *id);
// A number that is another one after somebody wrote.
int64_t reader_version(struct reader *r);
