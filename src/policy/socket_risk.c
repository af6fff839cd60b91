// SPDX-License-Identifier: Apache-2.0
// What an address is worth.
#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capability.h"
#include "risk.h"
#include "socket_policy.h"
#include "util.h"

// A pattern with "/" in front names a place and all below it, another one the names of one or more
// components that follow each other.
struct unix_row {
    const char *pattern;
    const char *tag;   /* NULL: forbidden (I4) */
    const char *gives; /* or, for a forbidden one, what it is */
};

// The first that matches says what it is.
#define HEX4 "[0-9a-f][0-9a-f][0-9a-f][0-9a-f]"
static const struct unix_row unix_rows[] = {
    {"tmux-[0-9]*", NULL, "a terminal multiplexer's socket (tmux)"},
    {"/run/screen", NULL, "a terminal multiplexer's socket (screen)"},
    {"/run/screens", NULL, "a terminal multiplexer's socket (screen)"},
    {"/tmp/screens", NULL, "a terminal multiplexer's socket (screen)"},
    {".screen", NULL, "a terminal multiplexer's socket (screen)"},
    {"zellij*", NULL, "a terminal multiplexer's socket (zellij)"},
    {"abduco", NULL, "a terminal multiplexer's socket (abduco)"},
    {".abduco", NULL, "a terminal multiplexer's socket (abduco)"},
    {".dvtm*", NULL, "a terminal multiplexer's socket (dvtm)"},
    {"kitty-*", NULL, "a terminal's control socket (kitty)"},
    {"wezterm", NULL, "a terminal's control socket (wezterm)"},
    {"foot-*.sock", NULL, "a terminal's control socket (foot)"},
    {"Alacritty-*.sock", NULL, "a terminal's control socket (Alacritty)"},
    // Wherever it lies: another session may have been started with other directories.
    {HEX4 HEX4 HEX4 ".sock", NULL, "the control socket of a nono session"},
    {".X11-unix", NULL, "a display's socket (X11)"},
    {"wayland-[0-9]*", NULL, "a display's socket (Wayland)"},
    {"sway-ipc.*", NULL, "a display's control socket (sway)"},
    {"ipc-socket.[0-9]*", NULL, "a display's control socket (i3)"},
    {"hypr", NULL, "a display's control socket (Hyprland)"},
    {"niri.*", NULL, "a display's control socket (niri)"},
    {"at-spi", NULL, "the control of other programs' windows (AT-SPI)"},
    {".ydotool_socket", NULL, "a keyboard's socket (ydotool)"},
    {"keyd.socket", NULL, "a keyboard's socket (keyd)"},
    {"eis-[0-9]*", NULL, "a keyboard's socket (libei)"},
    {".ssh/agent", "ssh-agent", "signing with every key that the agent holds"},
    {"ssh-*", "ssh-agent", "signing with every key that the agent holds"},
    {"openssh_agent", "ssh-agent", "signing with every key that the agent holds"},
    {"gcr/ssh", "ssh-agent", "signing with every key that the agent holds"},
    {"keyring/ssh", "ssh-agent", "signing with every key that the agent holds"},
    {"keyring/.ssh", "ssh-agent", "signing with every key that the agent holds"},
    {".1password/agent.sock", "ssh-agent", "signing with every key that the agent holds"},
    {".bitwarden-ssh-agent.sock", "ssh-agent", "signing with every key that the agent holds"},
    {"yubikey-agent*", "ssh-agent", "signing with the key of the token"},
    {".ssh", "credentials", "other machines, by a connection that is open (ssh)"},
    {"S.gpg-agent*", "gpg-agent", "signing and decrypting with your keys"},
    {"keyring", "keyring", "the secrets of the keyring"},
    {"docker.sock", "escape", "root on this machine (Docker)"},
    {"podman.sock", "escape", "any file and process of yours (Podman)"},
    {"containerd.sock", "escape", "root on this machine (containerd)"},
    {"buildkitd.sock", "escape", "root on this machine (BuildKit)"},
    {"crio.sock", "escape", "root on this machine (CRI-O)"},
    {"libvirt-sock*", "escape", "virtual machines with any disk (libvirt)"},
    {"lxd", "escape", "root on this machine (LXD)"},
    {"incus", "escape", "root on this machine (Incus)"},
    {"snapd.socket", "escape", "installing software (snapd)"},
    {"system_bus_socket", "dbus", "every service of the system bus (D-Bus)"},
    {"dbus-*", "dbus", "programs started outside the sandbox (D-Bus)"},
    {"bus", "dbus", "programs started outside the sandbox (D-Bus, systemd --user)"},
    {"systemd", "systemd", "services started outside the sandbox (systemd)"},
    {"emacs*", "escape", "code run in your editor (Emacs)"},
    {".emacs.d/server", "escape", "code run in your editor (Emacs)"},
    {"nvim*", "escape", "code run in your editor (Neovim)"},
    {"vscode-*", "escape", "commands run in your editor (VS Code)"},
    {"pipewire-[0-9]*", "recording", "microphone, camera and what screens share (PipeWire)"},
    {"pulse/native", "recording", "the microphone (PulseAudio)"},
};

