// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vterm.h>

#include "blocks.h"
#include "buf.h"
#include "display.h"
#include "history.h"
#include "sift.h"
#include "util.h"

struct terminal {
    struct blocks blocks; /* of vt */
    VTerm *vt;
    VTermScreen *screen;
    void (*reply)(void *ctx, const void *data, size_t n);
    void *ctx;
    VTermPos cursor;
    unsigned rows, cols;
    bool cursor_visible, damaged, bell;
    bool reversed;     /* the whole screen is (DECSCNM) */
    bool *row_damaged; /* owned, one per row */
    enum terminal_mouse mouse;
    unsigned shape; /* enum of libvterm; 0: never said */
    bool blink;
    struct history history;
    struct sift sift;
    size_t pushed;
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

    // One that is restored may come from a larger screen.
    t->cursor = (VTermPos){
        pos.row < (int)t->rows ? pos.row : (int)t->rows - 1,
        pos.col < (int)t->cols ? pos.col : (int)t->cols - 1,
    };
    t->damaged = true;
    return 1;
}

// Everything but the cursor is dropped: titles and icon names are nobody's but the agent's.
static int
on_property(VTermProp prop, VTermValue *val, void *user)
{
    struct terminal *t = user;

    t->damaged = true; /* the next frame tells the terminal of cursor and mouse */
    if (prop == VTERM_PROP_CURSORVISIBLE) {
        t->cursor_visible = val->boolean;
    } else if (prop == VTERM_PROP_CURSORSHAPE) {
        t->shape = (unsigned)val->number;
    } else if (prop == VTERM_PROP_CURSORBLINK) {
        t->blink = val->boolean;
    } else if (prop == VTERM_PROP_REVERSE) {
        t->reversed = val->boolean;
    } else if (prop == VTERM_PROP_MOUSE) {
        t->mouse = (enum terminal_mouse)val->number;
    }
    return 1;
}

static int
on_push_line(int cols, const VTermScreenCell *cells, void *user)
{
    struct terminal *t = user;

    if (t->blocks.kept)
        return 0;
    history_push(&t->history, cells, (unsigned)cols);
    t->pushed++;
    return 1;
}

