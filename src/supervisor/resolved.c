// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "resolve.h"
#include "util.h"

void
resolved_init(struct resolved *r)
{
    r->fd = r->object_fd = -1;
    r->exists = r->pathless = r->trailing = false;
    r->leaf[0] = 0;
    r->known = 0;
    r->whole = NULL;
}

void
resolved_done(struct resolved *r)
{
    close_fd(&r->fd);
    close_fd(&r->object_fd);
    free(steal_pointer(&r->whole));
}

bool
resolved_drop_mark(struct resolved *r)
{
    static const char mark[] = " (deleted)", memory[] = "/memfd:";
    size_t n = strlen(r->path), len = sizeof mark - 1;
    if (!r->pathless || r->known || r->path[0] != '/' || n <= len ||
        strcmp(r->path + n - len, mark) != 0 || strncmp(r->path, memory, sizeof memory - 1) == 0)
        return false;
    r->path[n - len] = 0;
    return true;
}

int
resolved_dup(const struct resolved *r, struct resolved *ret_r)
{
    *ret_r = *r;
    ret_r->whole = NULL;
    ret_r->fd = fcntl(r->fd, F_DUPFD_CLOEXEC, 3);
    ret_r->object_fd = r->object_fd >= 0 ? fcntl(r->object_fd, F_DUPFD_CLOEXEC, 3) : -1;
    if (ret_r->fd >= 0 && (r->object_fd < 0 || ret_r->object_fd >= 0))
        return 0;
    int error = errno;
    resolved_done(ret_r);
    return -error;
}
