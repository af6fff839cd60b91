// SPDX-License-Identifier: Apache-2.0
#include "attached.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "display.h"
#include "registry.h"
#include "util.h"
#include "wire.h"

#define ANSWER_TIMEOUT_MS 3000
#define ANSWER_LEAST_MS 50
#define RESULT_TIMEOUT_NS (15 * NS_PER_SEC)
#define WORDS_COLUMNS 100     /* of a command line in a listing */
#define WORDS_LOOKED_AT 65536 /* bytes of its words: the rest would be cut */

static void
on_request(void *ctx, struct request *r)
{
    struct attached *a = ctx;
    a->requests = xrealloc(a->requests, (a->n_requests + 1) * sizeof(struct request *));
    a->requests[a->n_requests++] = r;
}

static void
on_result(void *ctx, uint64_t request, int error)
{
    struct attached *a = ctx;
    a->answered = true;
    a->result = error;
}

static void
on_grant(void *ctx, struct grant *g)
{
    struct attached *a = ctx;
    grants_take(&a->grants, g);
}

static void
on_ordered(void *ctx, int error)
{
    on_result(ctx, 0, error);
}

static const struct client_ops attached_ops = {.request = on_request,
                                               .result = on_result,
                                               .grant = on_grant,
                                               .revoked = on_result,
                                               .ordered = on_ordered};

static int
find_sessions(const char *spec, struct registry_socket **ret_list, size_t *ret_n, struct err *err)
{
    if (!spec)
        return registry_list_sockets(ret_list, ret_n, err);
    char *id, *path;
    int r = registry_find_socket(spec, &id, &path, err);
    if (r < 0)
        return r;
    struct registry_socket *one = xcalloc(1, sizeof *one);
    *one = (struct registry_socket){.id = id, .path = path};
    *ret_list = one;
    *ret_n = 1;
    return 0;
}

static void
attached_fail(struct attached *a, struct err *err)
{
    a->client = client_free(a->client);
    a->error = xstrdup(err->msg);
}

// The callbacks have the address of what they fill: it stays the same while the list grows.
static struct attached *
add_session(struct attached_set *s, const struct registry_socket *socket, const char *role,
            unsigned wants)
{
    cleanup_err struct err e = {0};
    struct attached *a = xcalloc(1, sizeof *a);
    s->list = xrealloc(s->list, (s->n + 1) * sizeof(struct attached *));
    s->list[s->n++] = a;
    a->id = xstrdup(socket->id);
    if (client_connect(socket->path, role, wants, &attached_ops, a, &a->client, &e) < 0)
        attached_fail(a, &e);
    return a;
}

// All of them answer at the same time: one that hangs costs the wait once.
static void
wait_for_all(struct attached_set *s, size_t first)
{
    uint64_t end = clock_mono_ns() + ANSWER_TIMEOUT_MS * NS_PER_MS;
    for (size_t i = first; i < s->n; i++) {
        cleanup_err struct err e = {0};
        struct attached *a = s->list[i];
        uint64_t now = clock_mono_ns();
        int left = now < end ? (int)((end - now) / NS_PER_MS) : 0;
        if (a->client &&
            client_wait_synced(a->client, left > ANSWER_LEAST_MS ? left : ANSWER_LEAST_MS, &e) < 0)
            attached_fail(a, &e);
    }
}

int
attached_open(struct attached_set *s, const char *spec, const char *role, unsigned wants,
              struct err *err)
{
    struct registry_socket *sockets;
    size_t n;
    int r = find_sessions(spec, &sockets, &n, err);
    if (r < 0)
        return r;
    *s = (struct attached_set){0};
    for (size_t i = 0; i < n; i++)
        add_session(s, &sockets[i], role, wants);
    registry_free_sockets(sockets, n);
    wait_for_all(s, 0);
    return 0;
}

