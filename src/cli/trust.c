// SPDX-License-Identifier: Apache-2.0
// nono trust
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bounds.h"
#include "cli.h"
#include "display.h"
#include "keygen.h"
#include "policy_options.h"
#include "trust_file.h"
#include "util.h"

enum { OPT_JSON = OPTIONS_LONG, OPT_JSONL, OPT_KEY, OPT_SIGNERS };
enum { EXIT_UNVERIFIED = 1 };
enum form { FORM_PLAIN, FORM_JSON, FORM_JSONL };

static const struct option_row trust_rows[] = {
    {'p', "profile", "NAME|FILE", "verify, list: its patterns and signers"},
    {OPT_SIGNERS, "trust-signers", "FILE", "verify, list: who may sign"},
    {OPT_KEY, "key", "FILE", "sign: the SSH key (default: ~/.ssh/id_ed25519, _ecdsa, _rsa)"},
    {OPT_JSON, "json", NULL, "verify, list: one JSON array"},
    {OPT_JSONL, "jsonl", NULL, "verify, list: one JSON object per line"},
    {0},
};

static const struct options_help trust_help = {
    .synopsis = "nono trust sign FILE... | verify FILE... | list [DIR] | allow-signer NAME KEY.pub",
    .about = "sign: writes FILE.sig with your SSH key, as ssh-keygen -Y sign -n nono does.\n"
             "verify: says who signed each file; ends with 1 when one is not verified.\n"
             "list: who may sign, and the instruction files below DIR (default: here).\n"
             "allow-signer: adds a public key to $XDG_CONFIG_HOME/nono/allowed_signers.",
    .rows = trust_rows,
    .more =
        "Instruction files (CLAUDE.md, AGENTS.md ...) steer an agent. Once there is an allowed\n"
        "signer, a session refuses those that none of them has signed (nono run --trust).",
};

struct trust_args {
    struct policy_args policy;
    const char *key;
    enum form form;
    struct trust_verifier verifier;
    size_t printed;
};

static int
complain(const char *what, const char *why)
{
    cleanup_free char *shown = display_str(what, DISPLAY_QUOTE);
    fprintf(stderr, "nono trust: %s: %s\n", shown, why);
    return EXIT_UNVERIFIED;
}

// --- verify, list ------------------------------------------------------------------------------

// 0, or the exit status after a message.
static int
load_policy(struct trust_args *a)
{
    cleanup_err struct err err = {0};
    if (policy_load_trust(&a->policy, &err) < 0) {
        fprintf(stderr, "nono trust: %s\n", err.msg);
        return EXIT_UNREADABLE;
    }
    const struct trust_policy *t = &a->policy.trust_policy;
    policy_warn_trust(t);
    int ret = trust_verifier_start(t, &a->verifier);
    return ret < 0 ? complain(KEYGEN_PATH, strerror(-ret)), EXIT_UNREADABLE : 0;
}

// True when the file is verified.
static bool
print_verdict(struct trust_args *a, const char *path)
{
    char principal[KEYGEN_PRINCIPAL_MAX] = "";
    cleanup_free char *why = NULL;
    int error = trust_verify_file(&a->verifier, path, principal, &why);
    cleanup_free char *file = display_str(path, 0);
    cleanup_free char *who = display_str(principal, 0);
    if (a->form == FORM_PLAIN) {
        printf("%s: %s%s\n", file, why ? why : "signed by ", who);
        return error == 0;
    }
    json_t *o = json_pack("{s:s, s:b, s:s, s:s}", "file", file, "verified", error == 0, "signer",
                          who, "error", why ? why : "");
    cleanup_free char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    printf("%s%s%s",
           a->form == FORM_JSONL ? ""
           : a->printed          ? ",\n"
                                 : "[",
           text ? text : "{}", a->form == FORM_JSONL ? "\n" : "");
    json_decref(o);
    a->printed++;
    return error == 0;
}

static void
print_end(const struct trust_args *a)
{
    if (a->form == FORM_JSON)
        puts(a->printed ? "]" : "[]");
}

static int
verify(struct trust_args *a, char **files)
{
    bool all = true;
    int status = load_policy(a);
    if (status)
        return status;
    for (; *files; files++)
        all &= print_verdict(a, *files);
    print_end(a);
    return all ? 0 : EXIT_UNVERIFIED;
}

