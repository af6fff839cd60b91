// SPDX-License-Identifier: Apache-2.0
// nono replay, shared by its files. Main thread.
#pragma once
#include "archive.h"
#include "log_filter.h"
#include "log_print.h"
#include "options.h"
#include "pager.h"

struct replay {
    struct options o;
    struct archive archive;
    struct log_filter filter;
    struct log_printer printer;
    enum color_when color;
    bool plain, jsonl, exit_code, follow;
    const char *policy; /* what-if; NULL: the timeline */
    double speed;       /* 0: not given */
    uint64_t idle_ns;   /* longest pause that is shown; 0: as it was */
    size_t differences; /* what-if */
};

// Each gives an exit status.
int replay_policy(struct replay *r);
int replay_plain(struct replay *r);
int replay_pane(struct replay *r);
