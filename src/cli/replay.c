// SPDX-License-Identifier: Apache-2.0
// nono replay
#include "replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "clock.h"
#include "display.h"
#include "util.h"

enum {
    OPT_PLAIN = OPTIONS_LONG,
    OPT_SPEED,
    OPT_IDLE,
    OPT_POLICY,
    OPT_JSONL,
    OPT_EXIT_CODE,
    OPT_DB,
    OPT_COLOR
};

static const struct option_row replay_rows[] = {
    {OPT_POLICY, "policy", "FILE", "what-if: what this profile would have said"},
    {OPT_SPEED, "speed", "N", "N times as fast as it was"},
    {OPT_IDLE, "idle", "TIME", "no pause longer than that: 2s, 500ms"},
    {OPT_PLAIN, "plain", NULL, "lines instead of the pane"},
    {'f', "follow", NULL, "begin at what happens now"},
    LOG_FILTER_ROWS,
    {OPT_JSONL, "jsonl", NULL, "with --policy: a JSON object per difference"},
    {OPT_EXIT_CODE, "exit-code", NULL, "with --policy: 5 when anything differs"},
    {OPT_DB, "db", "FILE", "the record; repeat: merged by time"},
    {OPT_COLOR, "color", "WHEN", NULL},
    {0},
};

static const struct options_help replay_help = {
    .synopsis = "nono replay [SESSION...] [options]",
    .about = "Shows a session again, as it was; or judges what was asked by another policy.\n"
             "SESSION as in nono log; without one the newest (with --policy: all).\n"
             "On a terminal a pane: ? lists its keys, only --since and --until filter it.",
    .rows = replay_rows,
    .more = "Exit status: 0, 2 usage, 3 unreadable record, 5 see --exit-code.",
};

static int
set_speed(struct replay *r)
{
    char *end;
    double speed = strtod(r->o.arg, &end);
    if (end == r->o.arg || *end || !(speed >= 0.01 && speed <= 10000)) {
        options_bad_value(&r->o, "not a number from 0.01 to 10000");
        return -EINVAL;
    }
    r->speed = speed;
    return 0;
}

static int
set_idle(struct replay *r)
{
    char *end;
    double n = strtod(r->o.arg, &end);
    double unit = strcmp(end, "ms") == 0           ? 1e6
                  : strcmp(end, "min") == 0        ? 60e9
                  : !*end || strcmp(end, "s") == 0 ? 1e9
                                                   : 0;
    if (end == r->o.arg || unit == 0 || !(n >= 0 && n * unit < 1e18)) {
        options_bad_value(&r->o, "not a length of time (2s, 500ms)");
        return -EINVAL;
    }
    r->idle_ns = (uint64_t)(n * unit);
    return 0;
}

static int
set_option(struct replay *r, int c)
{
    static const char *const whens[] = {"auto", "always", "never", NULL};
    int ret;
    switch (c) {
    case OPT_POLICY:
        r->policy = r->o.arg;
        return 0;
    case OPT_SPEED:
        return set_speed(r);
    case OPT_IDLE:
        return set_idle(r);
    case OPT_PLAIN:
        r->plain = true;
        return 0;
    case 'f':
        r->follow = true;
        return 0;
    case OPT_JSONL:
        r->jsonl = true;
        return 0;
    case OPT_EXIT_CODE:
        r->exit_code = true;
        return 0;
    case OPT_DB:
        archive_add_db(&r->archive, r->o.arg);
        return 0;
    case OPT_COLOR:
        ret = options_word(&r->o, whens);
        r->color = ret < 0 ? COLOR_AUTO : (enum color_when)ret;
        return ret < 0 ? ret : 0;
    default:
        return log_filter_option(&r->filter, &r->o, c) < 0 ? -EINVAL : 0;
    }
}

static int
parse(struct replay *r, int argc, char **argv)
{
    int c;
    options_init(&r->o, &replay_help, argc, argv);
    r->archive.o = &r->o;
    while ((c = options_next(&r->o)) >= 0)
        if (set_option(r, c) < 0)
            return -EINVAL;
    if (c != OPTIONS_END)
        return -EINVAL;
    archive_add_operands(&r->archive);
    if (!r->policy && (r->jsonl || r->exit_code)) {
        options_error(&r->o, "--jsonl and --exit-code go with --policy");
        return -EINVAL;
    }
    if (r->policy && (r->plain || r->follow || r->speed > 0 || r->idle_ns)) {
        options_error(&r->o, "--policy does not go with --plain, --follow, --speed and --idle");
        return -EINVAL;
    }
    if (!r->policy && !r->archive.specs_n)
        archive_add_spec(&r->archive, "@");
    return log_filter_finish(&r->filter, &r->o);
}

static int
run(struct replay *r)
{
    int status = archive_open(&r->archive);
    if (status || !r->archive.sessions_n)
        return status;
    r->printer.color = color_wanted(r->color);
    r->printer.display = display_flags_of(STDOUT_FILENO);
    r->printer.now_ns = clock_real_ns();
    r->printer.brief = true;
    if (r->policy)
        return replay_policy(r);
    if (r->plain || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return r->follow
                   ? options_error(&r->o, "--follow needs the pane; nono log -f follows in lines")
                   : replay_plain(r);
    return replay_pane(r);
}

int
cmd_replay(int argc, char **argv)
{
    struct replay r = {0};
    int status = parse(&r, argc, argv) < 0 ? r.o.status : run(&r);
    archive_done(&r.archive);
    log_filter_done(&r.filter);
    return status;
}
