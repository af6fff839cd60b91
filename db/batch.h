// SPDX-License-Identifier: Apache-2.0
// What waits for the next commit: rows in order, counts merged by key. Private to db/. Rows are
// made by any thread; a batch belongs to the db thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

enum row_type {
    ROW_REQUEST,
    ROW_DECISION,
    ROW_NETWORK,
    ROW_REVOCATION,
    ROW_TERMINAL,
    ROW_FAULT,
    ROW_COUNT
};

struct row {
    enum row_type type;
    bool durable;
    int error;                       /* it can never be stored; 0 */
    uint64_t real_ns;                /* when it was handed over */
    struct request *request;         /* ROW_REQUEST; owned */
    struct decision *decision;       /* ROW_DECISION; owned */
    struct grant *grant;             /* ROW_DECISION; owned, may be NULL */
    unsigned count;                  /* ROW_DECISION */
    struct network_event *network;   /* ROW_NETWORK; owned */
    struct revocation revocation;    /* ROW_REVOCATION; owned */
    struct terminal_chunk *terminal; /* ROW_TERMINAL; owned */
    char *text;                      /* ROW_FAULT; owned */
    struct count_row counted;        /* ROW_COUNT */
};

struct row *row_new(enum row_type type);
struct row *row_free(struct row *row);
void row_free_msg(void *row);
// The request that it is about, 0 for none.
uint64_t row_request(const struct row *row);

struct batch {
    struct row **rows;
    size_t rows_n, rows_room;
    struct count_row *counts;
    size_t counts_n, counts_room;
    bool durable;           /* one of the rows is */
    uint64_t row_mono_ns;   /* when the first row came */
    uint64_t count_mono_ns; /* when the first count came */
    uint64_t lost;          /* rows that found no room */
    uint64_t lost_decisions;
};

// Takes row over. Beyond the caps a row that is not durable is dropped and counted as lost.
void batch_add(struct batch *b, struct row *row);
bool batch_is_empty(const struct batch *b);
// Everything is stored.
void batch_reset(struct batch *b);
// Frees the durable rows, whose callers were told.
void batch_drop_durable(struct batch *b);
// Makes them rows like the others: up to the cap they are kept, the newest are lost.
void batch_keep_durable(struct batch *b);
void batch_done(struct batch *b);