static int
on_pop_line(int cols, VTermScreenCell *cells, void *user)
{
    struct terminal *t = user;

    return !t->blocks.kept && history_pop(&t->history, cells, (unsigned)cols);
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
    .sb_pushline = on_push_line,
    .sb_popline = on_pop_line,
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

static VTermAllocatorFunctions allocator = {.malloc = blocks_alloc, .free = blocks_free};

struct terminal *
terminal_new(unsigned rows, unsigned cols, void (*reply)(void *, const void *, size_t), void *ctx)
{
    struct terminal *t = xcalloc(1, sizeof *t);

    t->reply = reply;
    t->ctx = ctx;
    t->cursor_visible = true;
    take_size(t, rows, cols);
    t->vt = vterm_new_with_allocator((int)t->rows, (int)t->cols, &allocator, &t->blocks);
    if (!t->vt)
        die("libvterm: out of memory");
    vterm_set_utf8(t->vt, 1);
    vterm_output_set_callback(t->vt, on_output, t);
    t->screen = vterm_obtain_screen(t->vt);
    vterm_screen_set_callbacks(t->screen, &callbacks, t);
    vterm_screen_enable_altscreen(t->screen, 1);
    vterm_screen_set_damage_merge(t->screen, VTERM_DAMAGE_ROW);
    vterm_screen_reset(t->screen, 1);
    t->shape = 0; /* the reset is not the agent's word */
    return t;
}

struct terminal *
terminal_free(struct terminal *t)
{
    if (!t)
        return NULL;
    vterm_free(t->vt);
    blocks_done(&t->blocks);
    history_done(&t->history);
    free(t->row_damaged);
    free(t);
    return NULL;
}

// libvterm 0.1.4 keeps margins that lie outside of a smaller screen, and takes the rows that it
// pushes into the history off the cursor's row, which may come out negative: the next scrolling or
// erasure then writes anywhere. So the margins are opened, as xterm does, and the cursor is placed.
static void
settle_size(struct terminal *t)
{
    char text[64];
    VTermPos pos;

    vterm_state_get_cursorpos(vterm_obtain_state(t->vt), &pos);
    pos.row = pos.row < 0 ? 0 : pos.row >= (int)t->rows ? (int)t->rows - 1 : pos.row;
    pos.col = pos.col < 0 ? 0 : pos.col >= (int)t->cols ? (int)t->cols - 1 : pos.col;
    snprintf(text, sizeof text, "\033[r\033[?69h\033[s\033[?69l\033[%d;%dH", pos.row + 1,
             pos.col + 1);
    // Not in the middle of anything: sift_feed() writes what is whole.
    vterm_input_write(t->vt, text, strlen(text));
}

void
terminal_resize(struct terminal *t, unsigned rows, unsigned cols)
{
    unsigned had_rows = t->rows, had_cols = t->cols;

    take_size(t, rows, cols);
    if (t->rows == had_rows && t->cols == had_cols)
        return;
    vterm_set_size(t->vt, (int)t->rows, (int)t->cols);
    settle_size(t);
    vterm_screen_flush_damage(t->screen);
    blocks_trim(&t->blocks);
}

// --- copies -----------------------------------------------------------------------------------

// What is neither libvterm's nor about drawing.
struct terminal_copy {
    struct terminal state; /* its pointers are not looked at */
    struct blocks_copy *blocks;
};

void
terminal_keep(struct terminal *t)
{
    t->blocks.kept = true;
}

struct terminal_copy *
terminal_copy(const struct terminal *t, size_t *ret_bytes)
{
    struct terminal_copy *copy = xmalloc(sizeof *copy);

    copy->state = *t;
    copy->blocks = blocks_copy(&t->blocks);
    *ret_bytes = sizeof *copy + copy->blocks->bytes;
    return copy;
}

struct terminal_copy *
terminal_copy_free(struct terminal_copy *copy)
{
    if (copy)
        free(copy->blocks);
    free(copy);
    return NULL;
}

bool
terminal_restore(struct terminal *t, const struct terminal_copy *copy)
{
    const struct terminal *from = &copy->state;

    if (!blocks_restore(&t->blocks, copy->blocks))
        return false;
    t->cursor = from->cursor;
    t->cursor_visible = from->cursor_visible;
    t->reversed = from->reversed;
    t->mouse = from->mouse;
    t->shape = from->shape;
    t->blink = from->blink;
    t->sift = from->sift;
    take_size(t, from->rows, from->cols);
    return true;
}

void
terminal_size(const struct terminal *t, unsigned *ret_rows, unsigned *ret_cols)
{
    *ret_rows = t->rows;
    *ret_cols = t->cols;
}

static void
write_vterm(void *ctx, const char *data, size_t n)
{
    struct terminal *t = ctx;

    if (n)
        vterm_input_write(t->vt, data, n);
}

void
terminal_feed(struct terminal *t, const void *data, size_t n)
{
    sift_feed(&t->sift, data, n, write_vterm, t);
    vterm_screen_flush_damage(t->screen);
}

static int
colour_of(const VTermColor *c)
{
    if (VTERM_COLOR_IS_DEFAULT_FG(c) || VTERM_COLOR_IS_DEFAULT_BG(c))
        return -1;
    if (VTERM_COLOR_IS_INDEXED(c))
        return c->indexed.idx;
    return TERMINAL_RGB | c->rgb.red << 16 | c->rgb.green << 8 | c->rgb.blue;
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

// cell is foreign, limit the columns of its row.
static void
make_cell(const struct terminal *t, const VTermScreenCell *cell, unsigned col, unsigned limit,
          struct terminal_cell *ret_c)
{
    size_t n = 0;

    if (cell->chars[0] == (uint32_t)-1) {
        ret_c->width = 0;
        return;
    }
    for (size_t i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell->chars[i]; i++) {
        uint32_t c = safe_char(cell->chars[i], i == 0);
        if (c)
            ret_c->chars[n++] = c;
    }
    ret_c->width = cell->width == 2 && col + 1 < limit ? 2 : 1;
    ret_c->fg = colour_of(&cell->fg);
    ret_c->bg = colour_of(&cell->bg);
    ret_c->reverse = cell->attrs.reverse;
    if (!cell->chars[0]) {
        // Erased: libvterm keeps all attributes of the moment, terminals the background alone.
        ret_c->reverse = t->reversed;
        return;
    }
    ret_c->bold = cell->attrs.bold;
    ret_c->faint = cell->attrs.font == SIFT_FAINT_FONT;
    ret_c->underline = cell->attrs.underline != 0;
    ret_c->italic = cell->attrs.italic;
    ret_c->blink = cell->attrs.blink;
}

void
terminal_cell(const struct terminal *t, unsigned row, unsigned col, struct terminal_cell *ret_c)
{
    VTermScreenCell cell;
    VTermPos pos = {.row = (int)row, .col = (int)col};

    *ret_c = (struct terminal_cell){.width = 1, .fg = -1, .bg = -1};
    if (row < t->rows && col < t->cols && vterm_screen_get_cell(t->screen, pos, &cell))
        make_cell(t, &cell, col, t->cols, ret_c);
}

void
terminal_cell_back(const struct terminal *t, size_t back, unsigned row, unsigned col,
                   struct terminal_cell *ret_c)
{
    size_t n = t->history.n;
    const struct history_row *old;

    back = back < n ? back : n;
    if (row >= back) {
        terminal_cell(t, row - (unsigned)back, col, ret_c);
        return;
    }
    *ret_c = (struct terminal_cell){.width = 1, .fg = -1, .bg = -1};
    old = history_row(&t->history, n - back + row);
    if (col < old->cols && col < t->cols)
        make_cell(t, &old->cells[col], col, t->cols, ret_c);
}

size_t
terminal_history(const struct terminal *t)
{
    return t->history.n;
}

size_t
terminal_pushed(const struct terminal *t)
{
    return t->pushed;
}

static void
add_utf8(struct buf *out, uint32_t c)
{
    if (c < 0x80)
        buf_putc(out, (char)c);
    else if (c < 0x800)
        buf_printf(out, "%c%c", (char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f)));
    else if (c < 0x10000)
        buf_printf(out, "%c%c%c", (char)(0xe0 | c >> 12), (char)(0x80 | (c >> 6 & 0x3f)),
                   (char)(0x80 | (c & 0x3f)));
    else
        buf_printf(out, "%c%c%c%c", (char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 0x3f)),
                   (char)(0x80 | (c >> 6 & 0x3f)), (char)(0x80 | (c & 0x3f)));
}

