// SPDX-License-Identifier: Apache-2.0
#include "base64.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(struct buf *out, const void *data, size_t n)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t v = (uint32_t)p[i] << 16;
        v |= left > 1 ? (uint32_t)p[i + 1] << 8 : 0;
        v |= left > 2 ? p[i + 2] : 0;
        const char group[4] = {
            alphabet[v >> 18],
            alphabet[v >> 12 & 63],
            left > 1 ? alphabet[v >> 6 & 63] : '=',
            left > 2 ? alphabet[v & 63] : '=',
        };
        buf_add(out, group, sizeof group);
    }
}

static int
digit_value(char c)
{
    const char *p = c ? strchr(alphabet, c) : NULL;
    return p ? (int)(p - alphabet) : -1;
}

int
base64_decode(struct buf *out, const char *text, size_t n)
{
    if (n % 4)
        return -EBADMSG;
    cleanup_buf struct buf b = {0};
    for (size_t i = 0; i < n; i += 4) {
        size_t pad = 0;
        if (i + 4 == n && text[i + 3] == '=')
            pad = text[i + 2] == '=' ? 2 : 1;
        uint32_t v = 0;
        for (size_t k = 0; k < 4; k++) {
            int d = k >= 4 - pad ? 0 : digit_value(text[i + k]);
            if (d < 0)
                return -EBADMSG;
            v = v << 6 | (uint32_t)d;
        }
        if ((pad == 2 && v & 0xffff) || (pad == 1 && v & 0xff))
            return -EBADMSG;
        const uint8_t bytes[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
        buf_add(&b, bytes, 3 - pad);
    }
    buf_add(out, b.data ? b.data : "", b.len);
    return 0;
}