void
attached_add_new(struct attached_set *s, const char *role, unsigned wants)
{
    struct registry_socket *sockets;
    size_t n, before = s->n;
    if (registry_list_sockets(&sockets, &n, NULL) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        bool known = false;
        for (size_t k = 0; k < before; k++)
            known |= strcmp(s->list[k]->id, sockets[i].id) == 0;
        if (!known)
            add_session(s, &sockets[i], role, wants);
    }
    registry_free_sockets(sockets, n);
    wait_for_all(s, before);
}

int
attached_await(struct attached *a, struct err *err)
{
    uint64_t end = clock_mono_ns() + RESULT_TIMEOUT_NS;
    for (;;) {
        int r = client_read(a->client);
        if (a->answered && a->result == 0)
            return 0;
        if (a->answered)
            return err_set(err, a->result, "%s", wire_error_text(a->result));
        if (r < 0)
            return err_set(err, -ECONNRESET, "%s",
                           client_refusal(a->client) ? client_refusal(a->client)
                                                     : "the session ended before it answered");
        uint64_t now = clock_mono_ns();
        if (now >= end)
            return err_set(err, -ETIMEDOUT,
                           "the session was told but does not say what became of it; see nono log");
        struct pollfd pfd = {.fd = client_fd(a->client), .events = POLLIN};
        poll(&pfd, 1, (int)((end - now) / NS_PER_MS) + 1);
    }
}

void
attached_done(struct attached_set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct attached *a = s->list[i];
        client_free(a->client);
        for (size_t k = 0; k < a->n_requests; k++)
            request_free(a->requests[k]);
        free(a->requests);
        grants_done(&a->grants);
        free(a->id);
        free(a->error);
        free(a);
    }
    free(s->list);
    *s = (struct attached_set){0};
}

void
attached_say_none(const char *what)
{
    cleanup_free char *none = registry_none_text();
    fprintf(stderr, "nono %s: %s\n", what, none);
}

bool
attached_complain(const struct attached_set *s, const char *what)
{
    bool any = false;
    for (size_t i = 0; i < s->n; i++) {
        if (!s->list[i]->error)
            continue;
        fprintf(stderr, "nono %s: session %s: %s\n", what, s->list[i]->id, s->list[i]->error);
        any = true;
    }
    return any;
}

const struct request *
attached_find(const struct attached *a, uint64_t id)
{
    for (size_t i = 0; i < a->n_requests; i++)
        if (a->requests[i]->id == id)
            return a->requests[i];
    return NULL;
}

int
parse_number(const char *word, char **session, uint64_t *ret_id)
{
    const char *colon = strrchr(word, ':');
    const char *digits = colon ? colon + 1 : word;
    char *end;
    errno = 0;
    uint64_t id = strtoull(digits, &end, 10);
    if (digits[0] < '0' || digits[0] > '9' || *end || errno || id == 0 || colon == word)
        return -EINVAL;
    if (colon && *session)
        return -EEXIST;
    if (colon)
        *session = xstrndup(word, (size_t)(colon - word));
    *ret_id = id;
    return 0;
}

void
format_age(char *out, size_t n, uint64_t ns)
{
    static const struct {
        uint64_t s;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    uint64_t s = ns / NS_PER_SEC;
    size_t i = 0;
    while (i + 1 < ARRAY_SIZE(units) && s < 2 * units[i].s)
        i++;
    snprintf(out, n, "%" PRIu64 "%c", s / units[i].s, units[i].unit);
}

char *
format_words(const char *words, size_t n)
{
    struct buf cut = {0};
    cleanup_buf struct buf b = {0};
    for (size_t i = 0; i < n && b.len < WORDS_LOOKED_AT;) {
        cleanup_free char *word = xstrndup(words + i, n - i);
        cleanup_free char *shown = display_str(word, DISPLAY_QUOTE);
        buf_printf(&b, "%s%s", i ? " " : "", shown);
        i += strlen(word) + 1;
    }
    display_clip(&cut, buf_str(&b), WORDS_COLUMNS);
    return buf_steal(&cut);
}
