// SPDX-License-Identifier: Apache-2.0
#include "profile_from_session.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "archive.h"
#include "capability.h"
#include "cli.h"
#include "display.h"
#include "log_filter.h"
#include "options.h"
#include "util.h"

#define GENERAL_FILES 2 /* allowed files that stand for their directory */
#define GENERAL_PORTS 2 /* allowed ports of a host that stand for all of them */

enum { OPT_GENERALISE = OPTIONS_LONG, OPT_DB };

static const struct option_row from_rows[] = {
    {OPT_GENERALISE, "generalise", NULL, "directories for files in them, hosts for their ports"},
    {OPT_DB, "db", "FILE", "the record; repeat: all of them"},
    LOG_FILTER_ROWS,
    {0},
};

static const struct options_help from_help = {
    .synopsis = "nono profile from-session [SESSION...] [options]",
    .about = "Prints a profile that allows what people allowed in the sessions (the newest one)\n"
             "and denies what they denied. Read it before you use it.",
    .rows = from_rows,
};

// What no profile says exactly.
enum left {
    LEFT_DIRECTORY,
    LEFT_NEW,
    LEFT_ENTRY,
    LEFT_META,
    LEFT_REACH,
    LEFT_PROGRAM,
    LEFT_NAMELESS,
    _LEFT_MAX,
};

static const char *const left_words[] = {
    [LEFT_DIRECTORY] = "a directory itself",
    [LEFT_NEW] = "something new",
    [LEFT_ENTRY] = "to remove, rename or link",
    [LEFT_META] = "to change attributes",
    [LEFT_REACH] = "a directory without those below it",
    [LEFT_PROGRAM] = "for one program",
    [LEFT_NAMELESS] = "no path or port",
};

// No directory and no host stands for these.
#define LEFT_ALWAYS (1u << LEFT_PROGRAM | 1u << LEFT_NAMELESS)
// Beside these an entry gives what else was allowed.
#define LEFT_BESIDE (1u << LEFT_ENTRY | 1u << LEFT_META)

enum place { PLACE_OBJECT, PLACE_DIR, PLACE_PEER, PLACE_SOCKET, PLACE_PORT };

struct entry {
    char *name; /* path, host:port, or port; owned */
    enum place place;
    unsigned access; /* that was allowed, as far as a profile says exactly that */
    unsigned wide;   /* what a directory would have to give for all that was allowed */
    unsigned left;   /* bits 1 << enum left: what else was allowed */
    bool denied;     /* somebody refused it, if only once */
    bool directory;  /* one that was there */
    bool odd;        /* no clean text: there is no way into JSON */
    bool covered;    /* by the entry of a directory, or of all ports */
};

struct from {
    struct options o;
    struct archive archive;
    struct log_filter filter;
    bool generalise;
    struct entry *entries;
    size_t n, room;
    struct err *err;
};

static struct entry *
entry_of(struct from *f, const char *name, enum place place)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->entries[i].place == place && strcmp(f->entries[i].name, name) == 0)
            return &f->entries[i];
    if (f->n == f->room) {
        f->room = f->room ? f->room * 2 : 64;
        f->entries = xrealloc(f->entries, f->room * sizeof *f->entries);
    }
    f->entries[f->n] = (struct entry){
        .name = xstrdup(name), .place = place, .odd = display_is_odd(name, strlen(name))};
    return &f->entries[f->n++];
}

static struct entry *
note(struct from *f, const char *name, enum place place, unsigned access, unsigned left,
     enum verdict verdict)
{
    struct entry *e = entry_of(f, name, place);
    if (verdict != VERDICT_ALLOW) {
        e->denied = true;
        return e;
    }
    e->access |= left ? 0 : access;
    e->wide |= access;
    e->left |= left;
    return e;
}

// The right to write is more than that to remove, to rename or to change attributes.
static unsigned
left_of(const struct event_row *row)
{
    bool entry = row->op == OP_DELETE || row->op == OP_RENAME || row->op == OP_LINK;
    return (entry ? 1u << LEFT_ENTRY : 0) | (row->op == OP_META ? 1u << LEFT_META : 0) |
           (row->op == OP_CREATE || row->op == OP_MKDIR ? 1u << LEFT_NEW : 0) |
           (row->only_exe ? 1u << LEFT_PROGRAM : 0);
}

