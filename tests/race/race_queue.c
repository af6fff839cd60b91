// SPDX-License-Identifier: Apache-2.0
// A bounded queue under several pushing threads and one reader that waits on its descriptor:
// nothing is lost, nothing comes twice, each thread's order holds, a full queue says so.
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "queue.h"
#include "util.h"

#define PUSHERS 4
#define EACH 20000
#define CAPACITY 64
#define KEEP 8

struct item {
    int pusher, number;
};

static struct queue *queue;
static atomic_ulong full;

static void *
push_all(void *arg)
{
    for (int i = 0; i < EACH; i++) {
        struct item *item = xmalloc(sizeof *item);
        *item = (struct item){.pusher = (int)(intptr_t)arg, .number = i};
        struct msg m = {.type = 1, .data = item, .free = free};
        while (queue_push(queue, &m, i % 2 ? KEEP : 0) < 0) {
            atomic_fetch_add(&full, 1);
            sched_yield();
        }
    }
    return NULL;
}

static int
read_all(void)
{
    int next[PUSHERS] = {0};
    for (size_t got = 0; got < (size_t)PUSHERS * EACH;) {
        struct pollfd fd = {.fd = queue_fd(queue), .events = POLLIN};
        struct msg m;
        if (poll(&fd, 1, 10000) != 1) {
            fprintf(stderr, "no wake-up after %zu messages, room %zu\n", got, queue_room(queue));
            return 1;
        }
        while (queue_pop(queue, &m)) {
            struct item *item = m.data;
            if (item->number != next[item->pusher]++) {
                fprintf(stderr, "pusher %d: got %d\n", item->pusher, item->number);
                return 1;
            }
            got++;
            msg_done(&m);
        }
    }
    return 0;
}

int
main(void)
{
    pthread_t t[PUSHERS];
    queue = queue_new(CAPACITY);
    for (int i = 0; i < PUSHERS; i++)
        pthread_create(&t[i], NULL, push_all, (void *)(intptr_t)i);
    int failed = read_all();
    if (failed)
        return failed;
    for (int i = 0; i < PUSHERS; i++)
        pthread_join(t[i], NULL);
    // Freeing it frees what nobody read.
    struct msg m = {.type = 1, .data = xmalloc(1), .free = free};
    queue_push(queue, &m, 0);
    queue_free(queue);
    printf("%d messages, %lu times full\n", PUSHERS * EACH, atomic_load(&full));
    return 0;
}
