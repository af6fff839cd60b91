// SPDX-License-Identifier: Apache-2.0
#include "capability.h"

#include "util.h"

// Each list holds what ordinary programs open before they do anything of their own.

static const char *const system_dirs[] = {"/usr",   "/bin",   "/sbin",   "/lib",
                                          "/lib32", "/lib64", "/libx32", "/opt"};

// Not in it on purpose: shadow, gshadow, sudoers, ssh host keys, private keys below /etc/ssl.
static const char *const etc_parts[] = {"ld.so.cache",
                                        "ld.so.conf",
                                        "ld.so.conf.d",
                                        "ld.so.preload",
                                        "nsswitch.conf",
                                        "passwd",
                                        "group",
                                        "hosts",
                                        "host.conf",
                                        "hostname",
                                        "resolv.conf",
                                        "gai.conf",
                                        "services",
                                        "protocols",
                                        "networks",
                                        "rpc",
                                        "localtime",
                                        "timezone",
                                        "locale.alias",
                                        "locale.conf",
                                        "default/locale",
                                        "ssl/certs",
                                        "ssl/openssl.cnf",
                                        "ca-certificates",
                                        "ca-certificates.conf",
                                        "pki",
                                        "alternatives",
                                        "terminfo",
                                        "inputrc",
                                        "bash.bashrc",
                                        "bash_completion",
                                        "bash_completion.d",
                                        "profile",
                                        "profile.d",
                                        "zsh",
                                        "fish",
                                        "environment",
                                        "shells",
                                        "login.defs",
                                        "gitconfig",
                                        "vim",
                                        "nanorc",
                                        "emacs",
                                        "tmux.conf",
                                        "screenrc",
                                        "htoprc",
                                        "mime.types",
                                        "mailcap",
                                        "magic",
                                        "os-release",
                                        "debian_version",
                                        "lsb-release",
                                        "issue",
                                        "machine-id",
                                        "perl",
                                        "python3",
                                        "python3.11",
                                        "php",
                                        "ruby",
                                        "java",
                                        "java-17-openjdk",
                                        "node",
                                        "npmrc",
                                        "wgetrc",
                                        "curlrc",
                                        "fonts",
                                        "X11/rgb.txt",
                                        "xdg",
                                        "manpath.config",
                                        "lesskey",
                                        "dircolors",
                                        "papersize",
                                        "selinux/config",
                                        "mtab",
                                        "filesystems",
                                        "skel",
                                        "rsyncd.conf",
                                        "gdb",
                                        "valgrindrc",
                                        "sensors3.conf",
                                        "sensors.d"};

// Names and metadata of all processes are visible in /proc; what gives power over one (environ,
// mem, maps, fd ...) is refused by Landlock's ptrace rule outside the sandbox.
static const char *const kernel_dirs[] = {"/proc", "/sys/devices/system", "/sys/fs/cgroup",
                                          "/sys/kernel/mm", "/sys/class"};

static const char *const devices[] = {"/dev/null",    "/dev/zero", "/dev/full", "/dev/random",
                                      "/dev/urandom", "/dev/tty",  "/dev/ptmx", "/dev/pts"};

void
capability_add_defaults(struct capability_set *s, const char *tmpdir)
{
    for (size_t i = 0; i < ARRAY_SIZE(system_dirs); i++)
        capability_add_default(s, ACCESS_READ, true, system_dirs[i]);
    for (size_t i = 0; i < ARRAY_SIZE(etc_parts); i++) {
        cleanup_free char *path = xasprintf("/etc/%s", etc_parts[i]);
        capability_add_default(s, ACCESS_READ, false, path);
    }
    for (size_t i = 0; i < ARRAY_SIZE(kernel_dirs); i++)
        capability_add_default(s, ACCESS_READ, false, kernel_dirs[i]);
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
        capability_add_default(s, ACCESS_READ | ACCESS_WRITE, false, devices[i]);
    capability_add_default(s, ACCESS_READ | ACCESS_WRITE, false, "/dev/shm");
    capability_add_default(s, ACCESS_READ | ACCESS_WRITE, true, "/tmp");
    if (tmpdir && tmpdir[0] == '/')
        capability_add_default(s, ACCESS_READ | ACCESS_WRITE, true, tmpdir);
}
