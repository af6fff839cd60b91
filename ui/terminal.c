// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <vterm.h>

#include "util.h"

struct terminal {
    VTerm *vt;
    VTermScreen *screen;
    void (*reply)(void *ctx, const void *data, size_t n);
    void *ctx;
    VTermPos cursor;
    bool cursor_visible, damaged;
};

static int
on_damage(VTermRect rect, void *user)
{
    (void)rect;
    ((struct terminal *)user)->damaged = true;
    return 1;
}

static int
on_move_cursor(VTermPos pos, VTermPos old, int visible, void *user)
{
    struct terminal *t = user;
    (void)old;
    (void)visible;
    t->cursor = pos;
    t->damaged = true;
    return 1;
}

static int
on_property(VTermProp prop, VTermValue *val, void *user)
{
    struct terminal *t = user;
    if (prop == VTERM_PROP_CURSORVISIBLE)
        t->cursor_visible = val->boolean;
    t->damaged = true;
    return 1;
}

static const VTermScreenCallbacks callbacks = {
    .damage = on_damage,
    .movecursor = on_move_cursor,
    .settermprop = on_property,
};

static void
on_output(const char *s, size_t n, void *user)
{
    struct terminal *t = user;
    t->reply(t->ctx, s, n);
}

struct terminal *
terminal_new(unsigned rows, unsigned cols, void (*reply)(void *, const void *, size_t), void *ctx)
{
    struct terminal *t = xcalloc(1, sizeof *t);
    t->reply = reply;
    t->ctx = ctx;
    t->cursor_visible = true;
    t->vt = vterm_new((int)rows, (int)cols);
    if (!t->vt)
        die("libvterm: out of memory");
    vterm_set_utf8(t->vt, 1);
    vterm_output_set_callback(t->vt, on_output, t);
    t->screen = vterm_obtain_screen(t->vt);
    vterm_screen_set_callbacks(t->screen, &callbacks, t);
    vterm_screen_enable_altscreen(t->screen, 1);
    vterm_screen_set_damage_merge(t->screen, VTERM_DAMAGE_SCROLL);
    vterm_screen_reset(t->screen, 1);
    return t;
}

struct terminal *
terminal_free(struct terminal *t)
{
    if (!t)
        return NULL;
    vterm_free(t->vt);
    free(t);
    return NULL;
}

void
terminal_resize(struct terminal *t, unsigned rows, unsigned cols)
{
    vterm_set_size(t->vt, (int)rows, (int)cols);
    vterm_screen_flush_damage(t->screen);
    t->damaged = true;
}

void
terminal_feed(struct terminal *t, const void *data, size_t n)
{
    vterm_input_write(t->vt, data, n);
    vterm_screen_flush_damage(t->screen);
}

// Nearest entry of the 6x6x6 cube or the grey ramp of the 256 colour palette.
static int
nearest_256(unsigned r, unsigned g, unsigned b)
{
    static const unsigned steps[] = {0, 95, 135, 175, 215, 255};
    const unsigned v[3] = {r, g, b};
    unsigned cube[3], distance = 0;
    for (int i = 0; i < 3; i++) {
        cube[i] = v[i] < 48 ? 0 : v[i] < 115 ? 1 : (v[i] - 35) / 40;
        distance += (v[i] - steps[cube[i]]) * (v[i] - steps[cube[i]]);
    }
    unsigned mean = (r + g + b) / 3, grey = mean < 8 ? 0 : mean > 238 ? 23 : (mean - 3) / 10;
    unsigned level = 8 + grey * 10, away = 0;
    for (int i = 0; i < 3; i++)
        away += (v[i] - level) * (v[i] - level);
    return away < distance ? 232 + (int)grey : 16 + (int)(36 * cube[0] + 6 * cube[1] + cube[2]);
}

