// SPDX-License-Identifier: Apache-2.0
// nono export --format cast: a recorded terminal for asciinema and other players.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cast.h"
#include "display.h"
#include "export.h"
#include "query.h"
#include "util.h"

struct run {
    const char *id;
    struct reader *reader;
    FILE *out;
    bool foreign;     /* out is a pipe or a device */
    uint64_t *chunks; /* their numbers; owned */
    size_t n, room;
    unsigned rows, columns; /* of the first one */
    uint64_t started_ns;
    char *argv; /* owned */
    size_t argv_len;
    struct err *err;
};

static int
add_chunk(void *ctx, const struct terminal_row *row)
{
    struct run *r = ctx;
    if (!r->n) {
        r->rows = row->rows;
        r->columns = row->columns;
    }
    if (r->n == r->room) {
        r->room = r->room ? r->room * 2 : 64;
        r->chunks = xrealloc(r->chunks, r->room * sizeof *r->chunks);
    }
    r->chunks[r->n++] = row->chunk;
    return 0;
}

static int
take_session(void *ctx, const struct session_row *row)
{
    struct run *r = ctx;
    if (strcmp(row->id, r->id) != 0)
        return 0;
    r->started_ns = row->started_ns;
    r->argv = xmemdup(row->argv, row->argv_len);
    r->argv_len = row->argv_len;
    return 1;
}

static int
print_event(void *ctx, const struct cast_event *e)
{
    struct run *r = ctx;
    cast_print_event(r->out, e);
    return ferror(r->out) ? -EPIPE : 0;
}

static int
print_chunk(void *ctx, const struct terminal_row *row)
{
    struct run *r = ctx;
    int ret = cast_read(row->data, row->len, print_event, r);
    return ret == -EBADMSG ? err_set(r->err, ret,
                                     "session %s: a part of its recorded terminal is damaged (nono"
                                     " verify says more)",
                                     r->id)
                           : ret;
}

static int
read_session(struct run *r)
{
    int ret = reader_sessions(r->reader, take_session, r, r->err);
    if (ret >= 0)
        ret = reader_terminal(r->reader, r->id, 0, add_chunk, r, r->err);
    if (ret < 0 || r->n)
        return ret < 0 ? ret : 0;
    return err_set(r->err, -ENOENT,
                   "session %s has no recorded terminal (nono run --record makes one, nono prune"
                   " removes old ones)",
                   r->id);
}

static void
print_header(struct run *r)
{
    // Words are joined by spaces: it is a title, not a command to run.
    for (size_t i = 0; i + 1 < r->argv_len; i++)
        if (!r->argv[i])
            r->argv[i] = ' ';
    cast_print_header(r->out, r->started_ns, r->rows, r->columns, r->argv,
                      r->argv_len ? r->argv_len - 1 : 0);
}

static int
open_output(struct run *r, const char *output)
{
    r->out = stdout;
    if (!output)
        return 0;
    // A pipe or a device is written to, a file that is there already is not.
    struct stat st;
    r->foreign = stat(output, &st) == 0 && !S_ISREG(st.st_mode);
    int flags = O_WRONLY | O_CLOEXEC | (r->foreign ? 0 : O_CREAT | O_EXCL);
    cleanup_fd int fd = open(output, flags, 0600);
    r->out = fd < 0 ? NULL : fdopen(fd, "w");
    if (!r->out)
        return -errno;
    steal_fd(&fd);
    return 0;
}

// 0 or -errno; what is half written does not stay.
static int
close_output(struct run *r, const char *output, int ret)
{
    if (ret == 0 && (fflush(r->out) != 0 || ferror(r->out)))
        ret = errno ? -errno : -EIO;
    if (r->out && r->out != stdout) {
        fclose(r->out);
        if (ret < 0 && !r->foreign)
            unlink(output);
    }
    return ret;
}

int
export_cast(const char *db, const char *id, const char *output, bool *ret_reading, struct err *err)
{
    struct run r = {.id = id, .err = err};
    int ret = reader_open(db, &r.reader, err);
    *ret_reading = ret < 0;
    if (ret == 0) {
        ret = read_session(&r);
        *ret_reading = ret < 0 && ret != -ENOENT;
    }
    if (ret == 0 && (ret = open_output(&r, output)) == 0) {
        print_header(&r);
        for (size_t i = 0; i < r.n && ret == 0; i++)
            ret = reader_terminal(r.reader, id, r.chunks[i], print_chunk, &r, err);
        *ret_reading = ret < 0 && ret != -EPIPE;
        ret = close_output(&r, output, ret);
    }
    if (ret < 0 && !err->msg) {
        cleanup_free char *shown = display_str(output ? output : "standard output", DISPLAY_QUOTE);
        err_set(err, ret, "%s: %s", shown, strerror(-ret));
    }
    reader_close(r.reader);
    free(r.chunks);
    free(r.argv);
    return ret;
}
