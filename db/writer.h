// SPDX-License-Identifier: Apache-2.0
// The db thread: the one write connection, and the only way into the record (SQLite, WAL,
// synchronous=FULL). Every function but the first three may be called from any thread, never
// blocks, and moves its payload. Rows are committed in the order of the calls. A batch holding a
// durable row (a decision) is committed at once and with FULL, which makes everything before it
// durable too; anything else without a sync, rows within 10 ms and counts within 100 ms: it
// survives the end of this process in any way, and only what came after the last decision can be
// lost with the power. While the disk refuses (full, I/O error): durable rows are acknowledged with
// the error and dropped, the others are kept (bounded) and tried again; once it works a fault says
// for how long. That it refuses, and that it works again, is acknowledged too, with request 0.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decision.h"
#include "err.h"
#include "event.h"
#include "queue.h"
#include "remember.h"
#include "request.h"

struct writer;

struct writer_options {
    const char *path;                /* of the database */
    const char *key;                 /* of the key that signs (key.h), made when there is none */
    const struct session_info *info; /* copied */
    struct queue *acks;              /* where MSG_RECORDED goes; must outlive the writer */
    bool besteffort; /* what can't be recorded is acknowledged, kept (bounded) and written later */
    // What is remembered for the user and the profile of info, or NULL; called by the db thread
    // before writer_opened() returns. It has not got all when *err is set then. Stopped by it, the
    // record is not opened: -ECANCELED, or what it returned when that is negative.
    remembered_fn remembered;
    void *remembered_ctx;
};

// Starts the thread, which opens the record while the caller does something else. 0, or -errno with
// *err set.
int writer_begin(const struct writer_options *o, struct writer **ret_w, struct err *err);
// Waits until the database is opened (created, 0600, in a directory made 0700) or migrated, and the
// session's row committed. Once, by the thread that began. On failure frees *w, sets it to NULL and
// says in *err what is wrong with which file and what to do; a file that is not ours is never
// overwritten (-EEXIST), one of a newer nono neither (-EPROTO). With besteffort that is no failure:
// *err says it all the same, and opening is tried again while the session runs.
int writer_opened(struct writer **w, struct err *err);

// What could not be written to the end.
struct writer_lost {
    int error;       /* -errno that says why; 0: nothing is lost */
    uint64_t events; /* the end of the session is one */
    uint64_t decisions;
};
// Records how the session ended, commits what is queued, stops the thread, closes. Gives up after
// half a second of a disk that refuses: the session then counts as crashed.
// wait_status: of the command, as waitpid(2) gives it; -1 when it never started.
// *ret_lost is set, if only to zeroes. Takes NULL, returns NULL.
struct writer *writer_end(struct writer *w, int wait_status, struct writer_lost *ret_lost);

// Free slots of the writer's queue: the supervisor receives nothing while this is low.
size_t writer_room(struct writer *w);
// 0, or -errno of the last commit while commits fail.
int writer_error(struct writer *w);

// A new request. Takes r over. Comes before any decision about it.
int writer_add_request(struct writer *w, struct request *r);
// A decision and the grant that it leaves behind (NULL for none); takes both over. count: how many
// joined requests it answers. durable: committed at once and acknowledged to acks with the
// request's id, with error set when it could not be committed (I5: the caller denies then).
int writer_add_decision(struct writer *w, struct decision *d, struct grant *g, unsigned count,
                        bool durable);
// Counts accesses that needed no new decision, aggregated per key into one row with first and last
// time. what: "floor" (request 0, by op), "grant" (request: the grant's id), "refused" (request:
// the id of the request first refused the same way).
int writer_add_count(struct writer *w, const char *what, uint64_t request, enum op op, uint64_t n);
// What the terminal showed. Takes t and its data over; chunks in order.
int writer_add_terminal(struct writer *w, struct terminal_chunk *t);
// A fault worth keeping: one line of text.
int writer_add_fault(struct writer *w, const char *text);
// A connect, bind or send, as it was judged. Takes n over.
int writer_add_network(struct writer *w, struct network_event *n);
// A person took back a grant of this session. source: "pane", "nono revoke", ...; note: NULL for
// none. A grant of scope always is taken back by remembered_revoke() as well.
int writer_add_revocation(struct writer *w, uint64_t grant, const char *source, const char *note);
// Each of the above: 0, or -EAGAIN when the queue is full (what was to move is freed all the same).
