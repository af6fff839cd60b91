// SPDX-License-Identifier: Apache-2.0
#include "queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include "util.h"

struct queue {
    pthread_mutex_t lock; /* guards ring, head, count */
    struct msg *ring;
    size_t capacity; /* constant */
    size_t head;
    size_t count;
    int event_fd; /* constant */
};

struct queue *
queue_new(size_t capacity)
{
    struct queue *q = xcalloc(1, sizeof *q);
    q->ring = xcalloc(capacity, sizeof *q->ring);
    q->capacity = capacity;
    pthread_mutex_init(&q->lock, NULL);
    q->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (q->event_fd < 0)
        die("eventfd: errno %d", errno);
    return q;
}

struct queue *
queue_free(struct queue *q)
{
    struct msg m;
    if (!q)
        return NULL;
    while (queue_pop(q, &m))
        msg_done(&m);
    close_fd(&q->event_fd);
    pthread_mutex_destroy(&q->lock);
    free(q->ring);
    free(q);
    return NULL;
}

int
queue_push(struct queue *q, const struct msg *m, size_t keep)
{
    pthread_mutex_lock(&q->lock);
    if (q->capacity - q->count <= keep) {
        pthread_mutex_unlock(&q->lock);
        return -EAGAIN;
    }
    q->ring[(q->head + q->count) % q->capacity] = *m;
    // Only the first message needs to wake the reader; it empties the queue before it waits.
    if (q->count++ == 0)
        eventfd_write(q->event_fd, 1);
    pthread_mutex_unlock(&q->lock);
    return 0;
}

bool
queue_pop(struct queue *q, struct msg *ret_m)
{
    bool found = false;
    pthread_mutex_lock(&q->lock);
    if (q->count) {
        *ret_m = q->ring[q->head];
        q->head = (q->head + 1) % q->capacity;
        q->count--;
        found = true;
    } else {
        eventfd_t ignored;
        eventfd_read(q->event_fd, &ignored);
    }
    pthread_mutex_unlock(&q->lock);
    return found;
}

size_t
queue_room(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    size_t room = q->capacity - q->count;
    pthread_mutex_unlock(&q->lock);
    return room;
}

int
queue_fd(const struct queue *q)
{
    return q->event_fd;
}

void
msg_done(struct msg *m)
{
    if (m->free)
        m->free(m->data);
    *m = (struct msg){0};
}
