// SPDX-License-Identifier: Apache-2.0
// Between the files of the writer.
#pragma once
#include "batch.h"
#include "writer.h"

// Queues a row, which is the db thread's from then on. Any thread. 0, or -EAGAIN when the queue is
// full: the row is freed.
int writer_push(struct writer *w, struct row *row);
