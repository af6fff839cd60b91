// SPDX-License-Identifier: Apache-2.0
// A thread's inbox: a bounded queue of messages with an eventfd to wait on. Messages are moved:
// after a successful push the payload belongs to the queue, after a pop to the reader.
// Any number of pushing threads, one popping thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct queue;

struct msg {
    int type;             /* enum msg_type of the model */
    void *data;           /* payload, owned by whoever holds the message */
    void (*free)(void *); /* frees data; NULL when there is nothing to free */
};

struct queue *queue_new(size_t capacity);
// Frees what is still inside; takes NULL, returns NULL.
struct queue *queue_free(struct queue *q);

// Moves *m into the queue and wakes the reader. Never blocks. 0, or -EAGAIN when fewer than
// keep + 1 slots are free: then nothing happened and *m is still the caller's.
int queue_push(struct queue *q, const struct msg *m, size_t keep);
// Moves the oldest message to *ret_m; false when the queue is empty. The reader must empty the
// queue before it waits again: the descriptor is reset by the pop that finds it empty.
bool queue_pop(struct queue *q, struct msg *ret_m);
// Free slots now; another thread may use them.
size_t queue_room(struct queue *q);
// Readable while something is inside. Owned by the queue.
int queue_fd(const struct queue *q);

// Frees the payload and clears the message.
void msg_done(struct msg *m);
