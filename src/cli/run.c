// SPDX-License-Identifier: Apache-2.0
// nono run
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "display.h"
#include "front.h"
#include "options.h"
#include "policy_options.h"
#include "policy_text.h"
#include "ratelimit.h"
#include "registry.h"
#include "session.h"
#include "tmux.h"
#include "ui.h"
#include "util.h"

#define ASK_TIMEOUT_S 600
#define ASK_TIMEOUT_MAX_S (100ul * 365 * 86400)

enum {
    OPT_UI = OPTIONS_LONG,
    OPT_ON_ASK,
    OPT_ASK_TIMEOUT,
    OPT_ASK_RATE,
    OPT_ASK_BURST,
    OPT_NAME,
    OPT_DB,
    OPT_AUDIT,
    OPT_WITHOUT_LANDLOCK,
    OPT_EXEC,
    OPT_NOTIFY,
    OPT_RECORD,
    OPT_LOG_ALLOWED,
};

static const struct option_row run_rows[] = {
    POLICY_ROWS("read", "write"),
    {OPT_EXEC, "exec", "WHAT", "allow (default): programs in the readable directories run; or ask"},
    {OPT_UI, "ui", "MODE", "split, attach, tmux, plain (lines) or none"},
    {OPT_ON_ASK, "on-ask", "WHO", "ui, deny, or allow: grant and record, to learn"},
    {OPT_ASK_TIMEOUT, "ask-timeout", "SECONDS", "then refused (default 600; 0 waits for ever)"},
    {OPT_NOTIFY, "notify", "COMMAND", "for the shell when a request comes; or osc9, osc777"},
    {OPT_ASK_RATE, "ask-rate", "N",
     "new requests a second, beyond them refused; --ask-burst N at once"},
    {OPT_ASK_BURST, "ask-burst", "N", NULL},
    {OPT_NAME, "name", "NAME", "name of the session; --db FILE: the record to write"},
    {OPT_RECORD, "record", NULL, "the terminal as well; --log-allowed: all that is allowed"},
    {OPT_LOG_ALLOWED, "log-allowed", NULL, NULL},
    {OPT_DB, "db", "FILE", NULL},
    {OPT_AUDIT, "audit", "HOW", "required (default: no record, no grant) or besteffort"},
    {OPT_WITHOUT_LANDLOCK, "without-landlock", NULL,
     "start although the kernel cannot enforce the floor"},
    {0},
};

static const struct options_help run_help = {
    .synopsis = "nono run [options] [--] COMMAND [ARG...]",
    .about = "Runs COMMAND in a sandbox; what it may not do by itself waits for your decision.",
    .rows = run_rows,
    .more = "Exit status: the command's; 128+n for a signal; 125 nono failed; 126, 127 as in sh.",
    .stop_at_operand = true,
    .usage_status = EXIT_RUN_FAILED,
};

// Words of the options, in the order of the enums they stand for.
static const char *const ui_words[] = {"split", "attach", "tmux", "plain", "none", NULL};
static const char *const on_ask_words[] = {"ui", "deny", "allow", NULL};
static const char *const audit_words[] = {"required", "besteffort", NULL};
static const char *const exec_words[] = {"allow", "ask", NULL};

struct run_args {
    struct policy_args policy;
    struct options options;
    int ui, on_ask, exec; /* index of the word, -1: not given */
    int audit;            /* index of the word */
    const char *name, *db, *notify;
    uint64_t timeout_s, rate, burst;
    bool without_landlock, record, log_allowed;
};

// 0, or -errno: *err is set, or options_*() has said it.
static int
parse_option(struct run_args *a, int opt, struct err *err)
{
    struct options *o = &a->options;
    switch (opt) {
    case OPT_UI:
        return a->ui = options_word(o, ui_words);
    case OPT_ON_ASK:
        return a->on_ask = options_word(o, on_ask_words);
    case OPT_ASK_TIMEOUT:
        return options_number(o, 0, ASK_TIMEOUT_MAX_S, &a->timeout_s);
    case OPT_EXEC:
        return a->exec = options_word(o, exec_words);
    case OPT_ASK_RATE:
        return options_number(o, 1, RATELIMIT_MAX, &a->rate);
    case OPT_ASK_BURST:
        return options_number(o, 1, RATELIMIT_MAX, &a->burst);
    case OPT_NAME:
        a->name = o->arg;
        return 0;
    case OPT_NOTIFY:
        if (!o->arg[0])
            return options_bad_value(o, "a command, osc9 or osc777");
        a->notify = o->arg;
        return 0;
    case OPT_DB:
        a->db = o->arg;
        return 0;
    case OPT_AUDIT:
        return a->audit = options_word(o, audit_words);
    case OPT_WITHOUT_LANDLOCK:
        a->without_landlock = true;
        return 0;
    case OPT_LOG_ALLOWED:
        a->log_allowed = true;
        return 0;
    case OPT_RECORD:
        a->record = true;
        return 0;
    default:
        return policy_option(&a->policy, o, opt, err);
    }
}

