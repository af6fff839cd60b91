// SPDX-License-Identifier: Apache-2.0
// The formats of nono log. One thread. Foreign bytes go through base/display.h.
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "archive.h"
#include "buf.h"
#include "query.h"

struct log_printer {
    FILE *out;
    bool color;
    unsigned display; /* DISPLAY_ASCII or 0 */
    uint64_t now_ns;  /* real time: how long a request waits */
    bool json;        /* an array, not lines */
    bool brief;       /* session lines without counts */
    size_t printed;   /* objects so far */
    int day;          /* of the last line, as in struct tm; the date is printed when it changes */
    int year;
};

// Short format: a line about a session; a line about an event, its outcome for a request.
void log_print_session(struct log_printer *p, const struct archive_session *s);
void log_print_event(struct log_printer *p, const struct archive_session *s,
                     const struct event_row *row);
// The latter's line alone, without its end.
void log_put_event(const struct log_printer *p, struct buf *b, const struct archive_session *s,
                   const struct event_row *row);
// One word for what came of it: "ASK>allow", "waiting", "fault".
const char *log_outcome_word(const struct archive_session *s, const struct event_row *row);
// Did it wait for a person?
bool log_was_asked(const struct event_row *row);
// "12 ms", "3.2 s", "5 min"; appended.
void log_put_duration(struct buf *b, int64_t ms);
// ", exit 1" and the like; nothing for a session that has no end.
void log_put_end(struct buf *b, const struct archive_session *s);
// Words of argv, each as a shell word.
void log_put_argv(struct buf *b, const char *argv, size_t n, unsigned display);
// 64 hexadecimal digits; nothing for NULL.
void log_put_digest(struct buf *b, const uint8_t *sha256);
// "192.0.2.7" in out, or NULL where there is none.
const char *log_format_address(char out[INET6_ADDRSTRLEN], const struct event_row *row);
// "192.0.2.7:443"; nothing where there is none.
void log_put_address(struct buf *b, const struct event_row *row);
// "unix", "inet", ...; NULL when it is no socket call.
const char *log_family_word(int family);
// "pathname", "abstract", "unnamed"; NULL when it is no AF_UNIX one.
const char *log_unix_kind_word(const struct event_row *row);
// "2025-11-23T14:02:11.123456789Z"; room for 48 bytes.
void log_format_time(char *out, size_t n, uint64_t real_ns);

// Verbose format (-v): a block of lines.
void log_print_verbose(struct log_printer *p, const struct archive_session *s,
                       const struct event_row *row);
// What no event has of a request: the object as it was, the call, why it was asked. 0 or -errno.
int log_print_facts(struct log_printer *p, struct reader *reader, const struct archive_session *s,
                    uint64_t request, struct err *err);

// JSON: between begin and end an object per event.
void log_begin_json(struct log_printer *p);
void log_print_json(struct log_printer *p, const struct event_row *row);
void log_end_json(struct log_printer *p);
// One event as an object on one line; the caller frees it.
char *log_json_text(const struct event_row *row);

// CSV (RFC 4180): a line of names, then a line per event.
void log_begin_csv(struct log_printer *p);
void log_print_csv(struct log_printer *p, const struct event_row *row);
