// SPDX-License-Identifier: Apache-2.0
#include "last.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "buf.h"
#include "display.h"
#include "util.h"

static void
add_fact(struct buf *b, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    buf_printf(b, "%s: ", name);
    display_escape(b, value, strlen(value), 0);
    buf_putc(b, '\n');
}

char *
last_text(const struct request *q, enum decider by, enum reason reason)
{
    struct buf b = {0};
    add_fact(&b, "refused", op_to_string(q->op));
    add_fact(&b, "target", q->target);
    add_fact(&b, "path", q->resolved);
    add_fact(&b, "other path", q->resolved2);
    add_fact(&b, "detail", q->detail);
    add_fact(&b, "program", q->exe);
    add_fact(&b, "by", decider_to_string(by));
    add_fact(&b, "reason", reason_to_string(reason));
    add_fact(&b, request_is_denied(q) ? "rule" : "nearest rule", q->nearest);
    if (request_is_denied(q) || by == DECIDER_PROTECTED)
        buf_puts(&b, "no decision can allow it\n");
    return buf_steal(&b);
}

int
last_open(const char *text)
{
    if (!text)
        text = "nothing was refused yet\n";
    cleanup_fd int fd = memfd_create("nono-last", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int ret = write_all(fd, text, strlen(text));
    if (ret < 0)
        return ret;
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return -errno;
    // A second description: this one could still be written through, were it not sealed.
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int copy = open(link, O_RDONLY | O_CLOEXEC);
    return copy < 0 ? -errno : copy;
}
