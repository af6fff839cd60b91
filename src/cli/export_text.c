// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "display.h"
#include "export.h"
#include "query.h"
#include "util.h"

struct mark {
    char id[16];
    uint64_t seq; /* the last event of that session that is out */
};

struct run {
    const struct export_text *e;
    struct reader *reader;
    FILE *out;
    bool made;                 /* the output is a file that was not there */
    bool resumes;              /* there is a checkpoint */
    uint64_t offset, dev, ino; /* of the output file, at the checkpoint */
    struct mark *marks;
    size_t n, room;
    struct mark *current;
    struct otlp otlp;
    struct log_printer printer;
    uint64_t events;
};

static int
fail(const char *path, int code, struct err *err)
{
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    return err_set(err, code, "%s: %s", shown, strerror(-code));
}

// --- the checkpoint ------------------------------------------------------------------------------

static struct mark *
mark_of(struct run *r, const char *id)
{
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->marks[i].id, id) == 0)
            return &r->marks[i];
    }
    if (r->n == r->room) {
        r->room = r->room ? r->room * 2 : 16;
        r->marks = xrealloc(r->marks, r->room * sizeof *r->marks);
    }
    struct mark *m = &r->marks[r->n++];
    *m = (struct mark){0};
    strncpy(m->id, id, sizeof m->id - 1);
    return m;
}

// "nono-checkpoint 2 OFFSET DEV INO" of the output file, then "ID SEQ" for each session.
static int
read_checkpoint(struct run *r, struct err *err)
{
    char id[16];
    uint64_t seq;
    FILE *f = fopen(r->e->checkpoint, "re");
    if (!f)
        return errno == ENOENT ? 0 : fail(r->e->checkpoint, -errno, err);
    bool good = fscanf(f, "nono-checkpoint 2 %" SCNu64 " %" SCNu64 " %" SCNu64, &r->offset, &r->dev,
                       &r->ino) == 3;
    r->resumes = good;
    while (good && fscanf(f, "%15s %" SCNu64, id, &seq) == 2)
        mark_of(r, id)->seq = seq;
    good = good && feof(f);
    fclose(f);
    if (good)
        return 0;
    cleanup_free char *shown = display_str(r->e->checkpoint, DISPLAY_QUOTE);
    return err_set(err, -EINVAL, "%s is not a checkpoint of nono export", shown);
}

// What becomes the checkpoint once it is whole. The caller frees it.
static char *
draft_of(const char *checkpoint)
{
    return xasprintf("%s.new", checkpoint);
}

static int
write_checkpoint(struct run *r, struct err *err)
{
    cleanup_buf struct buf b = {0};
    cleanup_free char *draft = draft_of(r->e->checkpoint);
    buf_printf(&b, "nono-checkpoint 2 %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", r->offset, r->dev,
               r->ino);
    for (size_t i = 0; i < r->n; i++)
        buf_printf(&b, "%s %" PRIu64 "\n", r->marks[i].id, r->marks[i].seq);
    cleanup_fd int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int ret = fd < 0 ? -errno : write_all(fd, b.data, b.len);
    if (ret == 0 && (fsync(fd) < 0 || rename(draft, r->e->checkpoint) < 0))
        ret = -errno;
    return ret < 0 ? fail(r->e->checkpoint, ret, err) : 0;
}

// --- output --------------------------------------------------------------------------------------

static bool
is_file(const char *path, const struct stat *st)
{
    struct stat there;
    return stat(path, &there) == 0 && there.st_dev == st->st_dev && there.st_ino == st->st_ino;
}

// Behind the checkpoint lies what an interrupted export wrote: it is written again. Another file
// than that of the checkpoint, and one that is shorter, was begun by somebody else, so it goes on
// at its end; where that is, is in the checkpoint before anything is written.
static int
go_to_checkpoint(struct run *r, int fd, const struct stat *st, struct err *err)
{
    cleanup_free char *draft = draft_of(r->e->checkpoint);
    if (is_file(r->e->checkpoint, st) || is_file(draft, st)) {
        cleanup_free char *shown = display_str(r->e->output, DISPLAY_QUOTE);
        return err_set(err, -EINVAL, "%s is the checkpoint's own file: choose another", shown);
    }
    bool same = st->st_dev == r->dev && st->st_ino == r->ino && (uint64_t)st->st_size >= r->offset;
    if (!same) {
        r->offset = (uint64_t)st->st_size;
        r->dev = st->st_dev;
        r->ino = st->st_ino;
    }
    if ((same && ftruncate(fd, (off_t)r->offset) < 0) || lseek(fd, (off_t)r->offset, SEEK_SET) < 0)
        return fail(r->e->output, -errno, err);
    return same ? 0 : write_checkpoint(r, err);
}

