// SPDX-License-Identifier: Apache-2.0
// The command's own terminal, and the user's one while it is passed through (--ui attach, none).
// Main thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "buf.h"

struct pty {
    int master;     /* ours, non-blocking; owned; -1 for none */
    int slave;      /* the command's until it runs; owned; -1 afterwards */
    struct buf out; /* for the command, not yet taken by its terminal */
};

// What says in the environment which terminal this is, and how to talk to it: wrong in another one.
// Up to NULL.
extern const char *const pty_foreign_variables[];

// Opens a pty of the size and with the modes of the terminal model_fd (defaults when it is none). 0
// or -errno.
int pty_open(int model_fd, struct pty *ret_p);
void pty_done(struct pty *p);
void pty_resize(struct pty *p, unsigned rows, unsigned cols);
// Size of the terminal fd; 24x80 when it has none.
void pty_size_of(int fd, unsigned *ret_rows, unsigned *ret_cols);
// Sends input to the command; what its terminal does not take now is kept (pty_flush()).
void pty_send(struct pty *p, const void *data, size_t n);
void pty_flush(struct pty *p);

// The user's terminal in raw mode for passing through.
struct raw_tty {
    struct termios saved;
    bool on;
};
void raw_tty_on(struct raw_tty *t, int fd);
void raw_tty_off(struct raw_tty *t, int fd);
