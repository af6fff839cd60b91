// SPDX-License-Identifier: Apache-2.0
// nono why
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "display.h"
#include "last.h"
#include "outlook.h"
#include "policy_options.h"
#include "registry.h"
#include "util.h"
#include "why.h"

enum {
    OPT_TO_READ = OPTIONS_LONG,
    OPT_TO_WRITE,
    OPT_TO_EXEC,
    OPT_TO_CONNECT,
    OPT_TO_BIND,
    OPT_LAST,
    OPT_EXEC_MODE,
    OPT_DB,
    OPT_JSON
};

static const struct option_row why_rows[] = {
    {OPT_TO_READ, "read", NULL, "may TARGET be read (the default)"},
    {OPT_TO_WRITE, "write", NULL, "may it be changed, made or removed"},
    {OPT_TO_EXEC, "exec", NULL, "may it be run"},
    {OPT_TO_CONNECT, "connect", NULL, "may HOST:PORT, or a UNIX socket, be connected to"},
    {OPT_TO_BIND, "bind", NULL, "may a PORT be listened at, or a UNIX socket be made"},
    {OPT_LAST, "last", NULL, "inside the sandbox: what was refused last, and why"},
    {OPT_JSON, "json", NULL, "one JSON object"},
    {OPT_DB, "db", "FILE", "the record that the session would have"},
    POLICY_ROWS("read-dir", "write-dir"),
    {OPT_EXEC_MODE, "exec-mode", "WHAT", "allow or ask: --exec of nono run"},
    {0},
};

static const struct options_help why_help = {
    .synopsis = "nono why [options] TARGET",
    .about = "Says what nono run with the same options would do about TARGET, and what says so:\n"
             "the option, or file and line of a profile. Nothing is changed.",
    .rows = why_rows,
};

void
why_answer_done(struct why_answer *a)
{
    free(a->resolved);
    free(a->interpreter);
    free(a->rule);
    free(a->source);
    free(a->tags);
    free(a->allow_with);
    free(a->note);
}

static bool
is_socket(enum op op)
{
    return op == OP_CONNECT || op == OP_BIND;
}

static void
print_interpreter(const char *interpreter)
{
    if (*interpreter)
        printf("  for its interpreter %s:\n", interpreter);
}

static void
print_answer(const struct why_args *w, const struct why_answer *a)
{
    cleanup_free char *path = display_str(a->resolved, 0);
    cleanup_free char *rule = display_str(a->rule, 0);
    cleanup_free char *source = display_str(a->source, 0);
    cleanup_free char *interpreter = display_str(a->interpreter, 0);
    const char *op = op_to_string(w->op);
    bool protected_ = strcmp(a->by, decider_to_string(DECIDER_PROTECTED)) == 0;
    if (strcmp(a->verdict, "allow") == 0) {
        printf("allowed: %s %s\n  by %s\n", op, path, rule);
    } else if (strcmp(a->verdict, "deny") == 0) {
        printf("refused, never asked: %s %s\n", op, path);
        print_interpreter(interpreter);
        if (*source)
            printf("  by deny %s (%s)\n", rule, source);
        else
            printf("  %s%s\n", protected_ && !is_socket(w->op) ? "nono's own, or a terminal: " : "",
                   rule);
        if (a->allow_with[0])
            printf("  allow with: %s\n", a->allow_with);
        else if (!*source)
            puts("  nothing can allow it");
    } else {
        printf("asks: %s %s\n", op, path);
        print_interpreter(interpreter);
        if (*source)
            printf("  %s (%s)\n", rule, source);
        else
            printf("  no rule covers it%s%s\n", *rule ? "; nearest: " : "", rule);
        printf("  allow without asking: %s\n", a->allow_with);
    }
    if (a->note)
        printf("  %s\n", a->note);
    if (a->risk != RISK_NONE)
        printf("  risk: %s (%s)\n", risk_to_string(a->risk), a->tags);
}