// Where a service says by the environment that its socket lies: prefix in front of the path, any
// byte of ends behind it.
static const struct environment_row {
    const char *variable, *prefix, *ends;
    struct unix_row row;
} environment_rows[] = {
    {"TMUX", "", ",", {NULL, NULL, "a terminal multiplexer's socket (tmux)"}},
    {"KITTY_LISTEN_ON", "unix:", "", {NULL, NULL, "a terminal's control socket (kitty)"}},
    {"WEZTERM_UNIX_SOCKET", "", "", {NULL, NULL, "a terminal's control socket (wezterm)"}},
    {"ALACRITTY_SOCKET", "", "", {NULL, NULL, "a terminal's control socket (Alacritty)"}},
    // Set inside its own terminal.
    {"NVIM", "", "", {NULL, NULL, "the control socket of the editor around nono (Neovim)"}},
    {"WAYLAND_DISPLAY", "", "", {NULL, NULL, "a display's socket (Wayland)"}},
    {"SWAYSOCK", "", "", {NULL, NULL, "a display's control socket (sway)"}},
    {"I3SOCK", "", "", {NULL, NULL, "a display's control socket (i3)"}},
    {"NIRI_SOCKET", "", "", {NULL, NULL, "a display's control socket (niri)"}},
    {"YDOTOOL_SOCKET", "", "", {NULL, NULL, "a keyboard's socket (ydotool)"}},
    {"SSH_AUTH_SOCK", "", "", {NULL, "ssh-agent", "signing with every key that the agent holds"}},
    {"DOCKER_HOST", "unix://", "", {NULL, "escape", "root on this machine (Docker)"}},
    {"CONTAINER_HOST", "unix://", "", {NULL, "escape", "any file and process of yours (Podman)"}},
    {"DBUS_SESSION_BUS_ADDRESS",
     "unix:path=",
     ",;",
     {NULL, "dbus", "programs started outside the sandbox (D-Bus)"}},
    {"DBUS_SYSTEM_BUS_ADDRESS",
     "unix:path=",
     ",;",
     {NULL, "dbus", "every service of the system bus (D-Bus)"}},
    {"AT_SPI_BUS_ADDRESS",
     "unix:path=",
     ",;",
     {NULL, NULL, "the control of other programs' windows (AT-SPI)"}},
    {"EMACS_SOCKET_NAME", "", "", {NULL, "escape", "code run in your editor (Emacs)"}},
    {"NVIM_LISTEN_ADDRESS", "", "", {NULL, "escape", "code run in your editor (Neovim)"}},
};

#define X11_PORT 6000

static const struct environment_row screen_row = {
    "STY", "", "", {NULL, NULL, "a terminal multiplexer's socket (screen)"}};

