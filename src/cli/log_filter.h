// SPDX-License-Identifier: Apache-2.0
// The filters of nono log as options: what else reads the record takes the same ones. Main thread.
#pragma once
#include "options.h"
#include "query.h"

enum {
    OPT_FILTER_DECISION = OPTIONS_LONG + 100,
    OPT_FILTER_BY,
    OPT_FILTER_OP,
    OPT_FILTER_RISK,
    OPT_FILTER_KIND,
    OPT_FILTER_PATH,
    OPT_FILTER_EXE,
    OPT_FILTER_HOST,
    OPT_FILTER_PID,
    OPT_FILTER_PORT,
    OPT_FILTER_GREP,
    OPT_FILTER_WAITED,
    OPT_FILTER_ASKED,
    OPT_FILTER_SINCE,
    OPT_FILTER_UNTIL,
};

// Rows for a table of options.
#define LOG_FILTER_ROWS                                                                            \
    {OPT_FILTER_SINCE, "since", "TIME", "'2025-11-23 14:02', @EPOCH, today, '2h ago'; --until"},   \
        {OPT_FILTER_UNTIL, "until", "TIME", NULL},                                                 \
        {OPT_FILTER_PATH, "path", "GLOB", "what is asked for; '*' crosses slashes"},               \
        {OPT_FILTER_EXE, "exe", "GLOB", "the program that asks; --pid N: its process"},            \
        {OPT_FILTER_PID, "pid", "N", NULL},                                                        \
        {OPT_FILTER_HOST, "host", "GLOB|NET", "the other end of a socket: a name, 10.0.0.0/8"},    \
        {OPT_FILTER_PORT, "port", "N", "its port"},                                                \
        {OPT_FILTER_DECISION, "decision", "WORD", "allow, deny, expired, withdrawn"},              \
        {OPT_FILTER_BY, "by", "WORD", "user, rule, initial, timeout, protected, ..."},             \
        {OPT_FILTER_OP, "op", "WORD", "read, write, create, exec, connect, ..."},                  \
        {OPT_FILTER_RISK, "risk", "WORD", "none, notice, high"},                                   \
        {OPT_FILTER_KIND, "kind", "WORD", "request, decision, grant, fault, ..."},                 \
        {OPT_FILTER_WAITED, "waited", "'>TIME'", "how long it waited: '>30s', '<=500ms'"},         \
        {OPT_FILTER_ASKED, "asked", NULL, "only what waited for a person"},                        \
    {                                                                                              \
        OPT_FILTER_GREP, "grep", "REGEX", "in any text of the event"                               \
    }

struct filter_words {
    unsigned wanted, unwanted;
};

struct filter_list {
    struct pattern *list; /* owned, the texts in words */
    size_t n;
};

struct log_filter {
    struct event_filter f; /* after log_filter_finish() */
    struct filter_words verdicts, deciders, ops, risks, kinds;
    struct filter_list paths, exes, hosts, pids, ports;
    struct matcher **greps;
    size_t greps_n;
    bool used; /* any of the options above was given */
};

// 1 when c is one of the options above, 0 when not, -EINVAL after options_error().
int log_filter_option(struct log_filter *l, struct options *o, int c);
// 0 or -EINVAL after options_error().
int log_filter_finish(struct log_filter *l, struct options *o);
// The same from words as people type them at a prompt: "op:read,write path:'*.pem' asked", anything
// else a --grep. Keeps pointers into words, which it changes. Done (log_filter_finish()) when 0 is
// returned; -EINVAL with why.
int log_filter_words(struct log_filter *l, char *words, struct buf *why);
void log_filter_done(struct log_filter *l);
