// SPDX-License-Identifier: Apache-2.0
// Runs a supervised command: wires the threads, the pty, the screen, the record and the control
// socket together. Main thread.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "capability.h"
#include "err.h"
#include "socket_policy.h"
#include "trust_policy.h"

enum ui_mode {
    UI_MODE_SPLIT,
    UI_MODE_ATTACH,
    UI_MODE_TMUX, /* likewise, with nono ui in a pane of tmux beside it */
    UI_MODE_PLAIN,
    UI_MODE_NONE,
};
enum on_ask { ON_ASK_UI, ON_ASK_DENY, ON_ASK_ALLOW };

struct session_options {
    char **argv;                         /* the command, NULL-terminated */
    struct capability_set *capabilities; /* resolved; owned by the caller */
    const struct socket_policy *sockets; /* likewise */
    const struct trust_policy *trust;    /* likewise */
    enum ui_mode ui;
    enum on_ask on_ask;
    uint64_t ask_rate;      /* new prompts in a second; 0: no limit */
    uint64_t ask_burst;     /* of them at once; 0: as many */
    uint64_t ask_timeout_s; /* 0: waits for ever */
    const char *db_path;    /* absolute */
    const char *name;       /* or NULL */
    const char *notify;     /* shell command for a new request; or NULL */
    const char *profile;    /* its name; or NULL */
    const char *policy;     /* what is in force, for the record; or NULL */
    const char *redact;     /* what else is secret (redact.h); or NULL */
    bool log_allowed;       /* a row for every access that is allowed */
    bool record;            /* what the terminal shows is recorded; there must be a pty */
    bool besteffort;        /* --audit besteffort: a record that fails stops nothing */
    const char *home;       /* canonical, or NULL: for what is risky in it */
    bool without_landlock;
    int front;            /* from front_start(); -1: the session cannot part from its terminal */
    const char *exec_ask; /* what says that every program is asked about; NULL: nothing does */
};

// Exit status of nono run (SPEC 2): the command's own, 128 + n, or 125 with *err set.
int session_run(const struct session_options *o, struct err *err);
