// SPDX-License-Identifier: Apache-2.0
// The options and profile keys of sockets.
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "bounds.h"
#include "buf.h"
#include "denial.h"
#include "display.h"
#include "socket_policy.h"
#include "util.h"

void
socket_policy_done(struct socket_policy *p)
{
    for (size_t i = 0; i < p->n_hosts; i++) {
        free(p->hosts[i].name);
        free(p->hosts[i].source);
    }
    for (size_t i = 0; i < p->n_ports; i++)
        free(p->ports[i].source);
    for (size_t i = 0; i < p->n_grants; i++) {
        free(p->grants[i].path);
        free(p->grants[i].source);
    }
    for (size_t i = 0; i < p->n_named; i++)
        free(p->named[i].path);
    free(p->named);
    free(p->hosts);
    free(p->ports);
    free(p->grants);
    *p = (struct socket_policy){0};
}

// A decimal number of at most 65535 without a sign or a leading blank.
static bool
parse_port(const char *text, size_t len, uint16_t *ret_port)
{
    unsigned long n = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || i == 5)
            return false;
        n = n * 10 + (unsigned long)(text[i] - '0');
    }
    *ret_port = (uint16_t)n;
    return len > 0 && n <= 65535;
}

bool
socket_is_host_name(const char *s)
{
    static const char bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    struct in_addr number;
    size_t n = strlen(s);
    if (n == 0 || n > 253 || s[0] == '-' || s[0] == '.' || strspn(s, bytes) != n)
        return false;
    // Digits and dots alone are an address that was written wrongly, and 010.0.0.1 is 8.0.0.1 to
    // whoever asks inet_aton(3).
    return strspn(s, "0123456789.") != n && inet_aton(s, &number) == 0;
}

// Everything behind the prefix must be zero: 10.1.0.0/8 is not what it seems.
static bool
has_host_bits(const uint8_t *addr, unsigned bytes, unsigned prefix)
{
    for (unsigned bit = prefix; bit < bytes * 8; bit++)
        if (addr[bit / 8] & (0x80 >> bit % 8))
            return true;
    return false;
}

// A mapped prefix is one of AF_INET.
static void
unmap(struct host_rule *r)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (r->family != AF_INET6 || r->prefix < 96 || memcmp(r->addr, mapped, 12) != 0)
        return;
    r->family = AF_INET;
    r->prefix -= 96;
    memmove(r->addr, r->addr + 12, 4);
    memset(r->addr + 4, 0, 12);
}

