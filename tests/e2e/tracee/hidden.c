// SPDX-License-Identifier: Apache-2.0
// hidden FILE: makes itself non-dumpable, then reads FILE.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
    char text[64];
    if (argc < 2)
        return 2;
    printf("prctl=%d\n", prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
    int fd = open(argv[1], O_RDONLY);
    if (fd < 0) {
        printf("failed: %s\n", strerror(errno));
        return 1;
    }
    ssize_t n = read(fd, text, sizeof text);
    printf("%.*s", (int)(n > 0 ? n : 0), text);
    return 0;
}
