// SPDX-License-Identifier: Apache-2.0
// Base64 of RFC 4648, section 4, padded. Pure; any thread.
#pragma once
#include <stddef.h>

#include "buf.h"

void base64_encode(struct buf *out, const void *data, size_t n);
// Canonical input only: whole groups, padding where it belongs, unused bits zero. Appends to out.
// 0 or -EBADMSG, and then out is as it was.
int base64_decode(struct buf *out, const char *text, size_t n);