static void
note_object(struct from *f, const char *path, const struct object *o, unsigned access,
            const struct event_row *row)
{
    bool directory = o->exists && S_ISDIR(o->mode);
    unsigned left =
        left_of(row) | (directory ? 1u << LEFT_DIRECTORY : 0) | (o->exists ? 0 : 1u << LEFT_NEW);
    if (path && path[0])
        note(f, path, PLACE_OBJECT, access, left, row->verdict)->directory |= directory;
}

static void
note_socket(struct from *f, const struct event_row *row)
{
    bool bind = row->op == OP_BIND, peer = row->port >= 0;
    const char *name = row->resolved ? row->resolved : "";
    cleanup_free char *port = xasprintf("%d", row->port);
    unsigned left = left_of(row);
    if (bind && peer)
        note(f, port, PLACE_PORT, ACCESS_READ, left | (row->port ? 0 : 1u << LEFT_NAMELESS),
             row->verdict);
    else if (name[0])
        note(f, name, peer ? PLACE_PEER : PLACE_SOCKET, ACCESS_READ | (bind ? ACCESS_WRITE : 0),
             left | (peer || name[0] == '/' ? 0 : 1u << LEFT_NAMELESS), row->verdict);
}

// A grant beyond the object names its directory itself.
static void
note_dir(struct from *f, const struct event_row *row)
{
    unsigned left = left_of(row) | (row->reach == REACH_SUBTREE ? 0 : 1u << LEFT_REACH);
    // Whoever may write to all of a directory may do everything there.
    if (row->op == OP_CREATE)
        left &= ~(1u << LEFT_NEW);
    if (row->resolved && row->resolved[0])
        note(f, row->resolved, PLACE_DIR, row->access, left, row->verdict);
}

static int
add_decision(void *ctx, struct archive_session *s, const struct event_row *row)
{
    struct from *f = ctx;
    bool person = row->kind == KIND_GRANT || row->by == DECIDER_USER;
    if (!person || (row->verdict != VERDICT_ALLOW && row->verdict != VERDICT_DENY))
        return 0;
    if (row->op == OP_CONNECT || row->op == OP_BIND || row->op == OP_SEND) {
        note_socket(f, row);
        return 0;
    }
    cleanup_request struct request *r = NULL;
    int ret = reader_request(f->archive.readers[s->reader], s->id, row->request, &r, f->err);
    if (ret < 0 || !r)
        return ret;
    if (row->kind == KIND_GRANT && row->reach != REACH_OBJECT) {
        note_dir(f, row);
        return 0;
    }
    note_object(f, r->resolved, &r->object, r->access ? r->access : ACCESS_READ, row);
    note_object(f, r->resolved2, &r->object2, ACCESS_WRITE, row);
    return 0;
}

// --- directories ------------------------------------------------------------------------------

static bool
denied_below(const struct from *f, const char *dir)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->entries[i].denied && f->entries[i].place <= PLACE_DIR &&
            path_is_below(f->entries[i].name, dir))
            return true;
    return false;
}

// The directory that is to be allowed for the entry; a new string, NULL for none. One that was read
// is that itself; to remove or to rename it is to write to the one that it is in.
static char *
dir_of(const struct entry *e)
{
    const char *slash = strrchr(e->name, '/');
    if (e->place != PLACE_OBJECT || !slash || slash == e->name)
        return NULL;
    return e->directory && !(e->wide & ACCESS_WRITE) ? xstrdup(e->name)
                                                     : xstrndup(e->name, (size_t)(slash - e->name));
}

// What was given for a directory, but for one thing in it, or only for what lies directly there.
static void
generalise_grants(struct from *f)
{
    for (size_t i = 0; i < f->n; i++) {
        struct entry *e = &f->entries[i];
        if (e->place != PLACE_DIR || e->denied || e->left & LEFT_ALWAYS || denied_below(f, e->name))
            continue;
        e->access = e->wide;
        e->left = 0;
    }
}

