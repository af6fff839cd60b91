// SPDX-License-Identifier: Apache-2.0
#include "capability.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "buf.h"
#include "display.h"
#include "util.h"

bool
path_is_below(const char *path, const char *root)
{
    size_t n = strlen(root);
    if (n == 1 && root[0] == '/')
        return true;
    return strncmp(path, root, n) == 0 && (path[n] == 0 || path[n] == '/');
}

void
capability_set_done(struct capability_set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->caps[i].path);
        free(s->caps[i].source);
    }
    denials_done(&s->denials);
    path_index_done(&s->index);
    free(s->caps);
    *s = (struct capability_set){0};
}

#define OWN_ENTRY "/proc/self"

// Takes path over.
static struct capability *
capability_append(struct capability_set *s, enum capability_kind kind, unsigned access, char *path,
                  const char *source)
{
    // "/proc/self" has become this process, which is nobody's to look into.
    const char *rest = path_in_process(path, getpid());
    if (rest) {
        char *own = xasprintf(OWN_ENTRY "%s", rest);
        free(path);
        path = own;
    }
    s->caps = xrealloc(s->caps, (s->n + 1) * sizeof *s->caps);
    s->caps[s->n] = (struct capability){.kind = kind,
                                        .access = access,
                                        .path = path,
                                        .len = strlen(path),
                                        .source = xstrdup(source)};
    path_index_add(&s->index, path, s->n);
    return &s->caps[s->n++];
}

static int
too_many(const char *source, struct err *err)
{
    return err_set(err, -E2BIG, "%s: more than %d capabilities", source, NONO_CAPABILITIES_MAX);
}

int
capability_add_path(struct capability_set *s, enum capability_kind kind, unsigned access,
                    const char *path, const char *source, struct err *err)
{
    struct stat st;
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    // The kernel's own errno: realpath(3) would go by the first component that is missing.
    cleanup_free char *real = stat(path, &st) == 0 ? realpath(path, NULL) : NULL;
    if (!real) {
        int error = errno;
        return err_set(err, -error, "%s%s%s: %s", source, source_gap(source), shown,
                       strerror(error));
    }
    if (kind == CAPABILITY_SUBTREE && !S_ISDIR(st.st_mode))
        return err_set(err, -ENOTDIR, "%s%s%s: not a directory (for one file: %s)", source,
                       source_gap(source), shown,
                       access == ACCESS_READ    ? "--read-file"
                       : access == ACCESS_WRITE ? "--write-file"
                                                : "--allow-file");
    if (kind == CAPABILITY_FILE && S_ISDIR(st.st_mode))
        return err_set(err, -EISDIR, "%s%s%s: is a directory (for a whole directory: %s)", source,
                       source_gap(source), shown,
                       access == ACCESS_READ    ? "--read"
                       : access == ACCESS_WRITE ? "--write"
                                                : "--allow");
    if (s->n >= NONO_CAPABILITIES_MAX)
        return too_many(source, err);
    struct capability *c = capability_append(s, kind, access, steal_pointer(&real), source);
    // Programs inside the readable directories may be run (--exec allow).
    c->exec = access & ACCESS_READ;
    return 0;
}

// What a profile makes readable there holds no programs, and devices want their ioctl(2).
static void
adjust_present(struct capability *c)
{
    static const char *const data[] = {"/etc", "/proc", "/sys", "/dev"};
    for (size_t i = 0; i < ARRAY_SIZE(data); i++)
        if (path_is_below(c->path, data[i]))
            c->exec = false;
    c->device = strncmp(c->path, "/dev/", 5) == 0 && strcmp(c->path, "/dev/shm") != 0;
}

static bool
is_known(const struct capability_set *s, unsigned access, const char *path)
{
    size_t row;
    for (struct path_walk w = path_walk_start(&s->index, path); path_walk_next(&w, &row);)
        if (s->caps[row].access == access && !path[s->caps[row].len])
            return true;
    return false;
}

int
capability_add_present(struct capability_set *s, unsigned access, const char *path,
                       const char *source, struct err *err)
{
    struct stat st;
    cleanup_free char *real = realpath(path, NULL);
    if (!real || stat(real, &st) < 0 || is_known(s, access, real))
        return 0;
    if (s->n >= NONO_CAPABILITIES_MAX)
        return too_many(source, err);
    struct capability *c =
        capability_append(s, S_ISDIR(st.st_mode) ? CAPABILITY_SUBTREE : CAPABILITY_FILE, access,
                          steal_pointer(&real), source);
    c->exec = access & ACCESS_READ;
    adjust_present(c);
    return 0;
}

int
capability_add_missing(struct capability_set *s, enum capability_kind kind, unsigned access,
                       const char *path, const char *source, struct err *err)
{
    if (s->n >= NONO_CAPABILITIES_MAX)
        return too_many(source, err);
    struct capability *c = capability_append(s, kind, access, path_canonical(path), source);
    c->exec = access & ACCESS_READ;
    adjust_present(c);
    return 0;
}

int
capability_deny(struct capability_set *s, const char *path, size_t fixed, const char *source,
                struct err *err)
{
    return denials_add(&s->denials, path, fixed, source, err);
}