static enum ui_mode
default_ui(bool tty)
{
    if (!tty)
        return UI_MODE_NONE;
    if (ui_terminal_draws(STDOUT_FILENO))
        return UI_MODE_SPLIT;
    fputs("nono: no screen can be drawn on this terminal (TERM): --ui plain\n", stderr);
    return UI_MODE_PLAIN;
}

static int
choose_modes(const struct run_args *a, struct session_options *o, struct err *err)
{
    bool tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    o->ui = a->ui >= 0 ? (enum ui_mode)a->ui : default_ui(tty);
    if (o->ui == UI_MODE_SPLIT && !tty)
        return err_set(err, -ENOTTY,
                       "--ui split needs a terminal on standard input and output "
                       "(use --ui attach or --ui none)");
    if (a->record && !tty && o->ui != UI_MODE_PLAIN)
        return err_set(err, -ENOTTY,
                       "--record needs a terminal on standard input and output "
                       "(or --ui plain, which gives the command one)");
    o->record = a->record;
    if (o->ui == UI_MODE_TMUX && !tmux_is_here())
        return err_set(err, -ENOTTY,
                       "--ui tmux: this terminal is no pane of tmux (start tmux first, or use "
                       "--ui attach and nono ui in another terminal)");
    o->on_ask = a->on_ask >= 0          ? (enum on_ask)a->on_ask
                : o->ui == UI_MODE_NONE ? ON_ASK_DENY
                                        : ON_ASK_UI;
    return 0;
}

// Directories are made for the record that nono chose, not for a name that may be mistyped.
static int
check_db_dir(const char *db, struct err *err)
{
    cleanup_free char *dir = xstrdup(db);
    char *slash = strrchr(dir, '/');
    slash[slash == dir] = 0;
    if (access(dir, F_OK) == 0)
        return 0;
    int error = errno;
    cleanup_free char *shown = display_str(db, DISPLAY_QUOTE);
    return err_set(err, -error, "--db %s: its directory: %s", shown, strerror(error));
}

static int
start(struct run_args *a, char **argv, struct err *err)
{
    struct session_options o = {0};
    if (choose_modes(a, &o, err) < 0)
        return EXIT_RUN_FAILED;
    cleanup_free char *home = registry_home();
    cleanup_free char *db = a->db ? path_absolute(a->db) : registry_default_db();
    if (!db) {
        err_set(err, -ENOENT, "no home directory for the record: set HOME or use --db FILE");
        return EXIT_RUN_FAILED;
    }
    if (a->db && check_db_dir(db, err) < 0)
        return EXIT_RUN_FAILED;
    if (policy_complete(&a->policy, db, err) < 0)
        return EXIT_RUN_FAILED;
    policy_warn(&a->policy);
    cleanup_free char *policy = policy_text(&a->policy.profile);
    cleanup_free char *redact = policy_redact(&a->policy.profile);
    o.argv = argv;
    o.capabilities = &a->policy.set;
    o.sockets = &a->policy.sockets;
    o.trust = &a->policy.trust_policy;
    o.ask_timeout_s = a->timeout_s;
    o.ask_rate = a->rate;
    o.ask_burst = a->burst;
    o.db_path = db;
    o.name = a->name;
    o.notify = a->notify;
    o.profile = profile_identity(&a->policy.profile);
    o.policy = policy;
    o.redact = redact;
    o.log_allowed = a->log_allowed;
    o.besteffort = a->audit == 1;
    o.home = home;
    o.front = -1;
    // On a terminal of its own the session can part from it and live on.
    if (o.ui == UI_MODE_SPLIT && front_start(&o.front, err) < 0)
        return EXIT_RUN_FAILED;
    o.without_landlock = a->without_landlock;
    o.exec_ask = policy_asks_programs(&a->policy, a->exec);
    return session_run(&o, err);
}

static int
run(struct run_args *a, int argc, char **argv, struct err *err)
{
    int opt;
    options_init(&a->options, &run_help, argc, argv);
    while ((opt = options_next(&a->options)) >= 0)
        if (parse_option(a, opt, err) < 0)
            return EXIT_RUN_FAILED;
    if (opt != OPTIONS_END)
        return a->options.status;
    if (a->options.index >= argc)
        return options_error(&a->options, "which command?");
    if (a->burst && !a->rate)
        return options_error(&a->options, "--ask-burst needs --ask-rate");
    return start(a, argv + a->options.index, err);
}

// A closed standard stream must not become one of our own descriptors. Closed again by exec, and
// of no use for what the stream is for, the placeholder leaves the command what it would have had.
static void
hold_streams(void)
{
    static const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd] | O_CLOEXEC) != fd)
            _exit(EXIT_RUN_FAILED);
}

int
cmd_run(int argc, char **argv)
{
    hold_streams();
    struct run_args a = {
        .policy = POLICY_ARGS_NONE, .ui = -1, .on_ask = -1, .exec = -1, .timeout_s = ASK_TIMEOUT_S};
    cleanup_err struct err err = {0};
    int status = run(&a, argc, argv, &err);
    if (err.msg)
        fprintf(stderr, "nono: %s\n", err.msg);
    options_done(&a.options);
    policy_args_done(&a.policy);
    return status;
}
