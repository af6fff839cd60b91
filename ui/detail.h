// SPDX-License-Identifier: Apache-2.0
// A request in words: the facts that decide, a line each. Private to ui/.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "request.h"

// The target with the part that no capability covers in braces: /home/u/{.ssh/id_rsa}.
void detail_target(struct buf *out, const struct request *r, unsigned flags);
// "node/48213"
void detail_program(struct buf *out, const struct request *r, unsigned flags);
// "0:42", "1h03"
void detail_age(struct buf *out, uint64_t ns);
// Lines separated by newlines, display-safe.
void detail_text(struct buf *out, const struct request *r, uint64_t now_ns, unsigned flags);
