// SPDX-License-Identifier: Apache-2.0
#include "when.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "util.h"

static int
parse_epoch(const char *s, uint64_t *ret_ns)
{
    char *end;
    if (!isdigit((unsigned char)*s))
        return -EINVAL;
    errno = 0;
    uint64_t seconds = strtoull(s, &end, 10), ns = 0, unit = NS_PER_SEC;
    if (errno || seconds > INT64_MAX / NS_PER_SEC)
        return -EINVAL;
    if (*end == '.')
        for (end++; isdigit((unsigned char)*end); end++)
            ns += (unit /= 10) * (uint64_t)(*end - '0');
    if (*end)
        return -EINVAL;
    *ret_ns = seconds * NS_PER_SEC + ns;
    return 0;
}

static int
parse_ago(const char *s, uint64_t now_ns, uint64_t *ret_ns)
{
    static const struct {
        const char *word;
        unsigned seconds;
    } units[] = {{"s", 1},     {"sec", 1},     {"second", 1}, {"m", 60},
                 {"min", 60},  {"minute", 60}, {"h", 3600},   {"hour", 3600},
                 {"d", 86400}, {"day", 86400}, {"w", 604800}, {"week", 604800}};
    char *end;
    if (!isdigit((unsigned char)*s))
        return -EINVAL;
    uint64_t n = strtoull(s, &end, 10);
    while (*end == ' ')
        end++;
    size_t len = strspn(end, "abcdefghijklmnopqrstuvwxyz");
    const char *rest = end + len;
    while (*rest == ' ')
        rest++;
    if (strcmp(rest, "ago") != 0)
        return -EINVAL;
    if (len > 1 && end[len - 1] == 's')
        len--;
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        if (strlen(units[i].word) != len || strncmp(units[i].word, end, len) != 0)
            continue;
        if (n > now_ns / NS_PER_SEC / units[i].seconds)
            return -EINVAL;
        *ret_ns = now_ns - n * units[i].seconds * NS_PER_SEC;
        return 0;
    }
    return -EINVAL;
}

static int
from_tm(struct tm *tm, bool utc, uint64_t *ret_ns)
{
    tm->tm_isdst = -1;
    time_t t = utc ? timegm(tm) : mktime(tm);
    if (t < 0)
        return -EINVAL;
    *ret_ns = (uint64_t)t * NS_PER_SEC;
    return 0;
}

static int
parse_iso(const char *s, uint64_t *ret_ns)
{
    static const char *const formats[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S",
                                          "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"};
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        struct tm tm = {0};
        const char *end = strptime(s, formats[i], &tm);
        if (end && (!*end || strcmp(end, "Z") == 0))
            return from_tm(&tm, *end == 'Z', ret_ns);
    }
    return -EINVAL;
}

int
when_parse(const char *text, uint64_t now_ns, uint64_t *ret_ns)
{
    if (text[0] == '@')
        return parse_epoch(text + 1, ret_ns);
    if (strcmp(text, "now") == 0) {
        *ret_ns = now_ns;
        return 0;
    }
    bool yesterday = strcmp(text, "yesterday") == 0;
    if (yesterday || strcmp(text, "today") == 0) {
        time_t now = (time_t)(now_ns / NS_PER_SEC);
        struct tm tm = {0};
        localtime_r(&now, &tm);
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        tm.tm_mday -= yesterday;
        return from_tm(&tm, false, ret_ns);
    }
    return parse_iso(text, ret_ns) == 0 ? 0 : parse_ago(text, now_ns, ret_ns);
}