static void
print_json(const struct why_args *w, const struct why_answer *a)
{
    cleanup_free char *path = display_str(a->resolved, 0);
    cleanup_free char *rule = display_str(a->rule, 0);
    cleanup_free char *source = display_str(a->source, 0);
    cleanup_free char *interpreter = display_str(a->interpreter, 0);
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "op",
                          op_to_string(w->op), "resolved", path, "verdict", a->verdict, "by", a->by,
                          "rule", rule, "source", source, "risk", risk_to_string(a->risk), "tags",
                          a->tags, "allow_with", a->allow_with, "interpreter", interpreter);
    cleanup_free char *text = json_dumps(o, JSON_COMPACT);
    puts(text ? text : "{}");
    json_decref(o);
}

static int
print_last(void)
{
    cleanup_free char *text = NULL;
    ssize_t n = read_file_at(AT_FDCWD, NONO_LAST_PATH, 65536, &text);
    if (n == -ENOENT) {
        fputs("nono why: --last is for the inside of a sandbox; outside: nono log\n", stderr);
        return 1;
    }
    if (n < 0) {
        fprintf(stderr, "nono why: %s\n", strerror((int)-n));
        return 1;
    }
    return write_all(STDOUT_FILENO, text, (size_t)n) < 0;
}

static const char *const exec_words[] = {[EXEC_ALLOW] = "allow", [EXEC_ASK] = "ask", NULL};

static int
parse_option(struct why_args *w, int opt, struct err *err)
{
    switch (opt) {
    case OPT_TO_READ:
        w->op = OP_READ;
        return 0;
    case OPT_TO_WRITE:
        w->op = OP_WRITE;
        return 0;
    case OPT_TO_EXEC:
        w->op = OP_EXEC;
        return 0;
    case OPT_TO_CONNECT:
        w->op = OP_CONNECT;
        return 0;
    case OPT_TO_BIND:
        w->op = OP_BIND;
        return 0;
    case OPT_LAST:
        w->last = true;
        return 0;
    case OPT_EXEC_MODE:
        return w->exec = options_word(&w->options, exec_words);
    case OPT_JSON:
        w->json = true;
        return 0;
    case OPT_DB:
        w->db = w->options.arg;
        return 0;
    default:
        return policy_option(&w->policy, &w->options, opt, err);
    }
}

static int
why(struct why_args *w, int argc, char **argv, struct err *err)
{
    int opt;
    struct why_answer a = {0};
    options_init(&w->options, &why_help, argc, argv);
    while ((opt = options_next(&w->options)) >= 0)
        if (parse_option(w, opt, err) < 0)
            return EXIT_USAGE;
    if (opt != OPTIONS_END)
        return w->options.status;
    if (w->last)
        return print_last();
    if (w->options.index + 1 != argc || !argv[w->options.index][0])
        return options_error(&w->options, w->options.index + 1 < argc
                                              ? "one target at a time (--exec-mode ask: what nono "
                                                "run --exec ask would say)"
                                              : "which target?");
    cleanup_free char *standard = registry_default_db();
    cleanup_free char *db = w->db ? path_absolute(w->db) : NULL;
    if (policy_complete(&w->policy, db ? db : standard, err) < 0)
        return EXIT_USAGE;
    policy_warn(&w->policy);
    w->task = outlook_start();
    if (w->task < 0)
        return err_set(err, w->task, "fork: %s", strerror(-w->task)), 1;
    int ret = 0;
    if (is_socket(w->op))
        ret = why_socket(w, argv[w->options.index], &a, err);
    else
        why_path(w, argv[w->options.index], &a);
    outlook_stop(w->task);
    if (ret == 0 && w->json)
        print_json(w, &a);
    else if (ret == 0)
        print_answer(w, &a);
    why_answer_done(&a);
    return ret < 0 ? EXIT_USAGE : 0;
}

int
cmd_why(int argc, char **argv)
{
    struct why_args w = {.policy = POLICY_ARGS_NONE, .op = OP_READ, .exec = -1};
    cleanup_err struct err err = {0};
    int status = why(&w, argc, argv, &err);
    if (err.msg)
        fprintf(stderr, "nono why: %s\n", err.msg);
    options_done(&w.options);
    policy_args_done(&w.policy);
    return status;
}
