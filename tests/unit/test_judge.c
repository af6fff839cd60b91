// SPDX-License-Identifier: Apache-2.0
// What is recorded of a refusal, with a listener of the kernel's: the task is a thread.
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fake_broker.h"
#include "judge.h"
#include "notify.h"

static pthread_barrier_t listens;
static int listener;
static long answer;

static void *
task(void *arg)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                            &program);
    pthread_barrier_wait(&listens);
    if (listener >= 0)
        answer = syscall(SYS_getppid) < 0 ? -errno : 0;
    return NULL;
}

// Refuses a call of the task that waits for it still, or does no more.
static void
refuse(bool waits, const char *want)
{
    struct fake f = {0};
    struct supervisor s = {0};
    struct seccomp_notif n;
    pthread_t thread;
    broker_init(&s.broker, approver_find("deny"), 0, fake_caps(), &fake_ops, &f, NULL, NULL);
    pthread_barrier_init(&listens, NULL, 2);
    cr_assert_eq(pthread_create(&thread, NULL, task, NULL), 0);
    pthread_barrier_wait(&listens);
    cr_assert_geq(listener, 0);
    cr_assert_eq(notify_recv(listener, &n), 0);
    const struct call c = {.id = n.id, .tid = (pid_t)n.pid};
    s.o.listener = listener;
    if (!waits) {
        notify_fail(listener, n.id, EINTR);
        pthread_join(thread, NULL);
    }
    judge_refuse(&s, &c, fake_request("/w/secret", ACCESS_READ, c.tid), DECIDER_FLOOR,
                 REASON_POLICY_BLOCKED, EACCES);
    if (waits)
        pthread_join(thread, NULL);
    cr_expect_eq(answer, waits ? -EACCES : -EINTR);
    cr_expect_str_eq(fake_said(&f), want);
    close(listener);
    broker_done(&s.broker);
    buf_done(&f.words);
    free(f.said);
}

Test(judge, refusal_of_a_task_that_waits_is_recorded)
{
    refuse(true, "request:1 note:1=deny/floor refused:policy_blocked");
}

// Its number may be another's by now, whose facts they would be.
Test(judge, refusal_of_a_task_that_is_gone_is_not)
{
    refuse(false, "");
}