// place: path_canonical, or xstrdup where no file system may be asked.
static void
add_environment_row(struct socket_policy *p, const struct environment_row *row, const char *value,
                    char *(*place)(const char *path))
{
    size_t skip = strlen(row->prefix);
    if (!value || strncmp(value, row->prefix, skip) != 0 || value[skip] != '/')
        return;
    cleanup_free char *path = xstrndup(value + skip, strcspn(value + skip, row->ends));
    p->named = xrealloc(p->named, (p->n_named + 1) * sizeof *p->named);
    p->named[p->n_named++] = (struct socket_named){.path = place(path), .row = &row->row};
}

// screen(1) has it in a directory that may be named.
static void
add_screen(struct socket_policy *p, const char *dir, const char *name,
           char *(*place)(const char *path))
{
    if (!dir || !name)
        return;
    cleanup_free char *path = xasprintf("%s/%s", dir, name);
    add_environment_row(p, &screen_row, path, place);
}

// "[HOST]:NUMBER[.SCREEN]".
static uint16_t
display_port(const char *display)
{
    const char *colon = display ? strrchr(display, ':') : NULL;
    size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
    unsigned number = 0;
    if (digits == 0 || digits > 5)
        return 0;
    for (size_t i = 1; i <= digits; i++)
        number = number * 10 + (unsigned)(colon[i] - '0');
    return number + X11_PORT <= UINT16_MAX ? (uint16_t)(number + X11_PORT) : 0;
}

void
socket_policy_add_environment(struct socket_policy *p, char *(*get)(const char *name))
{
    for (size_t i = 0; i < ARRAY_SIZE(environment_rows); i++)
        add_environment_row(p, &environment_rows[i], get(environment_rows[i].variable),
                            path_canonical);
    add_screen(p, get("SCREENDIR"), get("STY"), path_canonical);
    p->display_port = display_port(get("DISPLAY"));
}

static const char *
environ_value(const char *environ, size_t n, const char *name)
{
    size_t len = strlen(name);
    for (const char *e = environ, *end = environ + n; e < end; e += strnlen(e, end - e) + 1)
        if (strnlen(e, end - e) > len && strncmp(e, name, len) == 0 && e[len] == '=')
            return e + len + 1;
    return NULL;
}

void
socket_policy_add_environ(struct socket_policy *p, const char *environ, size_t n)
{
    if (n == 0 || environ[n - 1])
        return;
    for (size_t i = 0; i < ARRAY_SIZE(environment_rows); i++)
        add_environment_row(p, &environment_rows[i],
                            environ_value(environ, n, environment_rows[i].variable), xstrdup);
    add_screen(p, environ_value(environ, n, "SCREENDIR"), environ_value(environ, n, "STY"),
               xstrdup);
}

static const struct unix_row *
unix_row_of(const struct socket_policy *p, const char *path, bool forbidden)
{
    for (size_t i = 0; p && i < p->n_named; i++)
        if (!p->named[i].row->tag == forbidden && strcmp(p->named[i].path, path) == 0)
            return p->named[i].row;
    for (size_t i = 0; i < ARRAY_SIZE(unix_rows); i++) {
        const struct unix_row *r = &unix_rows[i];
        if (!r->tag == forbidden &&
            (r->pattern[0] == '/' ? path_is_below(path, r->pattern)
                                  : risk_component_matches(path, r->pattern)))
            return r;
    }
    return NULL;
}

bool
socket_named_is_forbidden(const struct socket_named *n)
{
    return !n->row->tag;
}

bool
socket_is_multiplexer(const char *comm)
{
    static const char *const programs[] = {"tmux*",  "tmate*",   "screen",   "zellij*",
                                           "abduco", "dtach",    "dvtm*",    "kitty",
                                           "foot",   "wezterm*", "alacritty"};
    for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
        if (fnmatch(programs[i], comm, 0) == 0)
            return true;
    return false;
}

