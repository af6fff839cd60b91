// SPDX-License-Identifier: Apache-2.0
#include "denial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "display.h"
#include "util.h"

// States of a pattern are bits: state i has matched the parts before i.
#define PARTS_MAX 63

void
denials_done(struct denials *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->rows[i].path);
        free(d->rows[i].parts);
        free(d->rows[i].pattern);
        free(d->rows[i].source);
    }
    path_index_done(&d->index);
    free(d->rows);
    *d = (struct denials){0};
}

// --- from a path to the names it stands for ----------------------------------------------------

// Appends the components of rest to the canonical path at, by their words.
static char *
append_words(char *at, const char *rest)
{
    while (*rest) {
        rest += strspn(rest, "/");
        size_t n = strcspn(rest, "/");
        char *slash = strrchr(at, '/');
        if (n == 2 && strncmp(rest, "..", 2) == 0)
            slash[slash == at] = 0;
        else if (n && !(n == 1 && rest[0] == '.')) {
            char *longer = xasprintf("%s/%.*s", at[1] ? at : "", (int)n, rest);
            free(at);
            at = longer;
        }
        rest += n;
    }
    return at;
}

char *
path_absolute(const char *path)
{
    cleanup_free char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
    return cwd ? xasprintf("%s/%s", strcmp(cwd, "/") ? cwd : "", path) : xstrdup(path);
}

char *
path_canonical(const char *path)
{
    cleanup_free char *head = xstrdup(path);
    char *real = NULL;
    size_t len = strlen(head);
    while (len && !(real = realpath(head, NULL))) {
        while (len && head[len - 1] != '/')
            len--;
        while (len && head[len - 1] == '/')
            len--;
        head[len] = 0;
    }
    return append_words(real ? real : xstrdup("/"), path + len);
}

// The same without following a link in the last component.
static char *
canonical_name(const char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    size_t leaf = len;
    while (leaf && path[leaf - 1] != '/')
        leaf--;
    cleanup_free char *name = xstrndup(path + leaf, len - leaf);
    if (name[0] == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return path_canonical(path);
    cleanup_free char *dir = xstrndup(path, leaf);
    return append_words(path_canonical(dir), name);
}

// Where the link at path (canonical but for its last component) leads; NULL when it is none.
static char *
link_target(const char *path)
{
    char target[NONO_PATH_MAX];
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n <= 0)
        return NULL;
    target[n] = 0;
    if (target[0] == '/')
        return xstrdup(target);
    return xasprintf("%.*s/%s", (int)(strrchr(path, '/') - path), path, target);
}

const char *
source_gap(const char *source)
{
    return source[0] == '-' ? " " : ": ";
}

const char *
path_in_process(const char *path, pid_t pid)
{
    char own[32];
    size_t n = (size_t)snprintf(own, sizeof own, "/proc/%d", (int)pid);
    if (strncmp(path, own, n) != 0 || (path[n] && path[n] != '/'))
        return NULL;
    const char *rest = path + n, *thread = rest + strlen("/task/");
    if (strncmp(rest, "/task/", strlen("/task/")) == 0 && strspn(thread, "0123456789"))
        rest = thread + strspn(thread, "0123456789");
    return rest;
}

// --- adding ------------------------------------------------------------------------------------

// What was "/proc/self" is our own entry by now: what a process of the sandbox would be refused is
// that entry of each, and of each thread. The caller frees it; NULL: path is none of these.
static char *
pattern_of_processes(const char *path, const char *pattern)
{
    const char *rest = path_in_process(path, getpid());
    return rest ? xasprintf("[0-9]*%s%s%s%s", *rest || pattern ? "/**" : "", rest,
                            pattern ? "/" : "", pattern ? pattern : "")
                : NULL;
}