static void
print_signers(const struct trust_policy *t)
{
    puts(t->signers ? "Allowed signers:" : "No signer is allowed.");
    if (!t->signers)
        return;
    for (const char *line = t->signers; *line;) {
        size_t n = strcspn(line, "\n"), blank = strspn(line, " \t\r");
        cleanup_buf struct buf b = {0};
        display_escape(&b, line, n, 0);
        if (blank < n && line[blank] != '#')
            printf("  %s\n", buf_str(&b));
        line += n + (line[n] != 0);
    }
}

static int
list(struct trust_args *a, const char *dir)
{
    int status = load_policy(a);
    if (status)
        return status;
    cleanup_free char *top = xstrdup(dir);
    FTS *fts = fts_open((char *[]){top, NULL}, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    const FTSENT *e = fts ? fts_read(fts) : NULL;
    if (!e || e->fts_info != FTS_D) {
        if (fts)
            fts_close(fts);
        return complain(dir, "not a directory that can be read"), EXIT_UNREADABLE;
    }
    if (a->form == FORM_PLAIN)
        print_signers(&a->policy.trust_policy);
    size_t left = NONO_NAMES_MAX;
    for (; e && left; left--, e = fts_read(fts)) {
        const char *path = strncmp(e->fts_path, "./", 2) == 0 ? e->fts_path + 2 : e->fts_path;
        size_t n = strlen(path);
        bool signature = n > 4 && strcmp(path + n - 4, ".sig") == 0;
        if (e->fts_info == FTS_F && !signature && trust_matches(&a->policy.trust_policy, path))
            print_verdict(a, path);
    }
    fts_close(fts);
    print_end(a);
    if (!left)
        fprintf(stderr, "nono trust: not all was looked through: there are too many files\n");
    return 0;
}

// --- sign --------------------------------------------------------------------------------------

static char *
default_key(void)
{
    static const char *const names[] = {"id_ed25519", "id_ecdsa", "id_rsa"};
    const char *home = getenv("HOME");
    for (size_t i = 0; home && i < ARRAY_SIZE(names); i++) {
        cleanup_free char *path = xasprintf("%s/.ssh/%s", home, names[i]);
        if (access(path, R_OK) == 0)
            return steal_pointer(&path);
    }
    return NULL;
}

// ssh-keygen on this terminal: it may ask for a passphrase. True when it signed from into to.
static bool
run_keygen(const char *key, int from, int to)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (dup2(from, 0) >= 0 && dup2(to, 1) >= 0)
            execl(KEYGEN_PATH, KEYGEN_PATH, "-q", "-Y", "sign", "-n", KEYGEN_NAMESPACE, "-f", key,
                  (char *)NULL);
        perror(KEYGEN_PATH);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int
sign_file(const char *key, const char *path)
{
    cleanup_free char *real = realpath(path, NULL);
    cleanup_fd int from = real ? open(real, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1;
    struct stat st;
    if (from < 0 || fstat(from, &st) < 0)
        return complain(path, strerror(errno));
    // What no session would verify is not signed.
    if (!S_ISREG(st.st_mode))
        return complain(path, "not signed: not a regular file");
    if (st.st_size > NONO_VERIFIED_MAX)
        return complain(path, "not signed: " TRUST_TOO_LARGE);
    // Whole or not at all: a signature that is there already stays until the new one is.
    cleanup_free char *sig = xasprintf("%s.sig", real);
    cleanup_free char *fresh = xasprintf("%s.XXXXXX", sig);
    cleanup_fd int to = mkostemp(fresh, O_CLOEXEC);
    if (to < 0)
        return complain(sig, strerror(errno));
    if (!run_keygen(key, from, to) || fchmod(to, 0644) < 0 || fsync(to) < 0 ||
        rename(fresh, sig) < 0) {
        unlink(fresh);
        return complain(path, "not signed");
    }
    cleanup_free char *what = display_str(path, 0);
    cleanup_free char *shown = display_str(sig, DISPLAY_QUOTE);
    printf("%s: signed, in %s\n", what, shown);
    return 0;
}

static int
sign(const struct trust_args *a, char **files)
{
    int status = 0;
    cleanup_free char *key = a->key ? xstrdup(a->key) : default_key();
    if (!key)
        return complain("--key", "which key? There is none in ~/.ssh (ssh-keygen makes one)");
    if (access(key, R_OK) < 0) {
        int error = errno;
        cleanup_free char *shown = display_str(key, DISPLAY_QUOTE);
        fprintf(stderr, "nono trust: --key %s: %s\n", shown, strerror(error));
        return EXIT_UNVERIFIED;
    }
    for (; *files; files++)
        status |= sign_file(key, *files);
    return status;
}

// --- allow-signer ------------------------------------------------------------------------------

static bool
is_principal(const char *name)
{
    return name[0] && name[0] != '#' && name[strcspn(name, " \t\r\n\",*?!\\")] == 0 &&
           strlen(name) < KEYGEN_PRINCIPAL_MAX;
}

// "TYPE KEY" of a public key file; NULL when it is none.
static char *
read_public_key(const char *path, const char *name, struct err *err)
{
    cleanup_free char *text = NULL;
    ssize_t n = read_file_at(AT_FDCWD, path, KEYGEN_SIGNATURE_MAX, &text);
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    if (n < 0) {
        err_set(err, (int)n, "%s: %s", shown, strerror((int)-n));
        return NULL;
    }
    text[strcspn(text, "\r\n")] = 0;
    char *type = strtok(text, " \t"), *key = strtok(NULL, " \t");
    cleanup_free char *line = xasprintf("%s namespaces=\"%s\" %s %s", name, KEYGEN_NAMESPACE,
                                        type ? type : "", key ? key : "");
    if (trust_check_signers(line, strlen(line), path, err) < 0)
        return NULL;
    return steal_pointer(&line);
}

static bool
has_line(const char *text, const char *line)
{
    size_t len = strlen(line);
    for (const char *at = text; (at = strstr(at, line)); at++)
        if ((at == text || at[-1] == '\n') && (at[len] == '\n' || !at[len]))
            return true;
    return false;
}

static int
allow_signer(const char *name, const char *file)
{
    cleanup_err struct err err = {0};
    cleanup_free char *path = policy_default_signers();
    cleanup_free char *before = NULL;
    if (!is_principal(name))
        return complain(name, "not the name of a signer: an e-mail address, say");
    if (!path)
        return complain("allowed_signers", "no home directory: set HOME or XDG_CONFIG_HOME");
    cleanup_free char *line = read_public_key(file, name, &err);
    if (!line) {
        fprintf(stderr, "nono trust: %s (a public key is wanted: KEY.pub)\n", err.msg);
        return EXIT_UNVERIFIED;
    }
    cleanup_free char *dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));
    int ret = make_private_dir(dir);
    ssize_t n = ret < 0 ? ret : read_file_at(AT_FDCWD, path, TRUST_SIGNERS_MAX, &before);
    if (n < 0 && n != -ENOENT)
        return complain(path, strerror((int)-n));
    if (n > 0 && has_line(before, line)) {
        printf("%s may sign already\n", name);
        return 0;
    }
    // One write to the end: two of us do not mix.
    bool unended = n > 0 && before[n - 1] != '\n';
    cleanup_free char *text = xasprintf("%s%s\n", unended ? "\n" : "", line);
    cleanup_fd int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write_all(fd, text, strlen(text)) < 0 || fsync(fd) < 0)
        return complain(path, strerror(errno));
    printf("%s may sign: %s\n", name, path);
    return 0;
}