static int
colour_of(const VTermColor *c)
{
    if (VTERM_COLOR_IS_DEFAULT_FG(c) || VTERM_COLOR_IS_DEFAULT_BG(c))
        return -1;
    if (VTERM_COLOR_IS_INDEXED(c))
        return c->indexed.idx;
    return nearest_256(c->rgb.red, c->rgb.green, c->rgb.blue);
}

void
terminal_cell(const struct terminal *t, unsigned row, unsigned col, struct terminal_cell *ret_c)
{
    VTermScreenCell cell;
    struct terminal_cell c = {.width = 1, .fg = -1, .bg = -1};
    VTermPos pos = {.row = (int)row, .col = (int)col};
    if (vterm_screen_get_cell(t->screen, pos, &cell)) {
        for (size_t i = 0; i < ARRAY_SIZE(c.chars) && i < VTERM_MAX_CHARS_PER_CELL; i++)
            c.chars[i] = cell.chars[i];
        c.width = cell.chars[0] == (uint32_t)-1 ? 0 : (unsigned)cell.width;
        c.bold = cell.attrs.bold;
        c.underline = cell.attrs.underline != 0;
        c.reverse = cell.attrs.reverse;
        c.italic = cell.attrs.italic;
        c.blink = cell.attrs.blink;
        c.fg = colour_of(&cell.fg);
        c.bg = colour_of(&cell.bg);
    }
    *ret_c = c;
}

bool
terminal_cursor(const struct terminal *t, unsigned *ret_row, unsigned *ret_col)
{
    *ret_row = (unsigned)t->cursor.row;
    *ret_col = (unsigned)t->cursor.col;
    return t->cursor_visible;
}

bool
terminal_take_damage(struct terminal *t)
{
    bool damaged = t->damaged;
    t->damaged = false;
    return damaged;
}

void
terminal_key(struct terminal *t, unsigned key, bool shift, bool alt, bool ctrl)
{
    static const VTermKey keys[] = {
        [TK_ENTER] = VTERM_KEY_ENTER,   [TK_TAB] = VTERM_KEY_TAB,
        [TK_BACKTAB] = VTERM_KEY_TAB,   [TK_BACKSPACE] = VTERM_KEY_BACKSPACE,
        [TK_ESCAPE] = VTERM_KEY_ESCAPE, [TK_UP] = VTERM_KEY_UP,
        [TK_DOWN] = VTERM_KEY_DOWN,     [TK_LEFT] = VTERM_KEY_LEFT,
        [TK_RIGHT] = VTERM_KEY_RIGHT,   [TK_INS] = VTERM_KEY_INS,
        [TK_DEL] = VTERM_KEY_DEL,       [TK_HOME] = VTERM_KEY_HOME,
        [TK_END] = VTERM_KEY_END,       [TK_PGUP] = VTERM_KEY_PAGEUP,
        [TK_PGDN] = VTERM_KEY_PAGEDOWN,
    };
    int mod = (shift || key == TK_BACKTAB ? VTERM_MOD_SHIFT : 0) | (alt ? VTERM_MOD_ALT : 0) |
              (ctrl ? VTERM_MOD_CTRL : 0);
    VTermKey k =
        key >= TK_FUNCTION ? (VTermKey)VTERM_KEY_FUNCTION((int)(key - TK_FUNCTION)) : keys[key];
    vterm_keyboard_key(t->vt, k, (VTermModifier)mod);
}

void
terminal_char(struct terminal *t, uint32_t c, bool alt)
{
    // Control characters are sent as they were typed, not in an extended encoding.
    if (c < 0x20 || c == 0x7f) {
        char bytes[2] = {'\033', (char)c};
        t->reply(t->ctx, alt ? bytes : bytes + 1, alt ? 2 : 1);
        return;
    }
    vterm_keyboard_unichar(t->vt, c, alt ? VTERM_MOD_ALT : VTERM_MOD_NONE);
}

void
terminal_paste(struct terminal *t, bool start)
{
    if (start)
        vterm_keyboard_start_paste(t->vt);
    else
        vterm_keyboard_end_paste(t->vt);
}
