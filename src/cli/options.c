// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "cli.h"
#include "clock.h"
#include "display.h"
#include "util.h"

#define WORD_MAX_LEN 64

struct table {
    struct option *longs;
    struct buf letters;
};

void
options_done(struct options *o)
{
    struct table *t = o->table;
    if (!t)
        return;
    free(t->longs);
    buf_done(&t->letters);
    free(t);
    o->table = NULL;
}

void
options_init(struct options *o, const struct options_help *help, int argc, char **argv)
{
    *o = (struct options){.help = help, .argc = argc, .argv = argv};
    size_t n = 0;
    while (help->rows[n].id)
        n++;
    struct table *t = xcalloc(1, sizeof *t);
    t->longs = xcalloc(n + 2, sizeof *t->longs);
    buf_puts(&t->letters, help->stop_at_operand ? "+:h" : ":h");
    for (size_t i = 0; i < n; i++) {
        const struct option_row *r = &help->rows[i];
        int has_arg = r->arg ? required_argument : no_argument;
        t->longs[i] = (struct option){.name = r->name, .has_arg = has_arg, .val = r->id};
        if (r->id < OPTIONS_LONG)
            buf_printf(&t->letters, "%c%s", r->id, r->arg ? ":" : "");
    }
    t->longs[n] = (struct option){.name = "help", .val = 'h'};
    o->table = t;
    opterr = 0;
    // 0, not 1: glibc then forgets the state of an earlier scan.
    optind = 0;
}

static void
put_name(struct buf *b, const struct option_row *r)
{
    if (r->id < OPTIONS_LONG)
        buf_printf(b, "  -%c, ", r->id);
    else
        buf_puts(b, "      ");
    buf_printf(b, "--%s%s%s", r->name, r->arg ? " " : "", r->arg ? r->arg : "");
}

// Several lines of help stand below each other.
static void
print_row(const struct option_row *r, int width)
{
    cleanup_buf struct buf b = {0};
    put_name(&b, r);
    const char *name = buf_str(&b), *line = r->help;
    for (size_t n; *line; line += n + (line[n] == '\n'), name = "") {
        n = strcspn(line, "\n");
        printf("%-*s  %.*s\n", width, name, (int)n, line);
    }
}

static int
names_width(const struct option_row *rows)
{
    size_t width = 0;
    for (const struct option_row *r = rows; r->id; r++) {
        cleanup_buf struct buf b = {0};
        put_name(&b, r);
        if (r->help && b.len > width)
            width = b.len;
    }
    return (int)width;
}

static void
print_help(const struct options_help *help)
{
    printf("usage: %s\n\n%s\n\n", help->synopsis, help->about);
    int width = names_width(help->rows);
    for (const struct option_row *r = help->rows; r->id; r++)
        if (r->help)
            print_row(r, width);
    print_row(&(struct option_row){'h', "help", NULL, "print this"}, width);
    if (help->more)
        printf("\n%s\n", help->more);
}

// Optimal string alignment: a swap of neighbours counts once, as typing errors go.
static unsigned
distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    if (la >= WORD_MAX_LEN || lb >= WORD_MAX_LEN)
        return WORD_MAX_LEN;
    unsigned row[3][WORD_MAX_LEN + 1];
    unsigned *before = row[0], *last = row[1], *now = row[2];
    for (size_t j = 0; j <= lb; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= la; i++) {
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= lb; j++) {
            unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        unsigned *t = before;
        before = last;
        last = now;
        now = t;
    }
    return last[lb];
}

const char *
options_nearest(const char *word, const char *(*at)(const void *ctx, size_t i), const void *ctx)
{
    const char *best = NULL, *candidate;
    size_t len = strlen(word);
    // A third of the word may be wrong: more finds words that have nothing to do with it.
    unsigned least = (unsigned)(len < 3 ? 1 : len < 9 ? 2 : len / 3) + 1;
    for (size_t i = 0; (candidate = at(ctx, i)); i++) {
        unsigned d = distance(word, candidate);
        if (d < least) {
            least = d;
            best = candidate;
        }
    }
    for (size_t i = 0; !best && len >= 3 && (candidate = at(ctx, i)); i++) {
        if (strncmp(candidate, word, len) == 0)
            best = candidate;
    }
    return best;
}

static const char *
row_name(const void *ctx, size_t i)
{
    const struct option *longs = ctx;
    return longs[i].name;
}

// How long the first two words of the synopsis are: "nono run".
static int
command_len(const struct options *o)
{
    const char *end = strchr(o->help->synopsis, ' ');
    end = end ? end + 1 + strcspn(end + 1, " ") : strchr(o->help->synopsis, 0);
    return (int)(end - o->help->synopsis);
}

static int
say(struct options *o, int status, const char *fmt, va_list ap)
{
    char text[512];
    if (o->said) {
        vsnprintf(text, sizeof text, fmt, ap);
        buf_puts(o->said, text);
        return o->status = status;
    }
    fprintf(stderr, "%.*s: ", command_len(o), o->help->synopsis);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    options_done(o);
    return o->status = status;
}

int
options_error(struct options *o, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(o, o->help->usage_status ? o->help->usage_status : EXIT_USAGE, fmt, ap);
    va_end(ap);
    if (!o->said)
        fprintf(stderr, "Try '%.*s --help'.\n", command_len(o), o->help->synopsis);
    return o->status;
}

