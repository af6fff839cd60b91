// SPDX-License-Identifier: Apache-2.0
// The command line: one function per subcommand, in a file of its name (run.c has cmd_run()).
// To add one: its file, its line in the table of main.c, its prototype here, docs/man/nono.1.
//
// argv[0] is the subcommand's own name. The result is the exit status of nono: 0; EXIT_USAGE for
// wrong arguments, EXIT_UNREADABLE for a record that can't be read (nono run: EXIT_RUN_FAILED for
// its own failures of every kind). Messages go to standard error through options_error(), with
// foreign bytes escaped (display.h).
#pragma once

enum exit_status {
    EXIT_USAGE = 2,        /* wrong arguments */
    EXIT_UNREADABLE = 3,   /* the database can't be read */
    EXIT_DIFFERENT = 5,    /* nono replay --policy --exit-code: another answer */
    EXIT_INTEGRITY = 4,    /* the record is not what was written */
    EXIT_RUN_FAILED = 125, /* nono run: its own failure before the start, usage too */
    EXIT_NOT_EXECUTABLE = 126,
    EXIT_NOT_FOUND = 127,
};

int cmd_run(int argc, char **argv);
int cmd_log(int argc, char **argv);
int cmd_ui(int argc, char **argv);
int cmd_pending(int argc, char **argv);
int cmd_allow(int argc, char **argv);
int cmd_deny(int argc, char **argv);
int cmd_grants(int argc, char **argv);
int cmd_revoke(int argc, char **argv);
int cmd_attach(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_profile(int argc, char **argv);
int cmd_trust(int argc, char **argv);
int cmd_why(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_prune(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