static int
open_output(struct run *r, struct err *err)
{
    struct stat st;
    const char *path = r->e->output;
    r->out = stdout;
    if (!path)
        return 0;
    // A pipe (once somebody reads) or a device is written to, a file that is there already is not.
    bool foreign = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
    int flags =
        O_WRONLY | O_CLOEXEC | (foreign ? 0 : O_CREAT) | (foreign || r->resumes ? 0 : O_EXCL);
    cleanup_fd int fd = open(path, flags, 0600);
    if (fd < 0 || fstat(fd, &st) < 0)
        return fail(path, -errno, err);
    r->made = flags & O_EXCL;
    if (r->e->checkpoint && S_ISREG(st.st_mode)) {
        int ret = go_to_checkpoint(r, fd, &st, err);
        if (ret < 0)
            return ret;
        r->made = false;
    }
    r->out = fdopen(fd, "w");
    if (!r->out)
        return fail(path, -errno, err);
    steal_fd(&fd);
    return 0;
}

static int
close_output(struct run *r, struct err *err)
{
    const char *path = r->e->output ? r->e->output : "standard output";
    otlp_flush(&r->otlp, r->out);
    bool good = fflush(r->out) == 0 && !ferror(r->out);
    int error = errno ? errno : EIO;
    // EINVAL: not a file, so not to be waited for.
    if (good && fsync(fileno(r->out)) < 0 && errno != EINVAL && errno != EROFS) {
        error = errno;
        good = false;
    }
    off_t at = r->e->output ? lseek(fileno(r->out), 0, SEEK_CUR) : 0;
    if (at > 0)
        r->offset = (uint64_t)at;
    return good ? 0 : fail(path, -error, err);
}

static int
on_event(void *ctx, const struct event_row *row)
{
    struct run *r = ctx;
    if (r->e->format == EXPORT_OTLP)
        otlp_add(&r->otlp, row, r->out);
    else if (r->e->format == EXPORT_CSV)
        log_print_csv(&r->printer, row);
    else
        log_print_json(&r->printer, row);
    r->current->seq = row->seq;
    r->events++;
    return ferror(r->out) ? -EPIPE : 0;
}

// --- sessions ------------------------------------------------------------------------------------

static bool
is_wanted(const struct run *r, const char *id)
{
    bool wanted = !r->e->ids;
    for (size_t i = 0; !wanted && r->e->ids[i]; i++)
        wanted = strcmp(r->e->ids[i], id) == 0;
    return wanted;
}

static int
add_session(void *ctx, const struct session_row *row)
{
    if (is_wanted(ctx, row->id))
        mark_of(ctx, row->id);
    return 0;
}

static int
put_sessions(struct run *r, struct err *err)
{
    int ret = reader_sessions(r->reader, add_session, r, err);
    for (size_t i = 0; ret == 0 && i < r->n; i++) {
        r->current = &r->marks[i];
        if (!is_wanted(r, r->current->id))
            continue;
        struct event_filter f = {.sessions = (const char *const[]){r->current->id, NULL},
                                 .after_seq = r->current->seq,
                                 .until_seq = INT64_MAX};
        ret = reader_events(r->reader, &f, on_event, r, err);
    }
    return ret;
}

int
export_text(const struct export_text *e, uint64_t *ret_events, bool *ret_reading, struct err *err)
{
    struct run r = {.e = e};
    *ret_reading = true;
    int ret = reader_open(e->db, &r.reader, err);
    if (ret == 0) {
        *ret_reading = false;
        ret = e->checkpoint ? read_checkpoint(&r, err) : 0;
    }
    if (ret == 0)
        ret = open_output(&r, err);
    if (ret == 0) {
        r.printer.out = r.out;
        // The line of names, where the text begins.
        if (e->format == EXPORT_CSV && (!e->checkpoint || !(e->output ? r.offset : r.n)))
            log_begin_csv(&r.printer);
        ret = put_sessions(&r, err);
        *ret_reading = ret < 0 && !ferror(r.out);
        if (ret == 0 || ret == -EPIPE)
            ret = close_output(&r, err);
    }
    if (ret == 0 && e->checkpoint)
        ret = write_checkpoint(&r, err);
    if (r.out && r.out != stdout)
        fclose(r.out);
    if (ret < 0 && r.made)
        unlink(e->output);
    reader_close(r.reader);
    free(r.marks);
    *ret_events = r.events;
    return ret;
}
