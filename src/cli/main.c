// SPDX-License-Identifier: Apache-2.0
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "display.h"
#include "options.h"
#include "util.h"

static int cmd_help(int argc, char **argv);

static const struct command {
    const char *name;
    int (*fn)(int argc, char **argv);
    const char *synopsis;
    const char *help;
} commands[] = {
    {"run", cmd_run, "run [options] [--] COMMAND [ARG...]", "supervise a command"},
    {"ui", cmd_ui, "ui [SESSION]", "approval pane for a running session"},
    {"pending", cmd_pending, "pending [SESSION]", "the requests that wait"},
    {"allow", cmd_allow, "allow ID [options]", "grant a request"},
    {"deny", cmd_deny, "deny ID [options]", "refuse a request"},
    {"grants", cmd_grants, "grants [SESSION]", "what was decided for longer than once"},
    {"revoke", cmd_revoke, "revoke GRANT", "take a grant back"},
    {"ps", cmd_ps, "ps [--all]", "sessions"},
    {"attach", cmd_attach, "attach [SESSION]",
     "show a session on this terminal (Ctrl-] d detaches)"},
    {"stop", cmd_stop, "stop SESSION", "end a session"},
    {"log", cmd_log, "log [SESSION] [filters]", "what was asked, granted and refused"},
    {"why", cmd_why, "why [options] TARGET", "what the policy says, and which line says it"},
    {"profile", cmd_profile, "profile list|show|check", "policies as files"},
    {"trust", cmd_trust, "trust sign|verify|list|allow-signer", "who signed instruction files"},
    {"verify", cmd_verify, "verify [SESSION...]", "is the record what was written?"},
    {"report", cmd_report, "report [SESSION] -o FILE", "a session as a web page"},
    {"replay", cmd_replay, "replay [SESSION] [--policy FILE]", "a session again, or what-if"},
    {"show", cmd_show, "show ID", "everything about one request"},
    {"export", cmd_export, "export [SESSION...] [-o FILE]", "a session as a file, or as text"},
    {"import", cmd_import, "import FILE...", "sessions of such files into the record"},
    {"prune", cmd_prune, "prune --keep-days N", "retention"},
    {"doctor", cmd_doctor, "doctor", "what this kernel offers"},
    {"help", cmd_help, "help [COMMAND]", "how to use a command"},
};

static const struct command *
command_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static const char *
command_name(const void *ctx, size_t i)
{
    return i < ARRAY_SIZE(commands) ? commands[i].name : NULL;
}

static int
command_unknown(const char *name)
{
    cleanup_free char *shown = display_str(name, 0);
    const char *near = options_nearest(name, command_name, NULL);
    if (name[0] == '-')
        fprintf(stderr, "nono: '%s' is not an option", shown);
    else
        fprintf(stderr, "nono: '%s' is not a command", shown);
    if (near)
        fprintf(stderr, "; did you mean '%s'?", near);
    fputs("\nTry 'nono --help'.\n", stderr);
    return EXIT_USAGE;
}

static void
print_overview(FILE *out)
{
    fputs("nono runs a coding agent under the kernel's sandbox and lets you decide, live, what\n"
          "it may touch beyond that.\n\n",
          out);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        fprintf(out, "  nono %-40s %s\n", commands[i].synopsis, commands[i].help);
    fputs("\n'nono help COMMAND' or 'nono COMMAND --help' tells more; 'nono --version'.\n", out);
}

static int
cmd_help(int argc, char **argv)
{
    if (argc < 2 || argv[1][0] == '-' || strcmp(argv[1], "help") == 0) {
        print_overview(stdout);
        return 0;
    }
    const struct command *c = command_find(argv[1]);
    if (!c)
        return command_unknown(argv[1]);
    char name[16], option[] = "--help";
    snprintf(name, sizeof name, "%s", c->name);
    return c->fn(2, (char *[]){name, option, NULL});
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    if (argc < 2) {
        print_overview(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return cmd_help(1, argv);
    if (strcmp(argv[1], "--version") == 0) {
        puts("nono " NONO_VERSION);
        return 0;
    }
    const struct command *c = command_find(argv[1]);
    return c ? c->fn(argc - 1, argv + 1) : command_unknown(argv[1]);
}
