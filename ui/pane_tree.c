// SPDX-License-Identifier: Apache-2.0
// Beside the queue on a wide terminal: the processes that wait below those that started them, and
// the newest grants. Made from the requests alone.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detail.h"
#include "display.h"
#include "pane.h"
#include "screen.h"
#include "util.h"

#define NODES 64
#define ROWS_LOOKED_AT 256

struct node {
    char *name; /* owned: foreign bytes, "bash/48190" */
    int parent; /* -1: none */
    unsigned depth;
    const struct view_row *row; /* the first request that it waits with; NULL: it does not */
    unsigned more;              /* further ones */
};

struct tree {
    struct node nodes[NODES];
    int n;
};

static int
find_child(struct tree *t, int parent, const char *name, size_t len)
{
    for (int i = 0; i < t->n; i++)
        if (t->nodes[i].parent == parent && strlen(t->nodes[i].name) == len &&
            memcmp(t->nodes[i].name, name, len) == 0)
            return i;
    if (t->n == NODES)
        return -1;
    t->nodes[t->n] = (struct node){.name = xstrndup(name, len),
                                   .parent = parent,
                                   .depth = parent < 0 ? 0 : t->nodes[parent].depth + 1};
    return t->n++;
}

static void
add_row(struct tree *t, const struct view_row *row)
{
    static const char gap[] = " > ";
    const char *at = row->request->ancestry ? row->request->ancestry : "";
    cleanup_buf struct buf self = {0};
    int parent = -1;

    while (*at) {
        const char *end = strstr(at, gap);
        size_t n = end ? (size_t)(end - at) : strlen(at);
        parent = find_child(t, parent, at, n);
        if (parent < 0)
            return;
        at += n + (end ? sizeof gap - 1 : 0);
    }
    detail_program(&self, row->request, screen_display_flags());
    parent = find_child(t, parent, buf_str(&self), self.len);
    if (parent < 0)
        return;
    if (t->nodes[parent].row)
        t->nodes[parent].more++;
    else
        t->nodes[parent].row = row;
}

struct column {
    const struct pane *p;
    const struct pane_area *a;
    unsigned left, used;
    uint64_t now_ns;
};

static void
draw_line(struct column *c, enum look look, const char *text)
{
    if (c->used == c->a->rows)
        return;
    screen_text(c->a->top + c->used, c->left, 2, LOOK_DIM, "|");
    screen_text(c->a->top + c->used, c->left + 2, c->a->cols - 2, look, text);
    c->used++;
}

static void
draw_node(struct column *c, const struct node *n)
{
    cleanup_free char *shown = display_str(n->name, screen_display_flags());
    bool selected = n->row && n->row->key == c->p->view.selected;
    cleanup_buf struct buf text = {0};

    buf_printf(&text, "%*s%s", (int)(2 * n->depth), "", selected ? ">" : "");
    buf_puts(&text, shown);
    if (n->row) {
        buf_printf(&text, "  waits: %s ", detail_op(n->row->request->op));
        detail_state(&text, n->row, c->now_ns);
        if (n->more)
            buf_printf(&text, " +%u", n->more);
    }
    draw_line(c, selected ? LOOK_STRONG : n->row ? LOOK_PLAIN : LOOK_DIM, buf_str(&text));
}

static void
draw_below(struct column *c, const struct tree *t, int parent)
{
    for (int i = 0; i < t->n; i++)
        if (t->nodes[i].parent == parent) {
            draw_node(c, &t->nodes[i]);
            draw_below(c, t, i);
        }
}

static void
draw_some_grants(struct column *c)
{
    const struct view *v = &c->p->view;
    size_t n = view_grant_count(v);
    unsigned session;
    char head[48];

    snprintf(head, sizeof head, "GRANTS %zu (U lists them)", n);
    draw_line(c, LOOK_STRONG, head);
    for (size_t i = n; i-- > 0 && c->used < c->a->rows;) {
        cleanup_buf struct buf text = {0};
        detail_grant(&text, view_grant_at(v, i, &session), c->now_ns, screen_display_flags());
        draw_line(c, LOOK_PLAIN, buf_str(&text));
    }
}

void
pane_draw_tree(const struct pane *p, const struct pane_area *a, unsigned left, uint64_t now_ns)
{
    const struct view *v = &p->view;
    struct column c = {.p = p, .a = a, .left = left, .now_ns = now_ns};
    struct tree t = {.n = 0};
    size_t looked = 0;

    for (size_t i = 0; i < v->listed && looked < ROWS_LOOKED_AT; i++)
        if (view_row_waits(v->list[i])) {
            add_row(&t, v->list[i]);
            looked++;
        }
    draw_line(&c, LOOK_STRONG, "PROCESSES THAT WAIT");
    draw_below(&c, &t, -1);
    draw_some_grants(&c);
    while (c.used < a->rows)
        draw_line(&c, LOOK_PLAIN, "");
    for (int i = 0; i < t.n; i++)
        free(t.nodes[i].name);
}
