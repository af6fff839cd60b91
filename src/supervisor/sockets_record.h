// SPDX-License-Identifier: Apache-2.0
// What is told of a socket call: the request for the person, the events for the record. Under the
// lock.
#pragma once
#include "sockets_state.h"

// NULL when the task is gone. The caller owns it.
struct request *sockets_request(struct supervisor *s, const struct socket_call *c,
                                const struct socket_facts *f);
// q: the request that it was, or NULL; path: of a UNIX socket without one, resolved, or NULL. why:
// of a refusal, else NULL.
void sockets_record(struct supervisor *s, const struct socket_call *c, const struct request *q,
                    const char *path, enum net_decision decision, const struct socket_verdict *why);
void sockets_record_decision(struct supervisor *s, const struct socket_call *c,
                             const struct request *q, const char *path, enum net_decision decision,
                             enum reason reason);