// Replaces what lies in one directory by it, unless that would allow what somebody denied.
static void
generalise(struct from *f)
{
    size_t n = f->n;
    for (size_t i = 0; i < n; i++) {
        cleanup_free char *dir = dir_of(&f->entries[i]);
        size_t same = 0;
        unsigned access = 0, left = 0;
        if (!dir || f->entries[i].covered || f->entries[i].denied || denied_below(f, dir))
            continue;
        for (size_t k = 0; k < n; k++) {
            cleanup_free char *other = dir_of(&f->entries[k]);
            if (!other || strcmp(other, dir) != 0 || f->entries[k].left & LEFT_ALWAYS)
                continue;
            same++;
            access |= f->entries[k].wide;
            left |= f->entries[k].left;
        }
        if (same < GENERAL_FILES && !left)
            continue;
        // What lies deeper may have been allowed more.
        for (size_t k = 0; k < n; k++)
            if (f->entries[k].place == PLACE_OBJECT && path_is_below(f->entries[k].name, dir) &&
                (f->entries[k].wide & ~access) == 0)
                f->entries[k].covered = true;
        entry_of(f, dir, PLACE_DIR)->access |= access;
    }
}

// The length of the host in "host:port"; 0 when it is none.
static size_t
host_len(const struct entry *e)
{
    const char *colon = e->place == PLACE_PEER ? strrchr(e->name, ':') : NULL;
    return colon ? (size_t)(colon - e->name) : 0;
}

static bool
same_host(const struct entry *a, const struct entry *b)
{
    size_t n = host_len(a);
    return n && n == host_len(b) && strncmp(a->name, b->name, n) == 0;
}

// Replaces several ports of one host by all of them, unless one was denied.
static void
generalise_ports(struct from *f)
{
    size_t n = f->n;
    for (size_t i = 0; i < n; i++) {
        size_t same = 0;
        bool refused = false;
        if (!host_len(&f->entries[i]) || f->entries[i].covered || f->entries[i].odd)
            continue;
        for (size_t k = 0; k < n; k++) {
            if (!same_host(&f->entries[i], &f->entries[k]))
                continue;
            same++;
            refused |= f->entries[k].denied || f->entries[k].left;
        }
        if (refused || same < GENERAL_PORTS)
            continue;
        for (size_t k = 0; k < n; k++)
            f->entries[k].covered |= same_host(&f->entries[i], &f->entries[k]);
        cleanup_free char *all =
            xasprintf("%.*s:*", (int)host_len(&f->entries[i]), f->entries[i].name);
        entry_of(f, all, PLACE_PEER)->access = ACCESS_READ;
    }
}

// --- output -----------------------------------------------------------------------------------

static bool
is_given(const struct entry *e, enum place place, unsigned access, bool denied)
{
    return e->place == place && !e->covered && !e->odd && e->denied == denied &&
           (denied || (e->access == access && !(e->left & ~LEFT_BESIDE)));
}

// "key": [ ... ], with what entries there are; nothing without any.
static void
print_list(const struct from *f, const char *key, enum place place, unsigned access, bool denied,
           bool *first)
{
    size_t printed = 0;
    for (size_t i = 0; i < f->n; i++) {
        if (!is_given(&f->entries[i], place, access, denied))
            continue;
        const char *name = f->entries[i].name;
        json_t *text = place == PLACE_PORT ? json_integer(atoi(name)) : json_string(name);
        cleanup_free char *quoted = text ? json_dumps(text, JSON_ENCODE_ANY) : NULL;
        json_decref(text);
        if (!quoted)
            continue;
        if (printed++ == 0)
            printf("%s        \"%s\": [", *first ? "" : ",\n", key);
        printf("%s\n            %s", printed > 1 ? "," : "", quoted);
    }
    if (printed) {
        fputs("\n        ]", stdout);
        *first = false;
    }
}

