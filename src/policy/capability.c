// SPDX-License-Identifier: Apache-2.0
#include "capability.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
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
    for (size_t i = 0; i < s->n_protected; i++)
        free(s->protected_roots[i]);
    free(s->caps);
    free(s->protected_roots);
    *s = (struct capability_set){0};
}

static struct capability *
capability_append(struct capability_set *s, enum capability_kind kind, unsigned access, char *path,
                  const char *source)
{
    s->caps = xrealloc(s->caps, (s->n + 1) * sizeof *s->caps);
    s->caps[s->n] = (struct capability){.kind = kind,
                                        .access = access,
                                        .path = path,
                                        .len = strlen(path),
                                        .source = xstrdup(source)};
    return &s->caps[s->n++];
}

int
capability_add_path(struct capability_set *s, enum capability_kind kind, unsigned access,
                    const char *path, const char *source, struct err *err)
{
    struct stat st;
    cleanup_free char *real = realpath(path, NULL);
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    if (!real || stat(real, &st) < 0) {
        int error = errno;
        return err_set(err, -error, "%s %s: %s", source, shown, strerror(error));
    }
    if (kind == CAPABILITY_SUBTREE && !S_ISDIR(st.st_mode))
        return err_set(err, -ENOTDIR, "%s %s: not a directory (for one file: %s)", source, shown,
                       access == ACCESS_READ    ? "--read-file"
                       : access == ACCESS_WRITE ? "--write-file"
                                                : "--allow-file");
    if (kind == CAPABILITY_FILE && S_ISDIR(st.st_mode))
        return err_set(err, -EISDIR, "%s %s: is a directory (for a whole directory: %s)", source,
                       shown,
                       access == ACCESS_READ    ? "--read"
                       : access == ACCESS_WRITE ? "--write"
                                                : "--allow");
    if (s->n >= NONO_CAPABILITIES_MAX)
        return err_set(err, -E2BIG, "%s %s: more than %d capabilities", source, shown,
                       NONO_CAPABILITIES_MAX);
    struct capability *c = capability_append(s, kind, access, steal_pointer(&real), source);
    // Programs inside the readable directories may be run (--exec allow).
    c->exec = access & ACCESS_READ;
    return 0;
}

void
capability_add_default(struct capability_set *s, unsigned access, bool exec, const char *path)
{
    struct stat st;
    cleanup_free char *real = realpath(path, NULL);
    if (!real || stat(real, &st) < 0)
        return;
    struct capability *c =
        capability_append(s, S_ISDIR(st.st_mode) ? CAPABILITY_SUBTREE : CAPABILITY_FILE, access,
                          steal_pointer(&real), "default");
    c->exec = exec;
    c->device = strncmp(c->path, "/dev/", 5) == 0 && strcmp(c->path, "/dev/shm") != 0;
}

// Where a symbolic link leads that leads to nothing yet; NULL when path is none.
static char *
dangling_target(const char *path)
{
    char target[NONO_PATH_MAX];
    cleanup_free char *real = realpath(path, NULL);
    ssize_t n = real ? -1 : readlink(path, target, sizeof target - 1);
    if (n <= 0)
        return NULL;
    target[n] = 0;
    const char *slash = strrchr(path, '/');
    if (target[0] == '/' || !slash)
        return xstrdup(target);
    return xasprintf("%.*s/%s", (int)(slash - path), path, target);
}

static void
protect_one(struct capability_set *s, const char *path)
{
    cleanup_free char *head = xstrdup(path);
    cleanup_free char *real = NULL;
    size_t len = strlen(head);
    while (len > 1 && !(real = realpath(head, NULL))) {
        while (len > 1 && head[len - 1] != '/')
            len--;
        while (len > 1 && head[len - 1] == '/')
            len--;
        head[len] = 0;
    }
    if (!real)
        real = xstrdup("/");
    const char *rest = path + len;
    while (*rest == '/')
        rest++;
    s->protected_roots =
        xrealloc(s->protected_roots, (s->n_protected + 1) * sizeof *s->protected_roots);
    s->protected_roots[s->n_protected++] =
        *rest ? xasprintf("%s/%s", strcmp(real, "/") ? real : "", rest) : steal_pointer(&real);
}

void
capability_protect(struct capability_set *s, const char *path)
{
    cleanup_free char *at = xstrdup(path);
    protect_one(s, at);
    // What is made through a dangling link appears where the link leads.
    for (int i = 0; i < NONO_SYMLINKS_MAX; i++) {
        char *target = dangling_target(at);
        if (!target)
            return;
        free(at);
        at = target;
        protect_one(s, at);
    }
}

void
capability_set_seal(struct capability_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j < s->n_protected; j++)
            if (path_is_below(s->protected_roots[j], s->caps[i].path))
                s->caps[i].holed = true;
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

// On every supervised call's way: no strlen() of what is constant, no call where the last byte
// tells.
static bool
capability_covers(const struct capability *c, const char *path, size_t len)
{
    if (c->len > len)
        return false;
    if (c->len == 1)
        return c->kind == CAPABILITY_SUBTREE || len == 1;
    if (path[c->len] != 0 && (path[c->len] != '/' || c->kind == CAPABILITY_FILE))
        return false;
    return path[c->len - 1] == c->path[c->len - 1] && memcmp(path, c->path, c->len) == 0;
}

void
capability_judge(const struct capability_set *s, const char *path, struct judgement *ret_j)
{
    struct judgement j = {0};
    size_t len = strlen(path);
    for (size_t i = 0; i < s->n_protected; i++)
        if (path_is_below(path, s->protected_roots[i]))
            j.protected_ = true;
    for (size_t i = 0; i < s->n; i++) {
        const struct capability *c = &s->caps[i];
        if (!capability_covers(c, path, len))
            continue;
        j.access |= c->access;
        j.exec |= c->exec;
        j.holed |= c->holed;
        if (!j.nearest || c->len > j.nearest->len)
            j.nearest = c;
    }
    if (j.nearest)
        j.shared = j.nearest->len < len ? j.nearest->len + (j.nearest->len > 1) : len;
    *ret_j = j;
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
