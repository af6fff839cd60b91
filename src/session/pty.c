// SPDX-License-Identifier: Apache-2.0
#include "pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util.h"

#define PTY_BACKLOG_MAX (1024 * 1024)

// A name that misses here misleads a program and opens nothing: the sockets are refused by
// socket_risk.c. COLORTERM stays: the pane shows those colours.
const char *const pty_foreign_variables[] = {
    "TMUX",
    "TMUX_PANE",
    "STY",
    "WINDOW",
    "ZELLIJ",
    "ZELLIJ_SESSION_NAME",
    "ZELLIJ_PANE_ID",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "TERM_SESSION_ID",
    "LC_TERMINAL",
    "LC_TERMINAL_VERSION",
    "ITERM_SESSION_ID",
    "ITERM_PROFILE",
    "KITTY_WINDOW_ID",
    "KITTY_LISTEN_ON",
    "KITTY_PID",
    "KITTY_PUBLIC_KEY",
    "WEZTERM_PANE",
    "WEZTERM_UNIX_SOCKET",
    "ALACRITTY_SOCKET",
    "ALACRITTY_WINDOW_ID",
    "GHOSTTY_RESOURCES_DIR",
    "KONSOLE_VERSION",
    "KONSOLE_DBUS_SERVICE",
    "KONSOLE_DBUS_SESSION",
    "KONSOLE_DBUS_WINDOW",
    "VTE_VERSION",
    "WT_SESSION",
    "WINDOWID",
    NULL,
};

int
pty_open(int model_fd, struct pty *ret_p)
{
    struct termios modes;
    unsigned rows, cols;
    cleanup_fd int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
        return -errno;
    // By ioctl, not by name: another mount on /dev/pts can't put its own device in between.
    int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return -errno;
    if (tcgetattr(model_fd, &modes) == 0)
        tcsetattr(slave, TCSANOW, &modes);
    *ret_p = (struct pty){.master = steal_fd(&master), .slave = slave};
    pty_size_of(model_fd, &rows, &cols);
    pty_resize(ret_p, rows, cols);
    return 0;
}

void
pty_done(struct pty *p)
{
    close_fd(&p->master);
    close_fd(&p->slave);
    buf_done(&p->out);
}

void
pty_resize(struct pty *p, unsigned rows, unsigned cols)
{
    struct winsize ws = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
    if (p->master >= 0 && rows && cols)
        ioctl(p->master, TIOCSWINSZ, &ws);
}

void
pty_size_of(int fd, unsigned *ret_rows, unsigned *ret_cols)
{
    struct winsize ws = {0};
    bool known = ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_row && ws.ws_col;
    *ret_rows = known ? ws.ws_row : 24;
    *ret_cols = known ? ws.ws_col : 80;
}

void
pty_flush(struct pty *p)
{
    while (p->out.len && p->master >= 0) {
        ssize_t n = write(p->master, p->out.data, p->out.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (errno != EAGAIN)
                buf_reset(&p->out);
            return;
        }
        buf_consume(&p->out, (size_t)n);
    }
}

void
pty_send(struct pty *p, const void *data, size_t n)
{
    // A command that reads nothing loses what a terminal would lose too, in the end.
    if (p->master < 0 || p->out.len + n > PTY_BACKLOG_MAX)
        return;
    buf_add(&p->out, data, n);
    pty_flush(p);
}

void
raw_tty_on(struct raw_tty *t, int fd)
{
    struct termios raw;
    if (t->on || tcgetattr(fd, &t->saved) < 0)
        return;
    raw = t->saved;
    cfmakeraw(&raw);
    tcsetattr(fd, TCSADRAIN, &raw);
    t->on = true;
}

void
raw_tty_off(struct raw_tty *t, int fd)
{
    if (t->on)
        tcsetattr(fd, TCSADRAIN, &t->saved);
    t->on = false;
}
