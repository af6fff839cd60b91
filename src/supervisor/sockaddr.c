// SPDX-License-Identifier: Apache-2.0
#include "sockaddr.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "util.h"

#define SIN6_LEN_RFC2133 24 /* without sin6_scope_id: net/ipv6.h */

static void
parse_in(const void *data, struct sockaddr_parsed *p)
{
    struct sockaddr_in in;
    memcpy(&in, data, sizeof in);
    p->kind = SOCKADDR_INET;
    p->peer.family = AF_INET;
    p->peer.port = ntohs(in.sin_port);
    memcpy(p->peer.addr, &in.sin_addr, 4);
}

static void
parse_in6(const void *data, size_t len, struct sockaddr_parsed *p)
{
    struct sockaddr_in6 in6 = {0};
    memcpy(&in6, data, len < sizeof in6 ? len : sizeof in6);
    p->kind = SOCKADDR_INET;
    p->peer.port = ntohs(in6.sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
        p->peer.family = AF_INET;
        memcpy(p->peer.addr, in6.sin6_addr.s6_addr + 12, 4);
        return;
    }
    p->peer.family = AF_INET6;
    p->peer.scope_id = in6.sin6_scope_id;
    memcpy(p->peer.addr, &in6.sin6_addr, 16);
}

static void
parse_inet(const void *data, size_t len, int family, int domain, enum op op,
           struct sockaddr_parsed *p)
{
    // Without a length that holds an address the kernel says EINVAL, before anything is sent.
    if (family == AF_INET6 && domain == AF_INET6 && len >= SIN6_LEN_RFC2133)
        parse_in6(data, len, p);
    else if (family == AF_INET && len >= sizeof(struct sockaddr_in))
        parse_in(data, p);
    else if (family == AF_UNSPEC && op != OP_CONNECT && len >= sizeof(struct sockaddr_in))
        // bind(2) and sendto(2) of AF_INET take it for AF_INET; connect(2) dissolves.
        parse_in(data, p);
    else
        return;
    // What is sent to no address at all goes to this machine; what is bound to it, to all.
    static const uint8_t any[16];
    p->peer.loopback = socket_is_loopback(p->peer.family, p->peer.addr);
    if (op != OP_BIND && memcmp(p->peer.addr, any, sizeof any) == 0) {
        p->peer.loopback = true;
        if (p->peer.family == AF_INET)
            p->peer.addr[0] = 127, p->peer.addr[3] = 1;
        else
            p->peer.addr[15] = 1;
    }
}

static void
parse_unix(const uint8_t *data, size_t len, int family, enum op op, struct sockaddr_parsed *p)
{
    const size_t head = offsetof(struct sockaddr_un, sun_path);
    if (family != AF_UNIX || len > sizeof(struct sockaddr_un))
        return;
    p->peer.family = AF_UNIX;
    p->peer.loopback = true;
    if (len <= head) {
        // bind(2) gives it a name, others fail.
        p->kind = op == OP_BIND && len == head ? SOCKADDR_UNIX : SOCKADDR_HARMLESS;
        p->name = UNIX_UNNAMED;
        return;
    }
    p->kind = SOCKADDR_UNIX;
    data += head;
    len -= head;
    p->peer.abstract = data[0] == 0;
    p->name = p->peer.abstract ? UNIX_ABSTRACT : UNIX_PATH;
    if (p->peer.abstract) {
        data++;
        len--;
    } else {
        len = strnlen((const char *)data, len);
    }
    memcpy(p->path, data, len);
    p->path[len] = 0;
    p->path_len = len;
}

void
sockaddr_parse(const void *data, size_t len, int domain, int type, enum op op,
               struct sockaddr_parsed *ret)
{
    sa_family_t family = 0;
    *ret = (struct sockaddr_parsed){.kind = SOCKADDR_HARMLESS, .peer.type = type};
    // A stream has its address: unix(7) refuses another one, tcp(7) ignores it.
    if (len < sizeof family || (op == OP_SEND && type != SOCK_DGRAM && domain != AF_NETLINK))
        return;
    memcpy(&family, data, sizeof family);
    if (domain == AF_UNIX)
        parse_unix(data, len, family, op, ret);
    else if (domain == AF_NETLINK)
        ret->kind = SOCKADDR_NETLINK;
    else
        parse_inet(data, len, family, domain, op, ret);
}

char *
sockaddr_text(const struct endpoint *e, const char *host)
{
    if (host && host[0])
        return xasprintf("%s:%u", host, e->port);
    cleanup_free char *address = endpoint_address(e);
    return xasprintf(e->family == AF_INET6 ? "[%s]:%u" : "%s:%u", address, e->port);
}
