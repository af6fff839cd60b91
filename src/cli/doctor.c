// SPDX-License-Identifier: Apache-2.0
// nono doctor
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli.h"
#include "display.h"
#include "options.h"
#include "probe.h"
#include "registry.h"
#include "util.h"

static const struct option_row doctor_rows[] = {{0}};
static const struct options_help doctor_help = {
    .synopsis = "nono doctor",
    .about = "Says what this kernel offers, what is missing and what that means.\n"
             "Exit status 1: nono run cannot run safely here.",
    .rows = doctor_rows,
};

static bool
print_result(const struct probe_result *r)
{
    bool bad = r->error && r->weight == PROBE_REQUIRED;
    printf("%-8s %s", !r->error ? "ok" : bad ? "MISSING" : "degraded", r->name);
    if (r->value)
        printf(" (version %d)", r->value);
    if (r->error)
        printf(": %s\n         %s", strerror(-r->error), r->without);
    putchar('\n');
    return !bad;
}

static bool
print_place(const char *what, char *path)
{
    cleanup_free char *shown = path ? display_str(path, DISPLAY_QUOTE) : NULL;
    printf("%-8s %s: %s\n", path ? "ok" : "MISSING", what,
           shown ? shown : "no home directory (set HOME)");
    free(path);
    return shown != NULL;
}

int
cmd_doctor(int argc, char **argv)
{
    struct options o;
    struct utsname u;
    struct probe_result results[PROBE_MAX];
    bool fine = true;
    options_init(&o, &doctor_help, argc, argv);
    if (options_next(&o) != OPTIONS_END)
        return o.status;
    if (o.index < argc)
        return options_error(&o, "no operands are taken");
    if (uname(&u) == 0)
        printf("nono %s on Linux %s %s, uid %u\n", NONO_VERSION, u.release, u.machine,
               (unsigned)geteuid());
    size_t n = probe_kernel(results);
    for (size_t i = 0; i < n; i++)
        fine &= print_result(&results[i]);
    fine &= print_place("record", registry_default_db());
    fine &= print_place("control sockets", registry_runtime_dir());
    puts(fine ? "nono can run safely here." : "nono cannot run safely here.");
    return fine ? 0 : 1;
}
