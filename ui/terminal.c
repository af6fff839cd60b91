// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <vterm.h>

#include "display.h"
#include "util.h"

struct terminal {
    VTerm *vt;
    VTermScreen *screen;
    void (*reply)(void *ctx, const void *data, size_t n);
    void *ctx;
    VTermPos cursor;
    unsigned rows, cols;
    bool cursor_visible, damaged, bell;
    bool *row_damaged; /* owned, one per row */
};

static int
on_damage(VTermRect rect, void *user)
{
    struct terminal *t = user;

    for (int row = rect.start_row; row < rect.end_row; row++)
        if (row >= 0 && row < (int)t->rows)
            t->row_damaged[row] = true;
    t->damaged = true;
    return 1;
}

static int
on_move_cursor(VTermPos pos, VTermPos old, int visible, void *user)
{
    struct terminal *t = user;

    t->cursor = pos;
    t->damaged = true;
    return 1;
}

// Everything but the cursor is dropped: titles and icon names are nobody's but the agent's.
static int
on_property(VTermProp prop, VTermValue *val, void *user)
{
    struct terminal *t = user;

    if (prop == VTERM_PROP_CURSORVISIBLE) {
        t->cursor_visible = val->boolean;
        t->damaged = true;
    }
    return 1;
}

static int
on_bell(void *user)
{
    struct terminal *t = user;

    t->bell = t->damaged = true;
    return 1;
}

static const VTermScreenCallbacks callbacks = {
    .damage = on_damage,
    .movecursor = on_move_cursor,
    .settermprop = on_property,
    .bell = on_bell,
};

static void
on_output(const char *s, size_t n, void *user)
{
    struct terminal *t = user;

    t->reply(t->ctx, s, n);
}

static void
take_size(struct terminal *t, unsigned rows, unsigned cols)
{
    t->rows = rows < TERMINAL_ROWS_MIN ? TERMINAL_ROWS_MIN : rows;
    t->cols = cols < TERMINAL_COLS_MIN ? TERMINAL_COLS_MIN : cols;
    t->row_damaged = xrealloc(t->row_damaged, t->rows * sizeof *t->row_damaged);
    memset(t->row_damaged, true, t->rows * sizeof *t->row_damaged);
    t->damaged = true;
}

struct terminal *
terminal_new(unsigned rows, unsigned cols, void (*reply)(void *, const void *, size_t), void *ctx)
{
    struct terminal *t = xcalloc(1, sizeof *t);

    t->reply = reply;
    t->ctx = ctx;
    t->cursor_visible = true;
    take_size(t, rows, cols);
    t->vt = vterm_new((int)t->rows, (int)t->cols);
    if (!t->vt)
        die("libvterm: out of memory");
    vterm_set_utf8(t->vt, 1);
    vterm_output_set_callback(t->vt, on_output, t);
    t->screen = vterm_obtain_screen(t->vt);
    vterm_screen_set_callbacks(t->screen, &callbacks, t);
    vterm_screen_enable_altscreen(t->screen, 1);
    vterm_screen_set_damage_merge(t->screen, VTERM_DAMAGE_ROW);
    vterm_screen_reset(t->screen, 1);
    return t;
}

struct terminal *
terminal_free(struct terminal *t)
{
    if (!t)
        return NULL;
    vterm_free(t->vt);
    free(t->row_damaged);
    free(t);
    return NULL;
}

void
terminal_resize(struct terminal *t, unsigned rows, unsigned cols)
{
    unsigned had_rows = t->rows, had_cols = t->cols;

    take_size(t, rows, cols);
    if (t->rows == had_rows && t->cols == had_cols)
        return;
    vterm_set_size(t->vt, (int)t->rows, (int)t->cols);
    vterm_screen_flush_damage(t->screen);
}

