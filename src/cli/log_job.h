// SPDX-License-Identifier: Apache-2.0
// What the browser of nono log -i does that may take longer than a frame, in a thread of its own
// with readers of its own. Main thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "log.h"
#include "query.h"

struct key_list {
    struct event_key *list; /* by time; owned */
    size_t n;
};

void key_list_done(struct key_list *k);
// The first of the list that is not before key.
size_t key_list_find(const struct key_list *k, const struct event_key *key);
// What is in both, a new list.
struct key_list key_list_both(const struct key_list *a, const struct key_list *b);

enum log_job_kind { LOG_JOB_LIST, LOG_JOB_FIND, LOG_JOB_WORDS, LOG_JOB_TREE, LOG_JOB_STATS };

struct log_job;

struct log_job_result {
    int error;            /* 0 or -errno */
    struct key_list keys; /* LIST: what command line and words want; FIND, WORDS: what has them */
    bool outcomes;        /* LIST: those, not events of all kinds */
    char *text;           /* TREE, STATS: display-safe lines */
};

// words: a filter as of log_filter_words(); FIND: a regular expression; WORDS: as the pane looks
// for them in requests (log_words.h). 0, or -errno with what is wrong with them, or else, in
// *ret_why.
int log_job_start(const struct log *l, enum log_job_kind kind, const char *words,
                  struct log_job **ret_job, struct buf *ret_why);
// Readable once it is done.
int log_job_fd(const struct log_job *j);
// Of one that is done; the caller frees what is in it, and not the job any more.
void log_job_take(struct log_job *j, struct log_job_result *ret_result);
// Gives it up. Takes NULL, returns NULL.
struct log_job *log_job_stop(struct log_job *j);
