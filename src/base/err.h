// SPDX-License-Identifier: Apache-2.0
// An error that a person will read: a negative errno and one clear line. Any thread, one owner.
#pragma once

struct err {
    int code;  /* negative errno */
    char *msg; /* owned; one line, no newline, foreign bytes already escaped */
};

#define cleanup_err __attribute__((cleanup(err_done)))

// Sets *e (which may be NULL) and returns code, so that "return err_set(e, -ENOENT, ...)" works.
// The first error is kept: a second call on a set error only returns code.
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
// Puts "context: " in front of the message.
void err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void err_done(struct err *e);
