// SPDX-License-Identifier: Apache-2.0
#include "attached.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "display.h"
#include "registry.h"
#include "util.h"

#define ANSWER_TIMEOUT_MS 3000
#define ANSWER_LEAST_MS 50

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

static const struct client_ops attached_ops = {.request = on_request, .result = on_result};

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

int
attached_open(struct attached_set *s, const char *spec, const char *role, bool watch,
              struct err *err)
{
    struct registry_socket *sockets;
    size_t n;
    int r = find_sessions(spec, &sockets, &n, err);
    if (r < 0)
        return r;
    *s = (struct attached_set){.list = xcalloc(n, sizeof *s->list), .n = n};
    for (size_t i = 0; i < n; i++) {
        cleanup_err struct err e = {0};
        struct attached *a = &s->list[i];
        a->id = steal_pointer(&sockets[i].id);
        if (client_connect(sockets[i].path, role, watch, &attached_ops, a, &a->client, &e) < 0)
            attached_fail(a, &e);
    }
    registry_free_sockets(sockets, n);
    // All of them answer at the same time: one that hangs costs the wait once.
    uint64_t end = clock_mono_ns() + ANSWER_TIMEOUT_MS * NS_PER_MS;
    for (size_t i = 0; i < n; i++) {
        cleanup_err struct err e = {0};
        struct attached *a = &s->list[i];
        uint64_t now = clock_mono_ns();
        int left = now < end ? (int)((end - now) / NS_PER_MS) : 0;
        if (a->client &&
            client_wait_synced(a->client, left > ANSWER_LEAST_MS ? left : ANSWER_LEAST_MS, &e) < 0)
            attached_fail(a, &e);
    }
    return 0;
}

void
attached_done(struct attached_set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct attached *a = &s->list[i];
        client_free(a->client);
        for (size_t k = 0; k < a->n_requests; k++)
            request_free(a->requests[k]);
        free(a->requests);
        free(a->id);
        free(a->error);
    }
    free(s->list);
    *s = (struct attached_set){0};
}

bool
attached_complain(const struct attached_set *s, const char *what)
{
    bool any = false;
    for (size_t i = 0; i < s->n; i++) {
        if (!s->list[i].error)
            continue;
        fprintf(stderr, "nono %s: session %s: %s\n", what, s->list[i].id, s->list[i].error);
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
    struct buf b = {0};
    for (size_t i = 0; i < n;) {
        cleanup_free char *word = xstrndup(words + i, n - i);
        cleanup_free char *shown = display_str(word, DISPLAY_QUOTE);
        buf_printf(&b, "%s%s", i ? " " : "", shown);
        i += strlen(word) + 1;
    }
    return buf_steal(&b);
}