void
capability_protect(struct capability_set *s, const char *path)
{
    denials_protect(&s->denials, path);
}

void
capability_set_seal(struct capability_set *s)
{
    bool anywhere;
    for (size_t i = 0; i < s->n; i++)
        s->caps[i].holed = denials_place(&s->denials, s->caps[i].path, &anywhere) == PLACE_ABOVE;
}

// Bytes that the two paths share, up to the end of a whole component of both.
static size_t
path_shared(const char *path, const char *other)
{
    size_t i = 0, edge = 0;
    for (; path[i] && path[i] == other[i]; i++)
        if (path[i] == '/')
            edge = i + 1;
    if ((path[i] == '/' || !path[i]) && (other[i] == '/' || !other[i]))
        edge = path[i] == '/' ? i + 1 : i;
    return edge;
}

// Of what path_walk_next() found: a file covers only itself.
static bool
covers_exactly(const struct capability *c, const char *path)
{
    return c->kind == CAPABILITY_SUBTREE || path[c->len] == 0;
}

static void
judgement_refuse(struct judgement *j, const struct denial *d)
{
    j->protected_ = true;
    j->denied = d;
    j->by = d->source ? DECIDER_INITIAL : DECIDER_PROTECTED;
}

void
capability_judge(const struct capability_set *s, const char *path, struct judgement *ret_j)
{
    struct judgement j = {.by = DECIDER_PROTECTED};
    const struct denial *denied = denials_refuse(&s->denials, path);
    if (denied)
        judgement_refuse(&j, denied);
    size_t row;
    for (struct path_walk w = path_walk_start(&s->index, path); path_walk_next(&w, &row);) {
        const struct capability *c = &s->caps[row];
        if (!covers_exactly(c, path))
            continue;
        j.access |= c->access;
        j.exec |= c->exec;
        j.holed |= c->holed;
        // Of several for one path the one that was given first.
        if (!j.nearest || c->len > j.nearest->len || c < j.nearest)
            j.nearest = c;
    }
    if (j.nearest)
        j.shared = j.nearest->len + (path[j.nearest->len] == '/' && j.nearest->len > 1);
    *ret_j = j;
}

bool
capability_is_own(const struct capability *c)
{
    return path_is_below(c->path, OWN_ENTRY);
}

void
capability_judge_own(const struct capability_set *s, const char *path, const char *rest,
                     struct judgement *j)
{
    struct judgement own;
    cleanup_free char *named = xasprintf(OWN_ENTRY "%s", rest);
    capability_judge(s, named, &own);
    if (!own.nearest || !capability_is_own(own.nearest))
        return;
    j->access |= own.access;
    j->holed = true; // for each process another place
    j->nearest = own.nearest;
    j->shared = (size_t)(rest - path) + own.shared - strlen(OWN_ENTRY);
}

void
capability_judge_object(const struct capability_set *s, uint64_t dev, uint64_t ino,
                        struct judgement *j)
{
    const struct denial *denied = denials_refuse_object(&s->denials, dev, ino);
    if (denied && !j->denied)
        judgement_refuse(j, denied);
}

const struct capability *
capability_giving(const struct capability_set *s, const char *path, unsigned access, bool exec)
{
    const struct capability *best = NULL;
    size_t row;
    for (struct path_walk w = path_walk_start(&s->index, path); path_walk_next(&w, &row);) {
        const struct capability *c = &s->caps[row];
        if (covers_exactly(c, path) && !(access & ~c->access) && (c->exec || !exec) &&
            (!best || c->len > best->len || c < best))
            best = c;
    }
    return best;
}

void
capability_nearest(const struct capability_set *s, const char *path, struct judgement *j)
{
    for (size_t i = 0; i < s->n; i++) {
        size_t shared = path_shared(path, s->caps[i].path);
        // "/" alone is no likeness.
        if (shared > j->shared && shared > 1) {
            j->nearest = &s->caps[i];
            j->shared = shared;
        }
    }
}

char *
capability_describe(const struct capability *c)
{
    return xasprintf("%s%s %s (%s)", access_to_string(c->access), c->exec ? "x" : "", c->path,
                     c->source);
}

static char *
describe_denial(const struct denial *d)
{
    cleanup_free char *what = denial_describe(d);
    return xasprintf("deny %s (%s)", what, d->source ? d->source : "nono's own");
}

char *
judgement_describe(const struct judgement *j)
{
    return j->denied    ? describe_denial(j->denied)
           : j->nearest ? capability_describe(j->nearest)
                        : xstrdup("");
}

char *
capability_set_describe(const struct capability_set *s)
{
    struct buf b = {0};
    for (size_t i = 0; i < s->n; i++) {
        cleanup_free char *line = capability_describe(&s->caps[i]);
        buf_printf(&b, "%s\n", line);
    }
    for (size_t i = 0; i < s->denials.n; i++) {
        if (!s->denials.rows[i].source)
            continue;
        cleanup_free char *line = describe_denial(&s->denials.rows[i]);
        buf_printf(&b, "%s\n", line);
    }
    return buf_steal(&b);
}