static void
print_left(const struct from *f, const struct entry *e)
{
    cleanup_free char *shown = display_str(e->name, 0), *dir = dir_of(e);
    if (e->covered || (!e->odd && (e->denied || !e->left)))
        return;
    if (e->odd) {
        printf("    // Left out: %s (%s; no clean text)\n", shown,
               e->denied ? "was denied" : "was allowed");
        return;
    }
    printf("    // Left out: %s", shown);
    for (int i = 0, n = 0; i < _LEFT_MAX; i++)
        if (e->left & 1u << i)
            printf("%s%s", n++ ? ", " : " (", left_words[i]);
    bool always = e->left & LEFT_ALWAYS;
    const char *above = e->place == PLACE_DIR ? e->name : dir;
    if (!always && above && denied_below(f, above))
        printf("; something in %s was denied)\n", e->place == PLACE_DIR ? "it" : "its directory");
    else
        puts(always || f->generalise ? ")" : "); --generalise");
}

static void
print_profile(const struct from *f)
{
    const unsigned rw = ACCESS_READ | ACCESS_WRITE;
    bool first = true;
    puts("{\n    // What was allowed and denied in a session; made by nono profile from-session.");
    for (size_t i = 0; i < f->n; i++)
        print_left(f, &f->entries[i]);
    puts("    \"extends\": \"default\",\n    \"filesystem\": {");
    print_list(f, "read", PLACE_DIR, ACCESS_READ, false, &first);
    print_list(f, "write", PLACE_DIR, ACCESS_WRITE, false, &first);
    print_list(f, "allow", PLACE_DIR, rw, false, &first);
    print_list(f, "read_file", PLACE_OBJECT, ACCESS_READ, false, &first);
    print_list(f, "write_file", PLACE_OBJECT, ACCESS_WRITE, false, &first);
    print_list(f, "allow_file", PLACE_OBJECT, rw, false, &first);
    print_list(f, "unix_socket", PLACE_SOCKET, ACCESS_READ, false, &first);
    print_list(f, "unix_socket_bind", PLACE_SOCKET, rw, false, &first);
    print_list(f, "deny", PLACE_OBJECT, 0, true, &first);
    puts(first ? "    },\n    \"network\": {" : "\n    },\n    \"network\": {");
    first = true;
    print_list(f, "allow_connect", PLACE_PEER, ACCESS_READ, false, &first);
    print_list(f, "listen_port", PLACE_PORT, ACCESS_READ, false, &first);
    puts(first ? "    }\n}" : "\n    }\n}");
}

static int
run(struct from *f)
{
    cleanup_err struct err err = {0};
    f->err = &err;
    int status = archive_open(&f->archive);
    if (status || !f->archive.sessions_n)
        return status;
    // Denials count whoever asks for less: a filter by verdict would make the profile wider.
    f->filter.f.verdicts = 0;
    f->filter.f.kinds = 1u << KIND_DECISION | 1u << KIND_GRANT;
    if (archive_events(&f->archive, &f->filter.f, add_decision, f, &err) < 0)
        return archive_failed(&f->archive, &err);
    if (f->generalise) {
        generalise_grants(f);
        generalise(f);
        generalise_ports(f);
    }
    print_profile(f);
    return ferror(stdout) ? EXIT_FAILURE : 0;
}

int
profile_from_session(int argc, char **argv)
{
    struct from f = {0};
    int c, status;
    options_init(&f.o, &from_help, argc, argv);
    f.archive.o = &f.o;
    while ((c = options_next(&f.o)) >= 0) {
        int r = 0;
        if (c == OPT_GENERALISE)
            f.generalise = true;
        else if (c == OPT_DB)
            archive_add_db(&f.archive, f.o.arg);
        else
            r = log_filter_option(&f.filter, &f.o, c);
        if (r < 0)
            break;
    }
    if (c == OPTIONS_END && log_filter_finish(&f.filter, &f.o) == 0) {
        archive_add_operands(&f.archive);
        if (!f.archive.specs_n)
            archive_add_spec(&f.archive, "@");
        status = run(&f);
    } else {
        status = f.o.status;
    }
    for (size_t i = 0; i < f.n; i++)
        free(f.entries[i].name);
    free(f.entries);
    archive_done(&f.archive);
    log_filter_done(&f.filter);
    return status;
}