// Takes path over.
static void
append(struct denials *d, char *path, const char *pattern, const char *source)
{
    cleanup_free char *processes = source ? pattern_of_processes(path, pattern) : NULL;
    if (processes) {
        free(path);
        path = xstrdup("/proc");
        pattern = processes;
    }
    d->rows = xrealloc(d->rows, (d->n + 1) * sizeof *d->rows);
    struct denial *row = &d->rows[d->n++];
    *row = (struct denial){
        .path = path, .len = strlen(path), .pattern = xstrdup(pattern), .source = xstrdup(source)};
    path_index_add(&d->index, path, d->n - 1);
    struct stat st;
    if (!pattern && lstat(path, &st) == 0 && !S_ISLNK(st.st_mode)) {
        row->dev = st.st_dev;
        row->ino = st.st_ino;
        d->n_objects += source || (!S_ISDIR(st.st_mode) && st.st_nlink > 1);
    }
    for (const char *p = row->pattern; p && *p;) {
        p += strspn(p, "/");
        size_t n = strcspn(p, "/");
        if (n) {
            row->parts = xrealloc(row->parts, (row->n_parts + 1) * sizeof *row->parts);
            row->parts[row->n_parts++] = (struct glob_part){p, n};
        }
        p += n;
    }
    // Too many are too many here only: all of each process.
    if (processes && row->n_parts > PARTS_MAX)
        row->n_parts = 1;
}

// What path names, and where links lead from there: what is made through a link that leads to
// nothing yet appears at its end.
static void
append_names(struct denials *d, const char *path, const char *pattern, const char *source)
{
    cleanup_free char *at = xstrdup(path);
    for (int i = 0; i < NONO_SYMLINKS_MAX; i++) {
        char *name = canonical_name(at);
        char *target = link_target(name);
        append(d, name, pattern, source);
        if (!target)
            return;
        free(at);
        at = target;
    }
}

// Where the first component with a pattern starts, from i on; the end of path when there is none.
static size_t
pattern_start(const char *path, size_t i)
{
    while (path[i]) {
        size_t slashes = strspn(path + i, "/"), n = strcspn(path + i + slashes, "/");
        if (glob_is_pattern(path + i + slashes, n))
            return i + slashes;
        i += slashes + n;
    }
    return i;
}

// What is wrong with it; NULL when nothing is.
static const char *
pattern_fault(const char *pattern)
{
    size_t parts = 0;
    for (const char *p = pattern; *p;) {
        p += strspn(p, "/");
        size_t n = strcspn(p, "/");
        parts += n > 0;
        if (n && n <= 2 && strncmp(p, "..", n) == 0)
            return "no \".\" or \"..\" behind a pattern";
        if (parts > PARTS_MAX)
            return "too many parts";
        const char *fault = glob_fault(p, n);
        if (fault)
            return fault;
        p += n;
    }
    return NULL;
}