void
terminal_size(const struct terminal *t, unsigned *ret_rows, unsigned *ret_cols)
{
    *ret_rows = t->rows;
    *ret_cols = t->cols;
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

// What may be drawn for a character of the agent's, 0 for nothing. Blank look-alikes and no-break
// spaces are blanks here; symbols of private use (prompts, themes) are drawn as they are.
static uint32_t
safe_char(uint32_t c, bool base)
{
    int width = display_char_width(c);

    if (!base)
        return width == 0 ? c : 0;
    if (width > 0 || (c >= 0xe000 && c <= 0xf8ff) || (c >= 0x1f3fb && c <= 0x1f3ff))
        return c;
    if (c < 0x20 || c == 0xa0 || c == 0x2800 || c == 0x3000)
        return ' ';
    return 0xfffd;
}

void
terminal_cell(const struct terminal *t, unsigned row, unsigned col, struct terminal_cell *ret_c)
{
    VTermScreenCell cell;
    VTermPos pos = {.row = (int)row, .col = (int)col};
    size_t n = 0;

    *ret_c = (struct terminal_cell){.width = 1, .fg = -1, .bg = -1};
    if (row >= t->rows || col >= t->cols || !vterm_screen_get_cell(t->screen, pos, &cell))
        return;
    if (cell.chars[0] == (uint32_t)-1) {
        ret_c->width = 0;
        return;
    }
    for (size_t i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i]; i++) {
        uint32_t c = safe_char(cell.chars[i], i == 0);
        if (c)
            ret_c->chars[n++] = c;
    }
    ret_c->width = cell.width == 2 && col + 1 < t->cols ? 2 : 1;
    ret_c->bold = cell.attrs.bold;
    ret_c->underline = cell.attrs.underline != 0;
    ret_c->reverse = cell.attrs.reverse;
    ret_c->italic = cell.attrs.italic;
    ret_c->blink = cell.attrs.blink;
    ret_c->fg = colour_of(&cell.fg);
    ret_c->bg = colour_of(&cell.bg);
}

bool
terminal_cursor(const struct terminal *t, unsigned *ret_row, unsigned *ret_col)
{
    *ret_row = t->cursor.row > 0 ? (unsigned)t->cursor.row : 0;
    *ret_col = t->cursor.col > 0 ? (unsigned)t->cursor.col : 0;
    return t->cursor_visible && *ret_row < t->rows && *ret_col < t->cols;
}

bool
terminal_damaged(const struct terminal *t)
{
    return t->damaged;
}

bool
terminal_row_damaged(const struct terminal *t, unsigned row)
{
    return row < t->rows && t->row_damaged[row];
}

void
terminal_clear_damage(struct terminal *t)
{
    memset(t->row_damaged, false, t->rows * sizeof *t->row_damaged);
    t->damaged = false;
}

bool
terminal_take_bell(struct terminal *t)
{
    bool bell = t->bell;

    t->bell = false;
    return bell;
}

static VTermKey
special_key(uint32_t code)
{
    switch (code) {
    case INPUT_UP:
        return VTERM_KEY_UP;
    case INPUT_DOWN:
        return VTERM_KEY_DOWN;
    case INPUT_LEFT:
        return VTERM_KEY_LEFT;
    case INPUT_RIGHT:
        return VTERM_KEY_RIGHT;
    case INPUT_HOME:
        return VTERM_KEY_HOME;
    case INPUT_END:
        return VTERM_KEY_END;
    case INPUT_PAGE_UP:
        return VTERM_KEY_PAGEUP;
    case INPUT_PAGE_DOWN:
        return VTERM_KEY_PAGEDOWN;
    case INPUT_INSERT:
        return VTERM_KEY_INS;
    case INPUT_DELETE:
        return VTERM_KEY_DEL;
    default:
        if (code > INPUT_F0 && code <= INPUT_F0 + 12)
            return (VTermKey)VTERM_KEY_FUNCTION((int)(code - INPUT_F0));
        return VTERM_KEY_NONE;
    }
}

void
terminal_press(struct terminal *t, const struct input_key *key)
{
    VTermKey special = special_key(key->code);
    unsigned mod = (key->mods & INPUT_SHIFT ? VTERM_MOD_SHIFT : 0) |
                   (key->mods & INPUT_ALT ? VTERM_MOD_ALT : 0) |
                   (key->mods & INPUT_CTRL ? VTERM_MOD_CTRL : 0);

    if (key->code == INPUT_PASTE) {
        if (key->paste_start)
            vterm_keyboard_start_paste(t->vt);
        if (key->raw_len)
            t->reply(t->ctx, key->raw, key->raw_len);
        if (key->paste_end)
            vterm_keyboard_end_paste(t->vt);
    } else if (special != VTERM_KEY_NONE) {
        vterm_keyboard_key(t->vt, special, (VTermModifier)mod);
    } else if (key->raw_len) {
        // Characters go as they were typed: an encoding of our own could only differ.
        t->reply(t->ctx, key->raw, key->raw_len);
    }
}