const char *
socket_forbidden(const struct socket_policy *p, const char *path)
{
    const struct unix_row *r = unix_row_of(p, path, true);
    return r ? r->gives : NULL;
}

enum risk
socket_risk_unix(const struct socket_policy *p, const char *path, const char **ret_tag,
                 const char **ret_gives)
{
    const struct unix_row *r = unix_row_of(p, path, false);
    *ret_tag = r ? r->tag : NULL;
    *ret_gives = r ? r->gives : NULL;
    return r ? RISK_HIGH : RISK_NONE;
}

bool
socket_is_own(int family, const uint8_t addr[16])
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    bool v4 = family == AF_INET;
    if (!socket_is_public(family, addr))
        return false;
    memcpy(v4 ? (void *)&in.sin_addr : (void *)&in6.sin6_addr, addr, v4 ? 4 : 16);
    // Nothing else can be bound to.
    cleanup_fd int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd < 0 ||
           bind(fd, v4 ? (struct sockaddr *)&in : (struct sockaddr *)&in6,
                v4 ? sizeof in : sizeof in6) == 0 ||
           errno != EADDRNOTAVAIL;
}

// Ports of this machine and of networks around it.
struct port_row {
    uint16_t from, to;
    const char *tag, *gives;
};

static const char display_tag[] = "display";
static const struct port_row port_rows[] = {
    {2375, 2376, "escape", "root on this machine, if an engine listens there (Docker)"},
    {3389, 3389, display_tag, "keyboard and screen, if a desktop is served there (RDP)"},
    {5900, 5909, display_tag, "keyboard and screen, if a desktop is served there (VNC)"},
    {X11_PORT, X11_PORT + 63, display_tag, "keyboard and windows, if a display is there (X11)"},
};

static const struct port_row session_row = {.tag = display_tag,
                                            .gives = "keyboard and windows of this session (X11)"};

static const struct port_row *
port_row_of(const struct socket_policy *p, const struct endpoint *e)
{
    if (!e->own && socket_is_public(e->family, e->addr))
        return NULL;
    if (p->display_port && e->port == p->display_port)
        return &session_row;
    for (size_t i = 0; i < ARRAY_SIZE(port_rows); i++)
        if (e->port >= port_rows[i].from && e->port <= port_rows[i].to)
            return &port_rows[i];
    return NULL;
}

bool
socket_is_session_display(const struct socket_policy *p, const struct endpoint *e)
{
    return port_row_of(p, e) == &session_row;
}

bool
socket_is_display(const struct socket_policy *p, const struct endpoint *e)
{
    const struct port_row *row = port_row_of(p, e);
    return row && row->tag == display_tag;
}

enum risk
socket_risk_inet(const struct socket_policy *p, enum op op, const struct endpoint *e,
                 const char **ret_tag, const char **ret_gives)
{
    static const char *const metadata[] = {"169.254.169.254", "169.254.170.2", "100.100.100.200",
                                           "fd00:ec2::254"};
    *ret_tag = *ret_gives = NULL;
    if (op == OP_BIND) {
        *ret_tag = e->loopback ? NULL : "exposed";
        *ret_gives = e->loopback ? NULL : "others on the network can connect to it";
        return e->loopback ? RISK_NONE : RISK_NOTICE;
    }
    for (size_t i = 0; i < ARRAY_SIZE(metadata); i++) {
        uint8_t addr[16] = {0};
        if (inet_pton(e->family, metadata[i], addr) == 1 && memcmp(addr, e->addr, 16) == 0) {
            *ret_tag = "metadata-service";
            *ret_gives = "the credentials of this machine in its cloud";
            return RISK_HIGH;
        }
    }
    const struct port_row *row = port_row_of(p, e);
    if (!row)
        return RISK_NONE;
    *ret_tag = row->tag;
    *ret_gives = row->gives;
    return RISK_HIGH;
}
