// SPDX-License-Identifier: Apache-2.0
// The start of the command when nono dies in the middle of it: nothing of it stays behind.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "launch.h"
#include "util.h"

enum moment { BEFORE_GO, EXEC_WAITS, _MOMENTS };

// Starts the command and dies at that moment. Its processes are told, to be ended when they stay.
static _Noreturn void
be_nono(enum moment moment, pid_t *ret_pids)
{
    struct floor floor = {.ruleset_fd = -1};
    struct launched started;
    char program[] = "/bin/sleep", seconds[] = "1000";
    char *argv[] = {program, seconds, NULL};
    struct launch l = {.argv = argv, .stdio = {-1, -1, -1}, .pty = -1, .floor = &floor};
    if (launch_start(&l, &started, NULL) < 0 || launch_finish(&started, NULL) < 0)
        _exit(1);
    ret_pids[0] = started.monitor;
    ret_pids[1] = started.child;
    struct pollfd p = {.fd = started.listener, .events = POLLIN};
    if (moment == EXEC_WAITS && (launch_go(started.channel) < 0 || poll(&p, 1, 20000) != 1))
        _exit(1);
    raise(SIGKILL);
    _exit(1);
}

Test(launch, nothing_outlives_nono, .timeout = 60)
{
    // What it leaves behind comes here.
    cr_assert(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
    pid_t *pids =
        mmap(NULL, 2 * sizeof *pids, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(pids != MAP_FAILED);
    for (int moment = 0; moment < _MOMENTS; moment++) {
        uint64_t end = clock_mono_ns() + 20 * NS_PER_SEC;
        int status, left = 0;
        pid_t pid = fork();
        if (pid == 0)
            be_nono((enum moment)moment, pids);
        cr_assert(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status), "moment %d", moment);
        while ((left = waitpid(-1, &status, WNOHANG)) >= 0 && clock_mono_ns() < end)
            poll(NULL, 0, 5);
        cr_expect(left < 0, "moment %d: something waits for ever", moment);
        for (int i = 0; left >= 0 && i < 2; i++)
            kill(pids[i], SIGKILL);
        while (waitpid(-1, &status, 0) > 0)
            ;
    }
}
