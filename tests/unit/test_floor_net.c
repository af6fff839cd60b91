// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "landlock.h"
#include "util.h"

static int
listener(uint16_t *ret_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    cr_assert_eq(listen(fd, 4), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

// The errno of a call in a child under the floor; 0 for success.
static int
under_floor(const struct socket_policy *p, uint16_t port,
            int (*call)(int, const struct sockaddr *, socklen_t))
{
    struct capability_set none = {0};
    struct floor f;
    struct err err = {0};
    int status;
    cr_assert_eq(floor_build(&none, p, false, &f, &err), 0, "%s", err.msg);
    pid_t pid = fork();
    if (pid == 0) {
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (floor_enforce(&f) < 0)
            _exit(255);
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        _exit(call(fd, (struct sockaddr *)&a, sizeof a) < 0 ? errno : 0);
    }
    waitpid(pid, &status, 0);
    floor_done(&f);
    return WEXITSTATUS(status);
}

Test(floor_net, the_floor_agrees_where_the_answer_is_static)
{
    uint16_t good, bad;
    struct err err = {0};
    cleanup_fd int a = listener(&good);
    cleanup_fd int b = listener(&bad);
    struct socket_policy p = {.net = SOCKETS_BLOCK};
    if (landlock_abi() < 4)
        cr_skip_test("Landlock knows no ports here");
    cr_expect_eq(under_floor(&p, good, connect), EACCES);
    cr_expect_eq(under_floor(&p, 0, bind), EACCES);
    cleanup_free char *host = xasprintf("127.0.0.1:%u", good);
    cr_assert_eq(socket_policy_add_host(&p, host, "test", &err), 0);
    cr_assert_eq(socket_policy_add_bind(&p, "18477-18479", "test", &err), 0);
    cr_expect_eq(under_floor(&p, good, connect), 0);
    cr_expect_eq(under_floor(&p, bad, connect), EACCES);
    cr_expect_eq(under_floor(&p, 18478, bind), 0);
    cr_expect_eq(under_floor(&p, 18480, bind), EACCES);
    // Whatever port of a host: no static answer, nothing is set.
    cr_assert_eq(socket_policy_add_host(&p, "127.0.0.1:*", "test", &err), 0);
    cr_expect_eq(under_floor(&p, bad, connect), 0);
    socket_policy_done(&p);
}

Test(floor_net, the_proxy_and_nothing_else)
{
    uint16_t good, bad;
    cleanup_fd int a = listener(&good);
    cleanup_fd int b = listener(&bad);
    struct socket_policy p = {.proxy_port = good};
    if (landlock_abi() < 4)
        cr_skip_test("Landlock knows no ports here");
    cr_expect_eq(under_floor(&p, good, connect), 0);
    cr_expect_eq(under_floor(&p, bad, connect), EACCES);
    p = (struct socket_policy){.net = SOCKETS_ASK};
    cr_expect_eq(under_floor(&p, bad, connect), 0);
}