// A pattern is about names: a match that is a link, or has other names, is refused as what it is.
// Without following links, so that what the walk takes is bounded by the directories.
static int
append_matches(struct denials *d, const struct denial *pattern, size_t part, const char *dir)
{
    DIR *at = opendir(dir);
    int ret = 0;
    for (struct dirent *e; ret == 0 && at && (e = readdir(at));) {
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            !glob_matches(pattern->parts[part], e->d_name, strlen(e->d_name)) ||
            fstatat(dirfd(at), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        cleanup_free char *path = xasprintf("%s/%s", strcmp(dir, "/") ? dir : "", e->d_name);
        bool last = part + 1 == pattern->n_parts;
        if (!last && S_ISDIR(st.st_mode))
            ret = append_matches(d, pattern, part + 1, path);
        else if (last && d->n + NONO_SYMLINKS_MAX > NONO_DENIALS_MAX)
            ret = -E2BIG;
        else if (last && (S_ISLNK(st.st_mode) || (!S_ISDIR(st.st_mode) && st.st_nlink > 1)))
            append_names(d, path, NULL, pattern->source);
    }
    if (at)
        closedir(at);
    return ret;
}

// "**/NAME": a name at any depth, which is no pattern itself.
static bool
is_bare_name(const struct denial *d)
{
    return d->n_parts == 2 && glob_is_any(d->parts[0]) &&
           !glob_is_pattern(d->parts[1].text, d->parts[1].len);
}

// What the pattern matches already. Behind "**" that could be a whole tree: only what lies where it
// begins is looked at then.
static int
append_present(struct denials *d, const struct denial *pattern)
{
    size_t start = glob_is_any(pattern->parts[0]) && pattern->n_parts > 1;
    for (size_t i = start; i < pattern->n_parts; i++)
        if (glob_is_any(pattern->parts[i]))
            return 0;
    if (!is_bare_name(pattern))
        return append_matches(d, pattern, start, pattern->path);
    struct glob_part name = pattern->parts[1];
    struct stat st;
    cleanup_free char *path =
        xasprintf("%s/%.*s", pattern->len > 1 ? pattern->path : "", (int)name.len, name.text);
    if (lstat(path, &st) < 0)
        return 0;
    if (d->n + NONO_SYMLINKS_MAX > NONO_DENIALS_MAX)
        return -E2BIG;
    append_names(d, path, NULL, pattern->source);
    return 0;
}

static int
append_pattern(struct denials *d, const char *dir, const char *pattern, const char *source)
{
    size_t first = d->n, n;
    int ret = 0;
    append_names(d, dir, pattern, source);
    n = d->n;
    for (size_t i = first; i < n && ret == 0; i++) {
        struct denial row = d->rows[i]; // the rows may move, what they point to does not
        ret = append_present(d, &row);
    }
    return ret;
}

// Length of the "**/" before a pattern that a name at any depth must match, 0 when that is not all
// there is.
static size_t
any_depth(const char *pattern)
{
    size_t n = strncmp(pattern, "**/", 3) == 0 ? 2 + strspn(pattern + 2, "/") : 0;
    const char *name = pattern + n;
    return strchr(name, '/') || !glob_is_pattern(name, strlen(name)) ? 0 : n;
}

// "[id].tsx" may be a pattern and a name at once. The path of what is there by that name; NULL when
// nothing is. The caller frees it.
static char *
path_as_name(const char *whole, size_t start)
{
    struct stat st;
    const char *name = whole + start + any_depth(whole + start);
    cleanup_free char *path = xasprintf("%.*s%s", (int)start, whole, name);
    return !*name || lstat(path, &st) == 0 ? steal_pointer(&path) : NULL;
}

int
denials_add(struct denials *d, const char *path, size_t fixed, const char *source, struct err *err)
{
    cleanup_free char *whole = path_absolute(path);
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    if (!path[0] || whole[0] != '/')
        return err_set(err, -EINVAL, "%s%s%s: not a path", source, source_gap(source), shown);
    size_t start = pattern_start(whole, fixed + strlen(whole) - strlen(path));
    if (d->n + 2 * NONO_SYMLINKS_MAX > NONO_DENIALS_MAX)
        return err_set(err, -E2BIG, "%s%s%s: more than %d denials", source, source_gap(source),
                       shown, NONO_DENIALS_MAX - 2 * NONO_SYMLINKS_MAX);
    cleanup_free char *name = path_as_name(whole, start);
    const char *fault = pattern_fault(whole + start);
    if (fault && !name)
        return err_set(err, -EINVAL, "%s%s%s: %s", source, source_gap(source), shown, fault);
    if (name)
        append_names(d, name, NULL, source);
    // Where it goes deeper, the bracket that is not closed is itself.
    if (!whole[start] || (fault && !any_depth(whole + start)))
        return 0;
    cleanup_free char *dir = xstrndup(whole, start);
    if (append_pattern(d, dir, whole + start, source) < 0)
        return err_set(err, -E2BIG, "%s%s%s: too many matches", source, source_gap(source), shown);
    return 0;
}

void
denials_add_name(struct denials *d, const char *path, const char *source)
{
    append(d, xstrdup(path), NULL, source);
}

// The first component of rest behind at, which is canonical. Takes at over.
static char *
step(char *at, const char *rest, size_t n)
{
    cleanup_free char *owned = at;
    if (n == 0 || (n == 1 && rest[0] == '.'))
        return steal_pointer(&owned);
    if (n == 2 && strncmp(rest, "..", 2) == 0)
        return xstrndup(at, strrchr(at, '/') ? (size_t)(strrchr(at, '/') - at) : 0);
    return xasprintf("%s/%.*s", at, (int)n, rest);
}

void
denials_protect(struct denials *d, const char *path)
{
    cleanup_free char *left = xstrdup(path), *at = xstrdup("");
    const char *rest = left;
    for (int links = 0; *(rest += strspn(rest, "/"));) {
        size_t n = strcspn(rest, "/"), before = strlen(at);
        at = step(at, rest, n);
        rest += n;
        cleanup_free char *target = strlen(at) > before ? link_target(at) : NULL;
        if (!target || ++links > NONO_SYMLINKS_MAX)
            continue;
        // I7: whoever could put another link here would decide where nono looks next time.
        append(d, xstrdup(at), NULL, NULL);
        char *longer = xasprintf("%s%s", target, rest);
        free(left);
        rest = left = longer;
        at[0] = 0;
    }
    append(d, xstrdup(at[0] ? at : "/"), NULL, NULL);
}

// --- judging -----------------------------------------------------------------------------------

// "**" may stand for nothing, but not when it comes last.
static uint64_t
with_skipped(const struct denial *d, uint64_t states)
{
    for (size_t i = 0; i + 1 < d->n_parts; i++)
        if (states >> i & 1 && glob_is_any(d->parts[i]))
            states |= (uint64_t)1 << (i + 1);
    return states;
}

// The states after the components of path (below d->path); the last bit alone once all matched.
static uint64_t
pattern_walk(const struct denial *d, const char *path)
{
    uint64_t states = with_skipped(d, 1), done = (uint64_t)1 << d->n_parts;
    for (;;) {
        path += strspn(path, "/");
        size_t n = strcspn(path, "/");
        if (n == 0 || states == 0)
            return states;
        uint64_t next = 0;
        for (size_t i = 0; i < d->n_parts; i++) {
            if (!(states >> i & 1))
                continue;
            if (glob_is_any(d->parts[i]))
                next |= (uint64_t)1 << i | (i + 1 == d->n_parts ? done : 0);
            else if (glob_matches(d->parts[i], path, n))
                next |= (uint64_t)1 << (i + 1);
        }
        if (next & done)
            return done;
        states = with_skipped(d, next);
        path += n;
    }
}

static bool
is_at_or_below(const char *path, const struct denial *d)
{
    if (d->len == 1)
        return true;
    return strncmp(path, d->path, d->len) == 0 && (path[d->len] == 0 || path[d->len] == '/');
}

static bool
is_above(const char *path, const struct denial *d)
{
    size_t len = strlen(path);
    if (len == 1)
        return d->len > 1;
    return len < d->len && d->path[len] == '/' && memcmp(path, d->path, len) == 0;
}

static const char *
below(const char *path, const struct denial *d)
{
    return path + (d->len > 1 ? d->len : 0);
}

enum denial_place
denial_place(const struct denial *d, const char *path, bool *ret_anywhere)
{
    *ret_anywhere = false;
    if (!is_at_or_below(path, d))
        return is_above(path, d) ? PLACE_ABOVE : PLACE_FREE;
    if (!d->n_parts)
        return PLACE_REFUSED;
    uint64_t states = pattern_walk(d, below(path, d));
    if (states >> d->n_parts)
        return PLACE_REFUSED;
    for (size_t i = 0; i < d->n_parts; i++)
        if (states >> i & 1 && glob_is_any(d->parts[i]))
            *ret_anywhere = true;
    return states ? PLACE_ABOVE : PLACE_FREE;
}

const struct denial *
denials_refuse(const struct denials *d, const char *path)
{
    size_t i;
    for (struct path_walk w = path_walk_start(&d->index, path); path_walk_next(&w, &i);) {
        const struct denial *row = &d->rows[i];
        if (!row->n_parts || pattern_walk(row, below(path, row)) >> row->n_parts)
            return row;
    }
    return NULL;
}

const struct denial *
denials_refuse_object(const struct denials *d, uint64_t dev, uint64_t ino)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->rows[i].ino && d->rows[i].ino == ino && d->rows[i].dev == dev)
            return &d->rows[i];
    return NULL;
}

enum denial_place
denials_place(const struct denials *d, const char *path, bool *ret_anywhere)
{
    enum denial_place strongest = PLACE_FREE;
    *ret_anywhere = false;
    for (size_t i = 0; i < d->n; i++) {
        bool anywhere;
        enum denial_place s = denial_place(&d->rows[i], path, &anywhere);
        if (s > strongest)
            strongest = s;
        *ret_anywhere |= anywhere;
    }
    return strongest;
}

const struct denial *
denials_hold(const struct denials *d, const char *from, bool is_dir, const char *to)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct denial *row = &d->rows[i];
        if (is_above(from, row))
            return row;
        if (!is_dir || !to || !row->n_parts || !is_at_or_below(from, row))
            continue;
        uint64_t here = pattern_walk(row, below(from, row));
        uint64_t there = is_at_or_below(to, row) ? pattern_walk(row, below(to, row)) : 0;
        if (here & ~there)
            return row;
    }
    return NULL;
}

char *
denial_describe(const struct denial *d)
{
    return d->pattern ? xasprintf("%s/%s", d->len > 1 ? d->path : "", d->pattern)
                      : xstrdup(d->path);
}
