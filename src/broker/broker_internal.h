// SPDX-License-Identifier: Apache-2.0
// Between broker.c and rules.c. Private to src/broker.
#pragma once
#include "broker.h"

// STATE_DECIDED, and on its way to the disk. On failure the row is as before and d is freed.
int broker_commit(struct broker *b, struct pending *row, struct decision *d, uint64_t now_ns);
struct decision *broker_verdict(const struct request *r, enum verdict verdict, enum decider by,
                                enum reason reason, uint64_t now_ns);

// The grant that the recorded decision of row leaves behind goes live.
void broker_remember(struct broker *b, struct pending *row, uint64_t now_ns);
// The decision of row is about to be told: if what it was decided by was taken back meanwhile, it
// becomes a denial.
void broker_check_rules(struct broker *b, struct pending *row, uint64_t now_ns);
// Nobody has heard of row: is there a grant by now that answers? Then it is recorded, shown and
// decided.
bool broker_answer_row(struct broker *b, struct pending *row, uint64_t now_ns);
// Thread tid gets the answer of row: the grants that decided it count it.
void broker_count_rules(struct broker *b, const struct pending *row, pid_t tid);
void broker_tick_rules(struct broker *b, uint64_t now_ns);
