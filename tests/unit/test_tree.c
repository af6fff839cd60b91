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
    atomic_uint births; /* of processes that have others and end */
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
    uint64_t end = clock_mono_ns() + 30 * NS_PER_SEC;
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

static void
prepare(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(shared != MAP_FAILED);
    cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
}

static bool
none_is_left(void)
{
    tree_kill(0);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    return waitpid(-1, NULL, WNOHANG) < 0;
}

Test(tree, stops_and_goes_on, .init = prepare)
{
    struct tree t = {0};
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
    cr_assert(wait_until(none_is_left));
    tree_done(&t);
}

#define DEPTH 300

static bool
the_last_ticks(void)
{
    return shared->ticks[CHILD] != before[CHILD];
}

// No chain of processes is so long that its end gets away.
Test(tree, however_deep, .init = prepare)
{
    struct tree t = {0};
    if (fork() == 0) {
        for (int i = 0; i < DEPTH; i++) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (fork() > 0)
                for (;;)
                    pause();
        }
        tick_for_ever(CHILD);
    }
    cr_assert(wait_until(the_last_ticks));
    tree_stop(&t, 0);
    cr_expect_eq(t.n, DEPTH + 1);
    cr_expect(tree_is_stopped(shared->pid[CHILD]));
    before[CHILD] = shared->ticks[CHILD];
    tree_continue(&t);
    cr_expect(wait_until(the_last_ticks));
    cr_assert(wait_until(none_is_left));
    tree_done(&t);
}

static void *
tick_in_thread(void *arg)
{
    (void)arg;
    tick_for_ever(CHILD);
}

// A process whose first thread has ended looks dead to those who ask for that one only.
Test(tree, a_process_without_its_first_thread, .init = prepare)
{
    struct tree t = {0};
    if (fork() == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, tick_in_thread, NULL);
        pthread_exit(NULL);
    }
    cr_assert(wait_until(the_last_ticks));
    tree_stop(&t, 0);
    cr_expect_eq(t.n, 1);
    before[CHILD] = shared->ticks[CHILD];
    poll(NULL, 0, 20); /* time to go on wrongly */
    cr_expect(!the_last_ticks(), "it went on");
    tree_continue(&t);
    cr_expect(wait_until(the_last_ticks));
    cr_assert(wait_until(none_is_left));
    tree_done(&t);
}

// Leaves its parent, its session and its process group behind, for as long as the test may take.
_Noreturn static void
run_away(void)
{
    uint64_t end = clock_mono_ns() + 60 * NS_PER_SEC;
    while (clock_mono_ns() < end) {
        shared->births++;
        setsid();
        if (fork() != 0)
            break;
    }
    _exit(0);
}

static unsigned births_before;

static bool
more_were_born(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    return shared->births > births_before + 100;
}

Test(tree, those_that_run_away, .init = prepare)
{
    struct tree t = {0};
    for (int i = 0; i < 4; i++)
        if (fork() == 0)
            run_away();
    for (int round = 0; round < 50; round++) {
        cr_assert(wait_until(more_were_born), "round %d", round);
        // Each call is bounded in time: on a busy machine one may be too short, ten are not.
        int calls = 0;
        do {
            tree_stop(&t, 0);
            births_before = shared->births;
            poll(NULL, 0, 5); /* time to go on wrongly */
        } while (shared->births != births_before && ++calls < 10);
        cr_expect_eq(shared->births, births_before, "round %d: one got away", round);
        tree_continue(&t);
    }
    tree_stop(&t, 0);
    cr_assert(wait_until(none_is_left));
    tree_done(&t);
}