int
options_fail(struct options *o, int status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(o, status, fmt, ap);
    va_end(ap);
    return status;
}

int
options_bad_value(struct options *o, const char *fmt, ...)
{
    char why[512];
    cleanup_free char *shown = display_str(o->arg, DISPLAY_QUOTE);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    options_error(o, "--%s %s: %s", o->row->name, *shown ? shown : "''", why);
    return -EINVAL;
}

static void
reject_long(struct options *o, const char *given)
{
    const struct table *t = o->table;
    cleanup_free char *name = xstrndup(given + 2, strcspn(given + 2, "="));
    cleanup_free char *shown = display_str(name, 0);
    const char *near = options_nearest(name, row_name, t->longs);
    if (near)
        options_error(o, "'--%s' is not an option; did you mean '--%s'?", shown, near);
    else
        options_error(o, "'--%s' is not an option", shown);
}

static const struct option_row *
row_of(const struct options *o, int id)
{
    const struct option_row *r = o->help->rows;
    while (r->id && r->id != id)
        r++;
    return r;
}

static void
reject(struct options *o, int c, int option)
{
    const struct option_row *r = row_of(o, option);
    const char *given = optind > 0 && optind <= o->argc ? o->argv[optind - 1] : "";
    if (c == ':' && r->id)
        options_error(o, "option '--%s' needs an argument (%s)", r->name, r->arg);
    else if (option == 0 && strncmp(given, "--", 2) == 0)
        reject_long(o, given);
    else if (r->id)
        options_error(o, "option '--%s' takes no argument", r->name);
    else if (option == 'h')
        options_error(o, "option '--help' takes no argument");
    else if (option > ' ' && option < 127)
        options_error(o, "'-%c' is not an option", option);
    else
        options_error(o, "'-\\x%02x' is not an option", (unsigned)option & 0xff);
}

// The shell expands "--db ~/x", not "--db=~/x": nobody means a file called "~".
static bool
is_unexpanded_home(struct options *o)
{
    const char *what = o->row->arg;
    size_t n = what ? strlen(what) : 0;
    bool file = n >= 4 && strcmp(what + n - 4, "FILE") == 0;
    if (!file || o->arg[0] != '~' || (o->arg[1] && o->arg[1] != '/'))
        return false;
    options_bad_value(o, "the shell has left the ~ as it is: a space before it, or $HOME");
    return true;
}

int
options_next(struct options *o)
{
    struct table *t = o->table;
    if (!t)
        return OPTIONS_STOP;
    // getopt_long(3) leaves optopt alone when a long option is unknown.
    optopt = 0;
    int c = getopt_long(o->argc, o->argv, buf_str(&t->letters), t->longs, NULL);
    o->arg = optarg;
    switch (c) {
    case -1:
        o->index = optind;
        options_done(o);
        return OPTIONS_END;
    case 'h':
        print_help(o->help);
        options_done(o);
        o->status = 0;
        return OPTIONS_STOP;
    case '?':
    case ':':
        reject(o, c, optopt);
        return OPTIONS_STOP;
    default:
        o->row = row_of(o, c);
        return is_unexpanded_home(o) ? OPTIONS_STOP : c;
    }
}

int
options_number(struct options *o, uint64_t min, uint64_t max, uint64_t *ret_n)
{
    const char *s = o->arg;
    char *end;
    errno = 0;
    uint64_t n = strtoull(s, &end, 10);
    if (*s < '0' || *s > '9' || *end || errno || n < min || n > max) {
        return options_bad_value(o, "not a number from %llu to %llu", (unsigned long long)min,
                                 (unsigned long long)max);
    }
    *ret_n = n;
    return 0;
}

static bool
parse_duration(const char *s, uint64_t max, uint64_t *ret_ns)
{
    static const char units[] = "smhd";
    static const uint64_t seconds[] = {1, 60, 3600, 86400};
    uint64_t sum = 0;
    do {
        char *end;
        errno = 0;
        uint64_t n = strtoull(s, &end, 10);
        const char *unit = *end ? strchr(units, *end) : units;
        if (*s < '0' || *s > '9' || errno || !unit || n > max / NS_PER_SEC)
            return false;
        sum += n * seconds[unit - units] * NS_PER_SEC;
        if (n > max / NS_PER_SEC / seconds[unit - units] || sum > max)
            return false;
        s = *end ? end + 1 : end;
    } while (*s);
    *ret_ns = sum;
    return sum > 0;
}

int
options_duration(struct options *o, uint64_t max, uint64_t *ret_ns)
{
    if (parse_duration(o->arg, max, ret_ns))
        return 0;
    return options_bad_value(o,
                             "not a length of time: 90s, 15m, 2h, 1h30m or 3d, %llu days at most",
                             (unsigned long long)(max / NS_PER_SEC / 86400));
}

static const char *
word_at(const void *ctx, size_t i)
{
    const char *const *words = ctx;
    return words[i];
}

int
options_word(struct options *o, const char *const *words)
{
    cleanup_buf struct buf list = {0};
    for (int i = 0; words[i]; i++) {
        if (strcmp(o->arg, words[i]) == 0)
            return i;
        buf_printf(&list, "%s%s", i ? ", " : "", words[i]);
    }
    const char *near = options_nearest(o->arg, word_at, words);
    return options_bad_value(o, "not one of %s%s%s%s", buf_str(&list),
                             near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}
