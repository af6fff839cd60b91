// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec.h"
#include "util.h"

static void
head_of(const char *text, char head[EXEC_HEAD])
{
    memset(head, 0, EXEC_HEAD);
    memcpy(head, text, strnlen(text, EXEC_HEAD));
}

static int
parse(const char *text, char *interpreter, char *argument)
{
    char head[EXEC_HEAD];
    head_of(text, head);
    return exec_parse_line(head, interpreter, argument);
}

Test(exec, lines_are_taken_apart_as_the_kernel_does)
{
    static const struct {
        const char *line, *interpreter, *argument;
    } rows[] = {
        {"#!/bin/sh\n", "/bin/sh", ""},
        {"#! /bin/sh\nexit\n", "/bin/sh", ""},
        {"#!\t /bin/sh \t \n", "/bin/sh", ""},
        {"#!/usr/bin/env python3 -u\n", "/usr/bin/env", "python3 -u"},
        {"#!/bin/sh   -e  \n", "/bin/sh", "-e"},
        {"#!/bin/sh", "/bin/sh", ""},
        {"#!/bin/sh -x", "/bin/sh", "-x"},
        {"#!/bin/sh\r\n", "/bin/sh\r", ""},
        {"#!sh\n", "sh", ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char interpreter[EXEC_HEAD], argument[EXEC_HEAD];
        cr_assert_eq(parse(rows[i].line, interpreter, argument), 0, "%s", rows[i].line);
        cr_assert_str_eq(interpreter, rows[i].interpreter, "%s", rows[i].line);
        cr_assert_str_eq(argument, rows[i].argument, "%s", rows[i].line);
    }
}

Test(exec, lines_without_an_interpreter_are_none)
{
    static const char *const rows[] = {"#!\n", "#!   \n", "#!\n/bin/sh\n"};
    static const char *const empty[] = {"#!", "#! \t"};
    char interpreter[EXEC_HEAD], argument[EXEC_HEAD], longest[EXEC_HEAD + 1];
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_assert_eq(parse(rows[i], interpreter, argument), -ENOEXEC, "%zu", i);
    // The file ends where the name would begin.
    for (size_t i = 0; i < ARRAY_SIZE(empty); i++)
        cr_assert_eq(parse(empty[i], interpreter, argument), -EACCES, "%zu", i);
    // Without an end in sight the name may have been cut.
    memset(longest, 'x', EXEC_HEAD);
    longest[EXEC_HEAD] = 0;
    memcpy(longest, "#!/", 3);
    cr_assert_eq(parse(longest, interpreter, argument), -ENOEXEC);
    longest[EXEC_HEAD - 1] = '\n';
    cr_assert_eq(parse(longest, interpreter, argument), 0);
    cr_assert_eq(strlen(interpreter), EXEC_HEAD - 3);
    memset(longest + 2, ' ', EXEC_HEAD - 2);
    cr_assert_eq(parse(longest, interpreter, argument), -ENOEXEC);
}

Test(exec, an_argument_may_be_cut)
{
    char interpreter[EXEC_HEAD], argument[EXEC_HEAD], line[EXEC_HEAD + 1];
    memset(line, 'a', EXEC_HEAD);
    line[EXEC_HEAD] = 0;
    memcpy(line, "#!/bin/sh ", 10);
    cr_assert_eq(parse(line, interpreter, argument), 0);
    cr_assert_str_eq(interpreter, "/bin/sh");
    // The last byte is where the kernel puts its NUL.
    cr_assert_eq(strlen(argument), EXEC_HEAD - 11);
}

Test(exec, formats)
{
    char head[EXEC_HEAD] = ELFMAG;
    Elf64_Ehdr e;
    cr_assert_eq(exec_format_of(head), EXEC_OTHER);
    memcpy(&e, head, sizeof e);
#if defined __x86_64__
    e.e_machine = EM_X86_64;
#else
    e.e_machine = EM_AARCH64;
#endif
    memcpy(head, &e, sizeof e);
    cr_assert_eq(exec_format_of(head), EXEC_NATIVE);
    head[0] = 'x';
    cr_assert_eq(exec_format_of(head), EXEC_OTHER);
    head_of("#!/bin/sh\n", head);
    cr_assert_eq(exec_format_of(head), EXEC_SCRIPT);
    head_of("#", head);
    cr_assert_eq(exec_format_of(head), EXEC_OTHER);
}

// A file of its own, closed again by the caller.
static int
make_file(const char *text, int *ret_writer)
{
    char name[] = "/tmp/nono-exec.XXXXXX";
    *ret_writer = mkstemp(name);
    cr_assert_geq(*ret_writer, 0);
    cr_assert_eq(write_all(*ret_writer, text, strlen(text)), 0);
    int fd = open(name, O_PATH | O_CLOEXEC);
    unlink(name);
    return fd;
}

static const char sha256_abc[] = "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23"
                                 "\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad";

Test(exec, a_digest_is_of_what_is_there_now)
{
    int writer, fd = make_file("abc", &writer);
    uint8_t first[SHA256_LEN], second[SHA256_LEN];
    struct stat st;
    cr_assert_eq(exec_digest(fd, false, &st, first), 0);
    cr_assert_arr_eq(first, sha256_abc, SHA256_LEN);
    cr_assert_eq(st.st_size, 3);
    // The same size in the same tick of the clock.
    cr_assert_eq(pwrite(writer, "x", 1, 0), 1);
    cr_assert_eq(exec_digest(fd, false, &st, second), 0);
    cr_assert_neq(memcmp(first, second, SHA256_LEN), 0);
    close(writer);
    close(fd);
}

Test(exec, a_copy_is_sealed_and_can_be_run)
{
    int writer, fd = make_file("abc", &writer);
    uint8_t sha256[SHA256_LEN];
    char text[4] = "";
    int copy = exec_copy(fd, sha256);
    cr_assert_geq(copy, 0);
    cr_assert_arr_eq(sha256, sha256_abc, SHA256_LEN);
    cr_assert_eq(pwrite(writer, "x", 1, 0), 1);
    cr_assert_eq(pread(copy, text, 3, 0), 3);
    cr_assert_str_eq(text, "abc");
    cr_assert_eq(fcntl(copy, F_GETFL) & O_ACCMODE, O_RDONLY);
    int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    cr_assert_eq(fcntl(copy, F_GET_SEALS) & seals, seals);
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", copy);
    int again = open(link, O_RDWR | O_CLOEXEC);
    cr_assert(again < 0 || write(again, "x", 1) < 0);
    cr_assert_eq(faccessat(copy, "", X_OK, AT_EMPTY_PATH | AT_EACCESS), 0);
    if (again >= 0)
        close(again);
    close(copy);
    close(writer);
    close(fd);
}

Test(exec, only_regular_files_are_looked_into)
{
    char head[EXEC_HEAD];
    int dir = open("/", O_PATH | O_CLOEXEC), null = open("/dev/null", O_PATH | O_CLOEXEC);
    cr_assert_eq(exec_read_head(dir, true, head), -EACCES);
    cr_assert_eq(exec_read_head(null, true, head), -EACCES);
    close(dir);
    close(null);
}
