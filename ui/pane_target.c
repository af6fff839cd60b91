// SPDX-License-Identifier: Apache-2.0
// The target of a request in one row.
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "display.h"
#include "pane.h"
#include "util.h"

#define PARTS_MAX 4

struct part {
    const char *gap; /* before it; static */
    char *text;      /* owned */
    size_t width;    /* of the text */
    size_t room;
};

// What stands between two parts; a name has no such bytes, see detail_target().
static const char *
gap_at(const char *p)
{
    static const char *const gaps[] = {" -> ", "  (", "  ["};

    for (size_t i = 0; i < ARRAY_SIZE(gaps); i++)
        if (strncmp(p, gaps[i], strlen(gaps[i])) == 0)
            return gaps[i];
    return NULL;
}

static size_t
split(const char *text, struct part parts[PARTS_MAX])
{
    const char *gap = "";
    size_t n = 0;

    while (gap) {
        const char *end = text + strlen(gap), *next = NULL;
        struct part *part = &parts[n++];

        part->gap = gap;
        text = end;
        while (*end && (n == PARTS_MAX || !(next = gap_at(end))))
            end++;
        part->text = xstrndup(text, (size_t)(end - text));
        part->width = display_width(part->text);
        text = end;
        gap = next;
    }
    return n;
}

// Shares out what there is: a part that needs less than its share leaves the rest to the others.
static void
share(struct part *parts, size_t n, size_t room)
{
    size_t open = 0;
    bool settled;

    for (size_t i = 0; i < n; i++) {
        size_t gap = strlen(parts[i].gap);
        room -= gap < room ? gap : room;
        open += parts[i].width > 0;
    }
    do {
        settled = true;
        for (size_t i = 0; i < n; i++) {
            if (parts[i].room || !parts[i].width || parts[i].width > room / open)
                continue;
            parts[i].room = parts[i].width;
            room -= parts[i].width;
            open--;
            settled = false;
        }
    } while (!settled && open);
    for (size_t i = 0; i < n; i++) {
        if (parts[i].room || !parts[i].width)
            continue;
        parts[i].room = room / open;
        room -= parts[i].room;
        open--;
    }
}

static unsigned
draw_end(unsigned row, unsigned col, unsigned width, enum look look, const struct part *part)
{
    const char *text = part->text;
    size_t used = part->width, unit;

    if (used <= width)
        return screen_text(row, col, (unsigned)used, look, text);
    while (width && used >= width) {
        text += display_unit(text, &unit);
        used -= unit;
    }
    if (!width)
        return 0;
    screen_text(row, col, 1, LOOK_NOTICE, "<");
    return 1 + screen_text(row, col + 1, (unsigned)used, look, text);
}

void
pane_draw_target(unsigned row, unsigned col, unsigned width, enum look look, const char *text)
{
    struct part parts[PARTS_MAX] = {0};
    size_t n = split(text, parts);
    unsigned end = col + width;

    share(parts, n, width);
    for (size_t i = 0; i < n; i++) {
        unsigned gap = (unsigned)strlen(parts[i].gap);
        col += screen_text(row, col, gap < end - col ? gap : end - col, look, parts[i].gap);
        col += draw_end(row, col, (unsigned)parts[i].room, look, &parts[i]);
        free(parts[i].text);
    }
    screen_text(row, col, end - col, look, "");
}
