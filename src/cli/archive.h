// SPDX-License-Identifier: Apache-2.0
// The records that a subcommand reads: one, or several merged. Main thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"
#include "query.h"

enum session_state { SESSION_RUNNING, SESSION_EXITED, SESSION_CRASHED };
const char *session_state_to_string(enum session_state s);

struct archive_session {
    size_t reader;
    char *id, *name, *cwd, *argv, *boot_id; /* owned */
    size_t argv_len;
    pid_t pid; /* of the supervisor */
    uint64_t start_time;
    enum session_state state;
    int wait_status; /* SESSION_EXITED */
    uint64_t started_ns, ended_ns;
    bool selected;
    uint64_t last_seq;            /* for callers that follow */
    struct session_counts counts; /* after archive_count() */
    // Of nono replay --policy: its accesses inside the floor have events, or how many of them have.
    bool logged;
    uint64_t judged;
};

struct archive {
    struct options *o; /* where mistakes are reported */
    const char **paths;
    size_t paths_n;
    const char **specs; /* sessions asked for; the strings are not owned */
    size_t specs_n;
    char *standard; /* the usual record when none was named; owned */
    struct reader **readers;
    size_t readers_n;
    struct archive_session **sessions; /* oldest first; each stays where it is */
    size_t sessions_n;
    const char **ids; /* of archive_ids() */
};

// --db FILE; a session as the user names it. Neither is copied.
void archive_add_db(struct archive *a, const char *path);
void archive_add_spec(struct archive *a, const char *spec);
// Every operand left in a->o is a session.
void archive_add_operands(struct archive *a);

// Opens what was added, or the usual record, lists its sessions and selects those asked for (all,
// when none was). 0; or a positive exit status, said on standard error. A usual record that is not
// there yet is an empty one, with a word about it, unless a session was asked for.
int archive_open(struct archive *a);
// For one that was not there yet: tries again. 0 also when it still is not; its sessions come with
// archive_refresh().
int archive_open_again(struct archive *a, struct err *err);
void archive_done(struct archive *a);
// The same records with the same selection, opened once more, for another thread: nothing is shared
// but what the user typed. 0, or -errno; archive_done() either way.
int archive_again(const struct archive *a, struct archive *ret_again, struct err *err);
// Looks for sessions that began, and that ended, since. 0 or -errno.
int archive_refresh(struct archive *a, struct err *err);
// Only the newest session is selected. False when there is none.
bool archive_select_newest(struct archive *a);
// For event_filter.sessions: NULL when no session was asked for; valid until the next call.
const char *const *archive_ids(struct archive *a);
// The session of that reader with that id; NULL for one that began a moment ago.
struct archive_session *archive_find(const struct archive *a, size_t reader, const char *id);
int archive_count(struct archive *a, struct archive_session *s, struct err *err);
// Prints "nono log: MESSAGE"; EXIT_UNREADABLE.
int archive_failed(const struct archive *a, const struct err *err);

// What reader_events() does, over all records: one after the other's sessions when there is one,
// by time when there are several.
typedef int (*archive_fn)(void *ctx, struct archive_session *s, const struct event_row *row);
int archive_events(struct archive *a, struct event_filter *f, archive_fn fn, void *ctx,
                   struct err *err);
// The same as keys (reader_keys()) in the order that f asks for; the caller frees them. And one of
// them: 0 also when it is gone, then without a call.
int archive_keys(struct archive *a, struct event_filter *f, struct event_key **ret_keys,
                 size_t *ret_n, struct err *err);
int archive_event(struct archive *a, const struct event_key *key, archive_fn fn, void *ctx,
                  struct err *err);
