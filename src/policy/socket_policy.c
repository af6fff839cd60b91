// SPDX-License-Identifier: Apache-2.0
#include "socket_policy.h"

#include <string.h>
#include <sys/socket.h>

#include "capability.h"
#include "util.h"

bool
socket_is_loopback(int family, const uint8_t addr[16])
{
    static const uint8_t one[16] = {[15] = 1};
    if (family == AF_INET)
        return addr[0] == 127;
    return family == AF_INET6 && memcmp(addr, one, sizeof one) == 0;
}

static bool
prefix_matches(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;
    if (memcmp(a, b, bytes) != 0)
        return false;
    return rest == 0 || ((a[bytes] ^ b[bytes]) & (0xff << (8 - rest)) & 0xff) == 0;
}

bool
socket_is_public(int family, const uint8_t addr[16])
{
    // Of the IPv6 ones only those outside of 2000::/3 need no row.
    static const struct {
        int family;
        unsigned bits;
        uint8_t addr[16];
    } others[] = {
        {AF_INET, 8, {0}},
        {AF_INET, 8, {10}},
        {AF_INET, 10, {100, 64}},
        {AF_INET, 8, {127}},
        {AF_INET, 16, {169, 254}},
        {AF_INET, 12, {172, 16}},
        {AF_INET, 24, {192, 0, 0}},
        {AF_INET, 16, {192, 168}},
        {AF_INET, 15, {198, 18}},
        {AF_INET, 3, {224}},
        {AF_INET6, 32, {0x20, 0x01}}, // Teredo
        {AF_INET6, 16, {0x20, 0x02}}, // 6to4
    };
    if (family != AF_INET && (family != AF_INET6 || addr[0] >> 5 != 1))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (others[i].family == family && prefix_matches(others[i].addr, addr, others[i].bits))
            return false;
    return true;
}

// Who connects to no address at all comes to this machine.
static void
where_it_leads(const struct host_rule *r, uint8_t ret_addr[16])
{
    static const uint8_t any[16], here[2][16] = {{127, 0, 0, 1}, {[15] = 1}};
    bool v6 = r->family == AF_INET6;
    bool none = r->prefix == (v6 ? 128 : 32) && memcmp(r->addr, any, sizeof any) == 0;
    memcpy(ret_addr, none ? here[v6] : r->addr, 16);
}

static bool
host_covers(const struct socket_policy *p, const struct host_rule *r, const struct endpoint *e,
            const struct socket_names *names, bool *ret_names)
{
    // Whoever means the port of a display says so.
    if (r->port ? r->port != e->port : socket_is_display(p, e))
        return false;
    if (r->name) {
        *ret_names = true;
        return names && names->leads_to(names->ctx, r->name, e);
    }
    if (r->family == 0)
        return true;
    uint8_t addr[16];
    where_it_leads(r, addr);
    return r->family == e->family && prefix_matches(addr, e->addr, r->prefix);
}

static void
deny(struct socket_verdict *v, enum reason reason, enum net_category category, const char *text)
{
    v->answer = SOCKET_DENY;
    v->reason = reason;
    v->category = category;
    v->text = text;
}

static void
allow(struct socket_verdict *v, const char *source)
{
    v->answer = SOCKET_ALLOW;
    v->reason = REASON_NONE;
    v->category = NET_CATEGORY_NONE;
    v->text = "";
    v->nearest = source;
}

static void
by_mode(enum socket_mode mode, enum reason reason, enum net_category category, const char *blocked,
        struct socket_verdict *v)
{
    if (mode == SOCKETS_ALLOW)
        allow(v, NULL);
    else if (mode == SOCKETS_BLOCK)
        deny(v, reason, category, blocked);
}