// -----------------------------------------------------------------------------------------------

static int
dispatch(struct trust_args *a, struct options *o, char **operands, int n)
{
    const char *what = n ? operands[0] : "";
    if (strcmp(what, "sign") == 0 && n > 1)
        return sign(a, operands + 1);
    if (strcmp(what, "verify") == 0 && n > 1)
        return verify(a, operands + 1);
    if (strcmp(what, "list") == 0 && n <= 2)
        return list(a, n == 2 ? operands[1] : ".");
    if (strcmp(what, "allow-signer") == 0 && n == 3)
        return allow_signer(operands[1], operands[2]);
    return options_error(o, "sign FILE, verify FILE, list or allow-signer NAME KEY.pub?");
}

int
cmd_trust(int argc, char **argv)
{
    struct trust_args a = {.policy = POLICY_ARGS_NONE, .verifier = TRUST_VERIFIER_NONE};
    struct options o;
    int c;
    options_init(&o, &trust_help, argc, argv);
    while ((c = options_next(&o)) >= 0) {
        if (c == OPT_KEY)
            a.key = o.arg;
        else if (c == OPT_SIGNERS)
            a.policy.signers = o.arg;
        else if (c == 'p')
            a.policy.profile_name = o.arg;
        else
            a.form = c == OPT_JSON ? FORM_JSON : FORM_JSONL;
    }
    if (c != OPTIONS_END)
        return o.status;
    int status = dispatch(&a, &o, argv + o.index, argc - o.index);
    trust_verifier_done(&a.verifier);
    policy_args_done(&a.policy);
    return status;
}
