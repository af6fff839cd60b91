// SPDX-License-Identifier: Apache-2.0
// nono log --tree: what came of the requests, below the processes that made them.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "display.h"
#include "log.h"
#include "util.h"

// A process, or a line of one (no pid).
struct node {
    char *pid;  /* its digits; owned */
    char *name; /* as shown: the programs that it was, else the word of who it started; owned */
    bool known; /* name is of programs */
    char *line; /* what came of a request; owned */
    struct node *children, *last, *next;
    uint64_t asked, allowed, refused;
};

struct tree {
    struct log *l;
    struct archive_session *current; /* whose events are read */
    struct archive_session *session; /* whose tree is built */
    struct node root;
};

static void
node_done(struct node *n)
{
    for (struct node *child = n->children, *next; child; child = next) {
        next = child->next;
        node_done(child);
        free(child);
    }
    free(n->pid);
    free(n->name);
    free(n->line);
}

static struct node *
node_add(struct node *parent)
{
    struct node *n = xcalloc(1, sizeof *n);
    if (parent->last)
        parent->last->next = n;
    else
        parent->children = n;
    parent->last = n;
    return n;
}

// Is word one of "dash, python3.11"?
static bool
is_word_of(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; p; p = (p = strstr(p, ", ")) ? p + 2 : NULL)
        if (strncmp(p, word, n) == 0 && (!p[n] || strncmp(p + n, ", ", 2) == 0))
            return true;
    return false;
}

// name: "bash/48190"; the number alone says which, the word changes with what the process runs.
static struct node *
node_child(struct node *parent, const char *name, bool known)
{
    const char *slash = strrchr(name, '/');
    const char *pid = slash ? slash + 1 : "";
    size_t len = slash ? (size_t)(slash - name) : strlen(name);
    struct node *n = parent->children;
    while (n && !(n->pid && strcmp(n->pid, pid) == 0))
        n = n->next;
    if (!n) {
        n = node_add(parent);
        n->pid = xstrdup(pid);
    }
    cleanup_free char *word = xstrndup(name, len);
    char *before = n->name;
    if (!before || (known && !n->known))
        n->name = steal_pointer(&word);
    else if (known && !is_word_of(before, word))
        n->name = xasprintf("%s, %s", before, word);
    n->known |= known;
    if (n->name != before)
        free(before);
    return n;
}

// The process of the row, below those that started it.
static struct node *
node_of(struct tree *t, const struct event_row *row)
{
    struct node *n = &t->root;
    cleanup_free char *ancestry = xstrdup(row->ancestry ? row->ancestry : "");
    for (char *rest = ancestry; *rest;) {
        char *end = strstr(rest, " > ");
        if (end)
            *end = 0;
        cleanup_free char *shown = display_str(rest, t->l->printer.display);
        n = node_child(n, shown, false);
        rest = end ? end + 3 : rest + strlen(rest);
    }
    const char *slash = row->exe ? strrchr(row->exe, '/') : NULL;
    const char *program = slash ? slash + 1 : row->exe && row->exe[0] ? row->exe : "?";
    cleanup_free char *raw = xasprintf("%s/%d", program, (int)row->pid);
    cleanup_free char *shown = display_str(raw, t->l->printer.display);
    return node_child(n, shown, true);
}

static void
put_branch(struct log_printer *p, const struct node *n, struct buf *indent, bool last)
{
    bool ascii = p->display & DISPLAY_ASCII;
    const char *elbow = ascii ? (last ? "`- " : "|- ") : last ? "└─ " : "├─ ";
    fprintf(p->out, "  %s%s", buf_str(indent), elbow);
    if (n->line)
        fprintf(p->out, "%s\n", n->line);
    else if (n->asked)
        fprintf(p->out, "%s/%s  asked %" PRIu64 ", allowed %" PRIu64 ", refused %" PRIu64 "\n",
                n->name, n->pid, n->asked, n->allowed, n->refused);
    else
        fprintf(p->out, "%s/%s\n", n->name, n->pid);
    size_t len = indent->len;
    buf_puts(indent, last ? "   " : ascii ? "|  " : "│  ");
    for (const struct node *child = n->children; child; child = child->next)
        put_branch(p, child, indent, !child->next);
    indent->len = len;
    indent->data[len] = 0;
}

static void
flush_session(struct tree *t)
{
    cleanup_buf struct buf indent = {0};
    for (const struct node *n = t->root.children; n; n = n->next)
        put_branch(&t->l->printer, n, &indent, !n->next);
    node_done(&t->root);
    t->root = (struct node){0};
}

static int
add_row(void *ctx, const struct event_row *row)
{
    struct tree *t = ctx;
    struct archive_session *s = t->current;
    struct log_printer *p = &t->l->printer;
    if (s != t->session) {
        flush_session(t);
        int ret = archive_count(&t->l->archive, s, t->l->err);
        if (ret < 0)
            return ret;
        log_print_session(p, s);
        t->session = s;
    }
    t->l->events++;
    struct node *n = row->request ? node_of(t, row) : &t->root;
    uint64_t calls = row->count ? row->count : 1;
    if (row->request) {
        n->asked++;
        n->allowed += row->verdict == VERDICT_ALLOW ? calls : 0;
        n->refused += row->verdict == VERDICT_DENY || row->verdict == VERDICT_EXPIRED ? calls : 0;
    }
    cleanup_buf struct buf b = {0};
    const char *text =
        row->request ? row->resolved && row->resolved[0] ? row->resolved : row->target : row->text;
    const char *op = op_to_string(row->op);
    buf_printf(&b, "%s %s%s", log_outcome_word(s, row), op ? op : "", op ? " " : "");
    if (text)
        display_escape(&b, text, strlen(text), p->display | DISPLAY_QUOTE);
    if (calls > 1)
        buf_printf(&b, "  x%" PRIu64, calls);
    node_add(n)->line = buf_steal(&b);
    return ferror(p->out) ? 1 : 0;
}

int
log_tree(struct log *l)
{
    struct tree t = {.l = l};
    struct archive *a = &l->archive;
    int ret = 0;
    // Processes of one session stay together, also where several records are read.
    for (size_t i = 0; i < a->sessions_n && ret == 0; i++) {
        struct archive_session *s = a->sessions[l->filter.f.reverse ? a->sessions_n - 1 - i : i];
        const char *const ids[] = {s->id, NULL};
        l->filter.f.sessions = ids;
        t.current = s;
        if (s->selected)
            ret = reader_events(a->readers[s->reader], &l->filter.f, add_row, &t, l->err);
    }
    flush_session(&t);
    return ret < 0 ? ret : 0;
}