// host is cut at its slash. NULL, or what is wrong with it.
static const char *
parse_host(char *host, struct host_rule *r)
{
    if (strcmp(host, "*") == 0)
        return NULL;
    char *slash = strchr(host, '/');
    if (slash)
        *slash = 0;
    r->family = strchr(host, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(r->family, host, r->addr) != 1) {
        if (slash || r->family == AF_INET6)
            return "not an address";
        if (strchr(host, '*'))
            return "there are no patterns of names (* alone is any host)";
        if (!socket_is_host_name(host))
            return "neither an address nor a host name";
        r->family = 0;
        r->name = xstrdup(host);
        for (char *c = r->name; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        return NULL;
    }
    unsigned bytes = r->family == AF_INET ? 4 : 16;
    uint16_t prefix = (uint16_t)(bytes * 8);
    if (slash && (!parse_port(slash + 1, strlen(slash + 1), &prefix) || prefix > bytes * 8))
        return "the prefix is too long";
    r->prefix = prefix;
    if (has_host_bits(r->addr, bytes, r->prefix))
        return "the address has bits set behind its prefix";
    unmap(r);
    return NULL;
}

static void
append_host(struct socket_policy *p, const struct host_rule *r)
{
    p->hosts = xrealloc(p->hosts, (p->n_hosts + 1) * sizeof *p->hosts);
    p->hosts[p->n_hosts++] = *r;
}

// Cuts copy in two. NULL, or what is wrong with it.
static const char *
split(char *copy, char **ret_host, char **ret_port)
{
    static const char no_port[] = "no port (HOST:PORT, * for any port)";
    if (strstr(copy, "://"))
        return "HOST:PORT is written, not a URL";
    if (copy[0] == '@' || copy[0] == '/' || strncmp(copy, "unix:", 5) == 0)
        return "no host (for UNIX sockets: --allow-unix-socket PATH)";
    char *end = copy[0] == '[' ? strchr(copy, ']') : copy;
    char *colon = end ? strrchr(end, ':') : NULL;
    if (!colon)
        return no_port;
    *ret_port = colon + 1;
    *ret_host = copy;
    // An address without brackets has other colons.
    if (copy[0] != '[' && strchr(copy, ':') != colon)
        return "IPv6 addresses are written [ADDRESS]:PORT";
    *colon = 0;
    if (copy[0] != '[')
        return NULL;
    // "[fd00::]/8:80" and "[fd00::/8]:80" are both written.
    memmove(end, end + 1, strlen(end + 1) + 1);
    *ret_host = copy + 1;
    return strchr(*ret_host, ':') ? NULL : "not an address";
}

int
socket_policy_add_host(struct socket_policy *p, const char *text, const char *source,
                       struct err *err)
{
    struct host_rule r = {0};
    cleanup_free char *shown = display_str(text, DISPLAY_QUOTE);
    cleanup_free char *copy = xstrdup(text);
    char *host, *port;
    const char *wrong = split(copy, &host, &port);
    if (!wrong && strcmp(port, "*") != 0 && (!parse_port(port, strlen(port), &r.port) || !r.port))
        wrong = "the port is a number from 1 to 65535, or *";
    if (!wrong)
        wrong = parse_host(host, &r);
    int ret = 0;
    if (wrong)
        ret = err_set(err, -EINVAL, "%s%s%s: %s", source, source_gap(source), shown, wrong);
    else if (p->n_hosts >= NONO_SOCKET_RULES_MAX)
        ret = err_set(err, -E2BIG, "%s%s%s: more than %d rules", source, source_gap(source), shown,
                      NONO_SOCKET_RULES_MAX);
    if (ret < 0) {
        free(r.name);
        return ret;
    }
    r.source = xstrdup(source);
    append_host(p, &r);
    return 0;
}

void
socket_policy_add_port(struct socket_policy *p, uint16_t port, const char *source)
{
    struct host_rule r = {.port = port, .source = xstrdup(source)};
    append_host(p, &r);
}

int
socket_policy_add_bind(struct socket_policy *p, const char *text, const char *source,
                       struct err *err)
{
    struct port_range r;
    cleanup_free char *shown = display_str(text, DISPLAY_QUOTE);
    size_t n = strcspn(text, "-");
    bool good = parse_port(text, n, &r.from);
    r.to = r.from;
    if (good && text[n] == '-')
        good = parse_port(text + n + 1, strlen(text + n + 1), &r.to);
    if (!good)
        return err_set(err, -EINVAL, "%s%s%s: not a port, or two with - between them (8000-8099)",
                       source, source_gap(source), shown);
    if (r.to < r.from)
        return err_set(err, -EINVAL, "%s%s%s: the range is reversed (%u-%u)", source,
                       source_gap(source), shown, r.to, r.from);
    if (p->n_ports >= NONO_SOCKET_RULES_MAX)
        return err_set(err, -E2BIG, "%s%s%s: more than %d rules", source, source_gap(source), shown,
                       NONO_SOCKET_RULES_MAX);
    r.source = xstrdup(source);
    p->ports = xrealloc(p->ports, (p->n_ports + 1) * sizeof *p->ports);
    p->ports[p->n_ports++] = r;
    return 0;
}

int
socket_policy_add_unix(struct socket_policy *p, enum unix_reach reach, bool bind, const char *path,
                       const char *source, struct err *err)
{
    struct stat st;
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    // A variable that is not set means no directory, least of all this one.
    if (!path[0])
        return err_set(err, -ENOENT, "%s%s%s: %s", source, source_gap(source), shown,
                       strerror(ENOENT));
    cleanup_free char *absolute = path_absolute(path);
    bool there = stat(absolute, &st) == 0;
    if (!there && !(errno == ENOENT && bind && reach == UNIX_FILE)) {
        int error = errno;
        return err_set(err, -error, "%s%s%s: %s", source, source_gap(source), shown,
                       strerror(error));
    }
    if (there && reach != UNIX_FILE && !S_ISDIR(st.st_mode))
        return err_set(err, -ENOTDIR,
                       "%s%s%s: not a directory (for one socket: --allow-unix-socket)", source,
                       source_gap(source), shown);
    if (there && reach == UNIX_FILE && !S_ISSOCK(st.st_mode))
        return err_set(err, -ENOTSOCK,
                       "%s%s%s: not a socket (for those in a directory: --allow-unix-socket-dir)",
                       source, source_gap(source), shown);
    return socket_policy_add_missing_unix(p, reach, bind, absolute, source, err);
}

int
socket_policy_add_missing_unix(struct socket_policy *p, enum unix_reach reach, bool bind,
                               const char *path, const char *source, struct err *err)
{
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    if (p->n_grants >= NONO_SOCKET_RULES_MAX)
        return err_set(err, -E2BIG, "%s%s%s: more than %d rules", source, source_gap(source), shown,
                       NONO_SOCKET_RULES_MAX);
    p->grants = xrealloc(p->grants, (p->n_grants + 1) * sizeof *p->grants);
    p->grants[p->n_grants++] = (struct unix_grant){
        .reach = reach, .bind = bind, .path = path_canonical(path), .source = xstrdup(source)};
    return 0;
}

static void
describe_host(const struct host_rule *r, struct buf *out)
{
    char text[INET6_ADDRSTRLEN];
    buf_puts(out, "connect ");
    if (r->name)
        buf_puts(out, r->name);
    else if (r->family == 0)
        buf_putc(out, '*');
    else {
        inet_ntop(r->family, r->addr, text, sizeof text);
        buf_printf(out, r->family == AF_INET6 ? "[%s/%u]" : "%s/%u", text, r->prefix);
    }
    if (r->port)
        buf_printf(out, ":%u (%s)\n", r->port, r->source);
    else
        buf_printf(out, ":* (%s)\n", r->source);
}

char *
socket_policy_describe(const struct socket_policy *p)
{
    static const char *const modes[] = {"ask", "allow", "block"};
    static const char *const reaches[] = {"", " dir", " subtree"};
    struct buf out = {0};
    buf_printf(&out, "net %s\n", modes[p->net]);
    if (p->proxy_port)
        buf_printf(&out, "connect only loopback:%u (--proxy-port)\n", p->proxy_port);
    for (size_t i = 0; i < p->n_hosts; i++)
        describe_host(&p->hosts[i], &out);
    for (size_t i = 0; i < p->n_ports; i++)
        buf_printf(&out, "bind %u-%u (%s)\n", p->ports[i].from, p->ports[i].to, p->ports[i].source);
    buf_printf(&out, "unix-sockets %s\n", modes[p->unix_sockets]);
    for (size_t i = 0; i < p->n_grants; i++)
        buf_printf(&out, "unix-socket%s%s %s (%s)\n", p->grants[i].bind ? "-bind" : "",
                   reaches[p->grants[i].reach], p->grants[i].path, p->grants[i].source);
    return buf_steal(&out);
}
