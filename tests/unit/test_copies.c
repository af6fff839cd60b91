// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "bounds.h"
#include "copies.h"
#include "util.h"

static const uint8_t digest[SHA256_LEN] = {1, 2, 3};

static void
add(ino_t ino, const char *path)
{
    copies_add(&(struct stat){.st_dev = 1, .st_ino = ino}, path, digest);
}

static char *
find(ino_t ino)
{
    return copies_find(&(struct stat){.st_dev = 1, .st_ino = ino}, NULL);
}

Test(copies, are_known_by_device_and_inode)
{
    uint8_t sha256[SHA256_LEN];
    add(7, "/srv/tool");
    cleanup_free char *path = copies_find(&(struct stat){.st_dev = 1, .st_ino = 7}, sha256);
    cr_expect_str_eq(path, "/srv/tool");
    cr_expect_eq(memcmp(sha256, digest, sizeof digest), 0);
    cr_expect_null(find(8));
    cr_expect_null(copies_find(&(struct stat){.st_dev = 2, .st_ino = 7}, NULL));
    cr_expect_null(copies_find(&(struct stat){0}, NULL), "a free row is nobody's");
}

Test(copies, are_called_as_they_were_run_last)
{
    add(7, "/srv/tool");
    add(7, "/srv/link");
    cleanup_free char *path = find(7);
    cr_expect_str_eq(path, "/srv/link");
}

Test(copies, the_one_unused_for_longest_makes_room)
{
    char path[32];
    for (ino_t i = 1; i <= NONO_COPIES_MAX; i++) {
        snprintf(path, sizeof path, "/srv/%lu", (unsigned long)i);
        add(i, path);
    }
    cleanup_free char *asked = find(1);
    cr_expect_str_eq(asked, "/srv/1");
    add(NONO_COPIES_MAX + 1, "/srv/new");
    cleanup_free char *kept = find(1), *new = find(NONO_COPIES_MAX + 1);
    cr_expect_str_eq(kept, "/srv/1");
    cr_expect_str_eq(new, "/srv/new");
    cr_expect_null(find(2));
}