void
terminal_row_text(const struct terminal *t, size_t back, unsigned row, struct buf *out)
{
    struct terminal_cell c;

    for (unsigned col = 0; col < t->cols; col++) {
        terminal_cell_back(t, back, row, col, &c);
        if (c.width && !c.chars[0])
            buf_putc(out, ' ');
        for (size_t i = 0; i < ARRAY_SIZE(c.chars) && c.chars[i]; i++)
            add_utf8(out, c.chars[i]);
    }
}

// Is text in the row that lies on top when scrolled back by that many?
static bool
row_has(const struct terminal *t, size_t back, const char *text)
{
    cleanup_buf struct buf line = {0};

    terminal_row_text(t, back, 0, &line);
    return strcasestr(buf_str(&line), text) != NULL;
}

bool
terminal_find(const struct terminal *t, const char *text, bool older, size_t *back)
{
    for (size_t b = *back; older ? b < t->history.n : b > 0;) {
        b = older ? b + 1 : b - 1;
        if (row_has(t, b, text)) {
            *back = b;
            return true;
        }
    }
    return false;
}

enum terminal_mouse
terminal_mouse_wanted(const struct terminal *t)
{
    return t->mouse;
}

unsigned
terminal_cursor_shape(const struct terminal *t)
{
    if (t->shape < VTERM_PROP_CURSORSHAPE_BLOCK || t->shape > VTERM_PROP_CURSORSHAPE_BAR_LEFT)
        return 0;
    return 2 * t->shape - (t->blink ? 1 : 0);
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

void
terminal_mouse(struct terminal *t, const struct input_key *key, unsigned row, unsigned col)
{
    unsigned button = (key->button & 3) + 1;
    VTermModifier mod = (VTermModifier)((key->button & 4 ? VTERM_MOD_SHIFT : 0) |
                                        (key->button & 8 ? VTERM_MOD_ALT : 0) |
                                        (key->button & 16 ? VTERM_MOD_CTRL : 0));

    if (t->mouse == TERMINAL_MOUSE_NONE || row >= t->rows || col >= t->cols)
        return;
    vterm_mouse_move(t->vt, (int)row, (int)col, mod);
    if (key->button & 32) /* a move alone */
        return;
    if (key->button & 64) /* the wheel */
        button += 3;
    if (button != 4 || key->button & 64)
        vterm_mouse_button(t->vt, (int)button, !key->release, mod);
}
