// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>

#include "bounds.h"
#include "denial.h"
#include "util.h"

static bool
has_names(const struct denial *row)
{
    struct stat st;
    return row->ino && lstat(row->path, &st) == 0 && !S_ISDIR(st.st_mode) && st.st_nlink > 1;
}

bool
denials_have_names(const struct denials *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (has_names(&d->rows[i]))
            return true;
    return false;
}

bool
denials_find_names(struct denials *d, const char *root, size_t *budget)
{
    cleanup_free char *top = xstrdup(root);
    FTS *fts = fts_open((char *[]){top, NULL}, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!fts)
        return false;
    FTSENT *e;
    while ((e = fts_read(fts))) {
        if (*budget == 0 || d->n >= NONO_DENIALS_MAX)
            break;
        --*budget;
        // What is refused here is refused by its place.
        if (denials_refuse(d, e->fts_path)) {
            fts_set(fts, e, FTS_SKIP);
            continue;
        }
        const struct stat *st = e->fts_statp;
        if (e->fts_info != FTS_F && e->fts_info != FTS_DEFAULT)
            continue;
        const struct denial *row =
            st->st_nlink > 1 ? denials_refuse_object(d, st->st_dev, st->st_ino) : NULL;
        if (row)
            denials_add_name(d, e->fts_path, row->source);
    }
    fts_close(fts);
    return e == NULL;
}
