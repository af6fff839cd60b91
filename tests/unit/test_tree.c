// SPDX-License-Identifier: Apache-2.0
// Stopping everything below this process, and letting it go on.
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "tree.h"

enum { PARENT, CHILD, OF_A_THREAD, STOPPED, SPARED, N };

static struct shared {
    atomic_uint ticks[N];
    atomic_int pid[N];
    atomic_bool saw_stop;
} * shared;

static void
tick(int i)
{
    shared->ticks[i]++;
    poll(NULL, 0, 1);
}

_Noreturn static void
tick_for_ever(int i)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    shared->pid[i] = getpid();
    for (;;)
        tick(i);
}

static void *
fork_in_thread(void *arg)
{
    (void)arg;
    if (fork() == 0)
        tick_for_ever(OF_A_THREAD);
    for (;;)
        pause();
}

_Noreturn static void
parent_main(void)
{
    pthread_t thread;
    int status;
    if (fork() == 0)
        tick_for_ever(CHILD);
    pthread_create(&thread, NULL, fork_in_thread, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    shared->pid[PARENT] = getpid();
    for (;;) {
        tick(PARENT);
        if (waitpid(-1, &status, WNOHANG | WUNTRACED) > 0 && WIFSTOPPED(status))
            shared->saw_stop = true;
    }
}

static bool
wait_until(bool (*holds)(void))
{
    uint64_t end = clock_mono_ns() + 10 * NS_PER_SEC;
    while (!holds() && clock_mono_ns() < end)
        poll(NULL, 0, 1);
    return holds();
}

static bool
all_tick(void)
{
    for (int i = 0; i < N; i++)
        if (!shared->ticks[i])
            return false;
    return true;
}

static bool
is_stopped_now(void)
{
    return tree_is_stopped(shared->pid[STOPPED]);
}

static bool
all_are_stopped(void)
{
    for (int i = 0; i < SPARED; i++)
        if (!tree_is_stopped(shared->pid[i]))
            return false;
    return true;
}

static unsigned before[N];

static bool
all_went_on(void)
{
    for (int i = 0; i < STOPPED; i++)
        if (shared->ticks[i] == before[i])
            return false;
    return true;
}

Test(tree, stops_and_goes_on)
{
    struct tree t = {0};
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(shared != MAP_FAILED);
    if (fork() == 0)
        parent_main();
    for (int i = STOPPED; i <= SPARED; i++)
        if (fork() == 0)
            tick_for_ever(i);
    cr_assert(wait_until(all_tick));
    kill(shared->pid[STOPPED], SIGSTOP);
    cr_assert(wait_until(is_stopped_now));
    for (int round = 0; round < 20; round++) {
        tree_stop(&t, shared->pid[SPARED]);
        cr_assert(wait_until(all_are_stopped), "round %d", round);
        cr_expect_eq(t.n, 3, "what was stopped already is not ours");
        cr_expect(!tree_is_stopped(shared->pid[SPARED]));
        for (int i = 0; i < N; i++)
            before[i] = shared->ticks[i];
        tree_continue(&t);
        cr_assert(wait_until(all_went_on), "round %d", round);
        cr_expect_eq(shared->ticks[STOPPED], before[STOPPED], "a stopped job stays stopped");
    }
    cr_expect(!shared->saw_stop, "a parent saw its child stopped");
    tree_kill(0);
    while (wait(NULL) > 0)
        ;
    tree_done(&t);
}
