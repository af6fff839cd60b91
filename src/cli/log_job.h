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
// What l's options want, by time. 0 or -errno.
int key_list_read(struct log *l, struct event_filter *f, struct key_list *ret_keys);

enum log_job_kind { LOG_JOB_LIST, LOG_JOB_TREE, LOG_JOB_STATS };

struct log_job;

struct log_job_result {
    int error;              /* 0 or -errno */
    struct key_list all;    /* LIST: what the command line wants */
    struct key_list listed; /* LIST: and the words */
    char *text;             /* TREE, STATS: display-safe lines */
};

// words: the filter in force, which the command line was asked for before. 0 or -errno.
int log_job_start(const struct log *l, enum log_job_kind kind, const char *words,
                  struct log_job **ret_job);
// Readable once it is done.
int log_job_fd(const struct log_job *j);
// Of one that is done; the caller frees what is in it, and not the job any more.
void log_job_take(struct log_job *j, struct log_job_result *ret_result);
// Gives it up. Takes NULL, returns NULL.
struct log_job *log_job_stop(struct log_job *j);