static void
judge_bind_inet(const struct socket_policy *p, const struct endpoint *e, struct socket_verdict *v)
{
    for (size_t i = 0; i < p->n_ports; i++)
        if (e->port >= p->ports[i].from && e->port <= p->ports[i].to) {
            allow(v, p->ports[i].source);
            return;
        }
    if (p->proxy_port) {
        deny(v, REASON_NETWORK_DENIED, NET_CATEGORY_PORT_DENIED, "no --allow-bind has that port");
        return;
    }
    // The kernel gives a port like that to whatever sends; nobody outside is offered anything.
    if (p->net == SOCKETS_ASK && e->port == 0 && (e->type != SOCK_STREAM || e->loopback))
        allow(v, NULL);
    else
        by_mode(p->net, REASON_NETWORK_DENIED, NET_CATEGORY_PORT_DENIED, "the network is blocked",
                v);
}

void
socket_judge_inet(const struct socket_policy *p, enum op op, const struct endpoint *e,
                  const struct socket_names *names, struct socket_verdict *ret)
{
    *ret = (struct socket_verdict){
        .answer = SOCKET_ASK, .reason = REASON_NETWORK_DENIED, .text = "no rule allows it"};
    if (op == OP_BIND) {
        judge_bind_inet(p, e, ret);
        return;
    }
    if (socket_is_session_display(p, e)) {
        deny(ret, REASON_NETWORK_DENIED, NET_CATEGORY_HOST_DENIED, "the display of this session");
        ret->fixed = true;
        return;
    }
    if (p->proxy_port) {
        if (e->loopback && e->port == p->proxy_port)
            allow(ret, "--proxy-port");
        else
            deny(ret, REASON_NETWORK_DENIED, NET_CATEGORY_HOST_DENIED,
                 "only the proxy may be connected to");
        return;
    }
    for (size_t i = 0; i < p->n_hosts; i++)
        if (host_covers(p, &p->hosts[i], e, names, &ret->names)) {
            allow(ret, p->hosts[i].source);
            return;
        }
    if (p->net == SOCKETS_ALLOW && socket_is_display(p, e))
        return;
    by_mode(p->net, REASON_NETWORK_DENIED, NET_CATEGORY_HOST_DENIED, "the network is blocked", ret);
}

static bool
grant_covers(const struct unix_grant *g, const char *path)
{
    if (g->reach == UNIX_FILE)
        return strcmp(path, g->path) == 0;
    if (!path_is_below(path, g->path))
        return false;
    size_t n = strcmp(g->path, "/") ? strlen(g->path) : 0;
    return path[n] == '/' && path[n + 1] &&
           (g->reach == UNIX_SUBTREE || !strchr(path + n + 1, '/'));
}

void
socket_judge_unix(const struct socket_policy *p, enum op op, enum unix_name kind, const char *path,
                  bool ours, struct socket_verdict *ret)
{
    *ret = (struct socket_verdict){
        .answer = SOCKET_ASK, .reason = REASON_UNIX_SOCKET_DENIED, .text = "no rule allows it"};
    const char *what = kind == UNIX_PATH ? socket_forbidden(p, path) : NULL;
    ret->fixed = what || (kind != UNIX_PATH && !ours);
    if (what) {
        deny(ret, REASON_UNIX_SOCKET_DENIED, NET_CATEGORY_UNIX_SOCKET_DENIED, what);
        return;
    }
    if (kind != UNIX_PATH && !ours) {
        deny(ret, REASON_UNIX_SOCKET_DENIED, NET_CATEGORY_UNIX_SOCKET_DENIED,
             kind == UNIX_ABSTRACT ? "an abstract socket outside the sandbox"
                                   : "a socket without a name");
        return;
    }
    for (size_t i = 0; kind == UNIX_PATH && i < p->n_grants; i++)
        if ((op != OP_BIND || p->grants[i].bind) && grant_covers(&p->grants[i], path)) {
            allow(ret, p->grants[i].source);
            return;
        }
    if (ours && p->unix_sockets == SOCKETS_ASK)
        allow(ret, NULL);
    else
        by_mode(p->unix_sockets, REASON_UNIX_SOCKET_DENIED, NET_CATEGORY_UNIX_SOCKET_DENIED,
                "UNIX sockets are blocked", ret);
}
