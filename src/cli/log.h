// SPDX-License-Identifier: Apache-2.0
// nono log, shared by its files. Main thread.
#pragma once
#include "archive.h"
#include "log_filter.h"
#include "log_print.h"
#include "options.h"
#include "pager.h"

enum log_format {
    LOG_SHORT,
    LOG_VERBOSE,
    LOG_JSON,
    LOG_JSONL,
    LOG_CSV,
    LOG_TREE,
    LOG_STATS,
};

enum log_group {
    LOG_GROUP_ALL,
    LOG_GROUP_EXE,
    LOG_GROUP_DIR,
    LOG_GROUP_HOST,
    LOG_GROUP_RULE,
    LOG_GROUP_DAY,
};

struct log {
    struct options o;
    struct archive archive;
    struct log_filter filter;
    enum log_format format;
    enum log_group group;
    enum color_when color;
    bool follow, browse, exit_code;
    struct log_printer printer;
    struct pager pager;
    struct archive_session *last; /* whose line was printed last */
    size_t next;                  /* sessions printed or left out, in order */
    size_t events;                /* printed */
    struct err *err;
};

// Prints one event in the format asked for; 1 when the reader of the output is gone.
int log_emit(struct log *l, struct archive_session *s, const struct event_row *row);
// Prints the lines of sessions that have no event left to print.
void log_emit_sessions(struct log *l);

// -f: until interrupted, or the sessions asked for have ended. 0 or -errno with l->err set.
int log_follow(struct log *l);
// --tree, --stats: likewise.
int log_tree(struct log *l);
int log_stats(struct log *l);
// -i: an exit status.
int log_browse(struct log *l);
