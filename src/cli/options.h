// SPDX-License-Identifier: Apache-2.0
// Options of a subcommand, over getopt_long(3): one table gives parsing, --help and the messages; a
// misspelt option names the nearest one. One at a time, main thread.
//
//     enum { OPT_DB = OPTIONS_LONG, OPT_JSONL };
//     static const struct option_row rows[] = {
//         {'n', "lines", "N", "the newest N events only"},
//         {OPT_DB, "db", "FILE", "read this record"},
//         {OPT_JSONL, "jsonl", NULL, "one JSON object per line"},
//         {0},
//     };
//     static const struct options_help help = {
//         .synopsis = "nono log [SESSION] [options]",
//         .about = "Prints what was asked, granted and refused.",
//         .rows = rows,
//     };
//
//     struct options o;
//     options_init(&o, &help, argc, argv);
//     int c;
//     while ((c = options_next(&o)) >= 0) {
//         switch (c) {
//         case OPT_DB:
//             db = o.arg;
//             break;
//         ...
//         }
//     }
//     if (c != OPTIONS_END)
//         return o.status;
//     // operands: argv[o.index] .. argv[argc - 1]
//
// -h and --help are added to every table.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

// Ids of options without a letter start here.
#define OPTIONS_LONG 256

enum {
    OPTIONS_END = -1,  /* no more options; operands start at index */
    OPTIONS_STOP = -2, /* help or an error was printed: leave with o.status */
};

struct option_row {
    int id;           /* its letter, or OPTIONS_LONG and up; 0 ends the table */
    const char *name; /* long name without dashes */
    const char *arg;  /* word for the argument in the help ("FILE"); NULL: takes none */
    const char *help; /* one short phrase, of two lines at most. NULL: another row tells */
};

struct options_help {
    const char *synopsis; /* "nono log [SESSION] [options]"; its first two words prefix messages */
    const char *about;    /* one or more lines */
    const struct option_row *rows;
    const char *more;     /* below the options; may be NULL */
    bool stop_at_operand; /* the first operand ends the options (nono run) */
    int usage_status;     /* exit status of a usage error; 0 means EXIT_USAGE */
};

struct options {
    const struct options_help *help;
    int argc;
    char **argv;
    void *table;                  /* private */
    int index;                    /* of the first operand, valid at OPTIONS_END */
    const char *arg;              /* argument of the option just returned, else NULL */
    const struct option_row *row; /* of that option; private */
    int status;                   /* exit status, valid at OPTIONS_STOP and after options_error() */
    struct buf *said; /* takes the messages, without a prefix; NULL: standard error does */
};

// May reorder argv (operands last) unless stop_at_operand. help must outlive o.
void options_init(struct options *o, const struct options_help *help, int argc, char **argv);
// The id of the next option, OPTIONS_END or OPTIONS_STOP.
int options_next(struct options *o);

// For leaving in the middle, on an error of the caller's own; harmless after OPTIONS_END and
// OPTIONS_STOP.
void options_done(struct options *o);

// Prints "nono log: ..." and a pointer to --help on standard error, sets o->status to that of a
// usage error and returns it: "return options_error(&o, ...)".
int options_error(struct options *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// For what is not the fault of how it was called: without the pointer, and with a status of its
// own, which it returns.
int options_fail(struct options *o, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// As options_error(), about the value of the option just returned: names both. fmt says what is
// wanted instead. -EINVAL.
int options_bad_value(struct options *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
// o->arg as a decimal number from min to max. 0, or -EINVAL after options_error().
int options_number(struct options *o, uint64_t min, uint64_t max, uint64_t *ret_n);
// o->arg as a length of time in nanoseconds: "90s", "15m", "2h", "1h30m", "3d"; without a unit,
// seconds. From 1 second to max. 0, or -EINVAL after options_error().
int options_duration(struct options *o, uint64_t max, uint64_t *ret_ns);
// o->arg as one of words (NULL-terminated); its index, or -EINVAL after options_error().
int options_word(struct options *o, const char *const *words);

// The candidate that someone who typed word most likely meant; NULL when none is near.
// at(ctx, i) gives the i-th candidate, NULL behind the last.
const char *options_nearest(const char *word, const char *(*at)(const void *ctx, size_t i),
                            const void *ctx);
