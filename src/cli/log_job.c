// SPDX-License-Identifier: Apache-2.0
#include "log_job.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "log_words.h"
#include "util.h"

#define LINES_MAX 100000 /* of a page */

struct log_job {
    pthread_t thread;
    int done_fd; /* an eventfd */
    enum log_job_kind kind;
    char *words; /* owned; the filter points into them */
    // The thread's until it is done.
    struct log l;             /* a copy with an archive of its own */
    struct log_filter filter; /* of the words */
    struct err err;
    struct log_job_result result;
};

// --- keys -------------------------------------------------------------------------------------

void
key_list_done(struct key_list *k)
{
    free(k->list);
    *k = (struct key_list){0};
}

size_t
key_list_find(const struct key_list *k, const struct event_key *key)
{
    size_t low = 0, high = k->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (event_key_compare(&k->list[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct key_list
key_list_both(const struct key_list *a, const struct key_list *b)
{
    struct key_list both = {.list = xcalloc((a->n < b->n ? a->n : b->n) + 1, sizeof *both.list)};
    for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
        int c = event_key_compare(&a->list[i], &b->list[k]);
        if (c == 0)
            both.list[both.n++] = a->list[i];
        i += c <= 0;
        k += c >= 0;
    }
    return both;
}

// --- the thread -------------------------------------------------------------------------------

static int
read_keys(struct log_job *j, struct event_filter *f, struct key_list *ret_keys)
{
    f->by_time = true;
    return archive_keys(&j->l.archive, f, &ret_keys->list, &ret_keys->n, &j->err);
}

static int
make_list(struct log_job *j)
{
    struct event_filter *f = &j->l.filter.f, *words = &j->filter.f;
    struct key_list all = {0}, found = {0};
    // Who asks for kinds of events wants those, not outcomes.
    f->outcomes &= !words->kinds;
    words->outcomes = j->result.outcomes = f->outcomes;
    int ret = read_keys(j, f, &all);
    if (ret < 0 || !j->filter.used) {
        j->result.keys = all;
        return ret;
    }
    ret = read_keys(j, words, &found);
    if (ret == 0)
        j->result.keys = key_list_both(&all, &found);
    key_list_done(&all);
    key_list_done(&found);
    return ret;
}

// What is too long to be read is cut.
static char *
cut(char *text)
{
    size_t lines = 0;
    for (char *p = text; (p = strchr(p, '\n')); p++) {
        if (++lines < LINES_MAX || !p[1])
            continue;
        p[1] = 0;
        char *shorter = xasprintf("%s  ... (nono log --tree has all of it)\n", text);
        free(text);
        return shorter;
    }
    return text;
}

static int
make_page(struct log_job *j)
{
    struct log *l = &j->l;
    size_t n = 0;
    l->printer.out = open_memstream(&j->result.text, &n);
    if (!l->printer.out)
        return -ENOMEM;
    // Two filters can't be made one for what is counted by SQLite.
    if (j->filter.used && l->filter.used)
        fputs("  (what & asks for, whatever the options of the command)\n\n", l->printer.out);
    if (j->filter.used)
        l->filter = j->filter;
    l->filter.f.outcomes = j->kind == LOG_JOB_TREE && !l->filter.f.kinds;
    l->filter.f.by_time = false;
    l->err = &j->err;
    int ret = j->kind == LOG_JOB_TREE ? log_tree(l) : log_stats(l);
    fclose(l->printer.out);
    if (j->result.text)
        j->result.text = cut(j->result.text);
    return ret;
}

static void *
work(void *arg)
{
    struct log_job *j = arg;
    uint64_t one = 1;
    j->filter.f.outcomes = j->l.filter.f.outcomes;
    j->result.error = j->kind == LOG_JOB_LIST   ? make_list(j)
                      : j->kind == LOG_JOB_FIND ? read_keys(j, &j->filter.f, &j->result.keys)
                      : j->kind == LOG_JOB_WORDS
                          ? log_find_words(&j->l, j->words, &j->result.keys, &j->err)
                          : make_page(j);
    if (write(j->done_fd, &one, sizeof one) < 0)
        die("eventfd: %s", strerror(errno));
    return NULL;
}

// --- around it --------------------------------------------------------------------------------

static struct log_job *
job_free(struct log_job *j)
{
    archive_done(&j->l.archive);
    log_filter_done(&j->filter);
    err_done(&j->err);
    key_list_done(&j->result.keys);
    free(j->result.text);
    free(j->words);
    if (j->done_fd >= 0)
        close(j->done_fd);
    free(j);
    return NULL;
}

static int
take_words(struct log_job *j, struct buf *ret_why)
{
    static const struct options_help help = {.synopsis = "nono log"};
    struct options o = {.help = &help, .arg = j->words, .said = ret_why};
    if (j->kind == LOG_JOB_WORDS)
        return 0;
    if (j->kind != LOG_JOB_FIND)
        return log_filter_words(&j->filter, j->words, ret_why);
    int ret = log_filter_option(&j->filter, &o, OPT_FILTER_GREP);
    return ret < 0 ? ret : log_filter_finish(&j->filter, &o);
}

int
log_job_start(const struct log *l, enum log_job_kind kind, const char *words,
              struct log_job **ret_job, struct buf *ret_why)
{
    struct log_job *j = xcalloc(1, sizeof *j);
    j->kind = kind;
    j->words = xstrdup(words);
    j->l = *l;
    j->l.printer.color = false;
    j->l.archive = (struct archive){0};
    j->done_fd = -1;
    int ret = take_words(j, ret_why);
    if (ret == 0) {
        j->done_fd = eventfd(0, EFD_CLOEXEC);
        ret = j->done_fd < 0 ? -errno : 0;
        // Opened and closed here, so that log_job_stop() never meets a closed one.
        if (ret == 0)
            ret = archive_again(&l->archive, &j->l.archive, &j->err);
        if (ret == 0)
            ret = -pthread_create(&j->thread, NULL, work, j);
        if (ret < 0)
            buf_puts(ret_why, "the record can't be read");
    }
    if (ret < 0)
        job_free(j);
    else
        *ret_job = j;
    return ret;
}

int
log_job_fd(const struct log_job *j)
{
    return j->done_fd;
}

void
log_job_take(struct log_job *j, struct log_job_result *ret_result)
{
    pthread_join(j->thread, NULL);
    *ret_result = j->result;
    j->result = (struct log_job_result){0};
    job_free(j);
}

struct log_job *
log_job_stop(struct log_job *j)
{
    if (!j)
        return NULL;
    struct pollfd done = {.fd = j->done_fd, .events = POLLIN};
    // Between two statements an interruption meets nothing.
    do {
        for (size_t i = 0; i < j->l.archive.readers_n; i++)
            reader_interrupt(j->l.archive.readers[i]);
    } while (poll(&done, 1, 1) <= 0);
    pthread_join(j->thread, NULL);
    return job_free(j);
}
