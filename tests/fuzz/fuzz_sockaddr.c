// SPDX-License-Identifier: Apache-2.0
// Whatever an address, a query for a name or a rule for a host holds: a name of the length that is
// said, an address only where the kernel would see one, a clean name, or one line that says what is
// wrong.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns.h"
#include "sockaddr.h"
#include "socket_policy.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
    if (!ok)
        abort();
}

static void
try_address(const uint8_t *data, size_t size)
{
    static const int domains[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
    struct sockaddr_parsed p;
    if (size < 2)
        return;
    uint8_t how = data[0];
    size_t len =
        size - 1 < sizeof(struct sockaddr_storage) ? size - 1 : sizeof(struct sockaddr_storage);
    cleanup_free void *copy = xmemdup(data + 1, len);
    sockaddr_parse(copy, len, domains[how & 3], how & 4 ? SOCK_DGRAM : SOCK_STREAM,
                   how & 8    ? OP_BIND
                   : how & 16 ? OP_SEND
                              : OP_CONNECT,
                   &p);
    check(p.path_len < sizeof p.path && p.path[p.path_len] == 0);
    if (p.kind == SOCKADDR_UNIX && p.name == UNIX_PATH)
        check(strlen(p.path) == p.path_len && p.path_len > 0);
    if (p.kind == SOCKADDR_INET) {
        check(p.peer.family == AF_INET || p.peer.family == AF_INET6);
        cleanup_free char *text = sockaddr_text(&p.peer, NULL);
        check(strchr(text, ':'));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[DNS_NAME_MAX];
    struct socket_policy policy = {0};
    cleanup_err struct err err = {0};
    try_address(data, size);
    if (dns_parse_query(data, size, name) == 0)
        check(strlen(name) > 0 &&
              strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(name));
    cleanup_free char *rule = xstrndup((const char *)data, size);
    int ret = socket_policy_add_host(&policy, rule, "--allow-connect", &err);
    check(ret == 0 ? policy.n_hosts == 1 : err.msg && !strchr(err.msg, '\n'));
    cleanup_free char *text = socket_policy_describe(&policy);
    check(strlen(text) > 0);
    socket_policy_done(&policy);
    return 0;
}
