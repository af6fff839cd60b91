// SPDX-License-Identifier: Apache-2.0
// redraw - draws the way agents' interfaces do: a frame below the last text, taken back line by
// line and written anew for each key; colours of every kind, wide characters, boxes, links,
// synchronized output. j and k move, f fills the screen (alternate screen) or leaves it, q ends.
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ROWS 5

static int selected, frames, full;
static unsigned cols = 80;

static void
line(const char *before, int n, const char *after)
{
    // This colour is one of the 256 as well.
    printf("\033[2K\033[38;2;95;175;255m\xe2\x94\x82\033[39m ");
    printf("%srow %d%s", before, n, after);
    printf("\033[%uG\033[38;5;39m\xe2\x94\x82\033[m\r\n", cols);
}

static void
edge(const char *left, const char *right)
{
    printf("\033[2K\033[36m%s", left);
    for (unsigned i = 2; i < cols; i++)
        printf("\xe2\x94\x80");
    printf("%s\033[39m\r\n", right);
}

static void
frame(void)
{
    static const char *const rows[ROWS][2] = {
        {"\033[1m", "\033[22m \xe6\xbc\xa2\xe5\xad\x97 wide"},
        {"\033[3;35m", "\033[m italic, e\xcc\x81 combined"},
        {"\033[48;5;236m", " on grey\033[49m"},
        {"\033]8;;https://example.org\033\\", "\033]8;;\033\\ linked"},
        {"\033[4m", "\033[24m \xf0\x9f\x9a\x80 rocket"},
    };

    printf("\033[?2026h\033[?25l");
    if (full)
        printf("\033[H");
    else if (frames)
        printf("\033[%dA", ROWS + 3);
    edge("\xe2\x95\xad", "\xe2\x95\xae");
    for (int i = 0; i < ROWS; i++) {
        fputs(i == selected ? "\033[7m" : "", stdout);
        line(rows[i][0], i, rows[i][1]);
    }
    edge("\xe2\x95\xb0", "\xe2\x95\xaf");
    printf("\033[2Kframe %d, row %d\033[K\r\n\033[J\033[?2026l", ++frames, selected);
    fflush(stdout);
}

int
main(void)
{
    struct termios before, raw;
    struct winsize size;
    char key;

    if (tcgetattr(0, &before) < 0 || ioctl(1, TIOCGWINSZ, &size) < 0)
        return 1;
    cols = size.ws_col;
    raw = before;
    cfmakeraw(&raw);
    tcsetattr(0, TCSADRAIN, &raw);
    printf("text that stays\r\n");
    frame();
    while (read(0, &key, 1) == 1 && key != 'q') {
        if (key == 'j' && selected < ROWS - 1)
            selected++;
        if (key == 'k' && selected > 0)
            selected--;
        if (key == 'f') {
            full = !full;
            fputs(full ? "\033[?1049h\033[2J" : "\033[?1049l", stdout);
        }
        frame();
    }
    printf("%s\033[?25hended\r\n", full ? "\033[?1049l" : "");
    fflush(stdout);
    tcsetattr(0, TCSADRAIN, &before);
    return 0;
}
