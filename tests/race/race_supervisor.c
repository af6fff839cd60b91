// SPDX-License-Identifier: Apache-2.0
// The supervisor's receiver, clerk and workers under a sandbox of several processes that open,
// change, run, connect and die all at once, while requests are decided, grants taken back and the
// sandbox frozen and let go: every call is answered, and everything ends when the last task does.
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "approver.h"
#include "bounds.h"
#include "capability.h"
#include "clock.h"
#include "event.h"
#include "landlock.h"
#include "launch.h"
#include "queue.h"
#include "socket_policy.h"
#include "supervisor.h"
#include "util.h"

#define PATIENCE_NS (60 * NS_PER_SEC)

// What the command does: $1 is outside, everything in it is asked about. Its last task blocks in a
// worker when it dies.
static char script[] =
    "cd \"$1\" || exit 9\n"
    "work() {\n"
    "    for i in 1 2 3 4 5 6 7 8 9 10 11 12; do\n"
    "        cat read$i /etc/passwd missing; echo x >made$1.$i; rm -f made$1.$i\n"
    "        mkdir d$1.$i; mv d$1.$i e$1.$i; rmdir e$1.$i; chmod 600 read$i; ./true; ./script\n"
    "        (cat fifo & kill $!; wait)\n"
    "        perl -e 'use Socket; socket(S, AF_INET, SOCK_DGRAM, 0);'"
    " -e 'send(S, q(x), 0, sockaddr_in(9, INADDR_LOOPBACK)); socket(U, AF_UNIX, SOCK_STREAM, 0);'"
    " -e 'bind(U, sockaddr_un(q(sock).$$)); unlink(q(sock).$$);'\n"
    "    done\n"
    "}\n"
    "for n in 1 2 3 4; do work $n & done\n"
    "wait\n"
    "cat fifo & kill -9 $! $$\n";

struct side {
    struct queue *acks; /* to the writer's stand-in */
    struct queue *inbox, *main;
    atomic_uint requests, decisions, durable;
    atomic_bool stop;
};

static void
push(struct queue *q, int type, void *data, void (*free_fn)(void *))
{
    struct msg m = {.type = type, .data = data, .free = free_fn};
    while (queue_push(q, &m, 0) < 0)
        poll(NULL, 0, 1);
}

static int
record_request(void *ctx, struct request *r)
{
    struct side *s = ctx;
    atomic_fetch_add(&s->requests, 1);
    request_free(r);
    return 0;
}

static int
record_decision(void *ctx, struct decision *d, struct grant *g, unsigned count, bool durable)
{
    struct side *s = ctx;
    atomic_fetch_add(&s->decisions, 1);
    if (durable) {
        struct record_ack *ack = xcalloc(1, sizeof *ack);
        ack->request = d->request;
        atomic_fetch_add(&s->durable, 1);
        push(s->acks, MSG_RECORDED, ack, free);
    }
    decision_free(d);
    grant_free(g);
    return 0;
}

static int
record_count(void *ctx, const char *what, uint64_t request, enum op op, uint64_t n)
{
    return 0;
}

static int
record_revoke(void *ctx, const struct grant *g, const char *source)
{
    return 0;
}

static int
record_network(void *ctx, struct network_event *n)
{
    network_event_free(n);
    return 0;
}

static size_t
record_room(void *ctx)
{
    return SIZE_MAX;
}

// The writer's stand-in: a commit is on disk as soon as it comes.
static void *
write_all_of_it(void *arg)
{
    struct side *s = arg;
    while (!atomic_load(&s->stop)) {
        struct pollfd p = {.fd = queue_fd(s->acks), .events = POLLIN};
        struct msg m;
        poll(&p, 1, 10);
        while (queue_pop(s->acks, &m))
            push(s->inbox, m.type, m.data, m.free);
    }
    return NULL;
}

// Each third is denied, each fourth decided for the session; now and then a grant is taken back and
// everything is frozen.
static void
decide(struct side *s, const struct request *r)
{
    struct decision *d = decision_new();
    d->request = r->id;
    memcpy(d->digest, r->digest, DIGEST_LEN);
    d->verdict = r->id % 3 == 0 ? VERDICT_DENY : VERDICT_ALLOW;
    d->scope = r->id % 4 == 0 ? SCOPE_SESSION : SCOPE_ONCE;
    d->reach = REACH_OBJECT;
    d->by = DECIDER_USER;
    push(s->inbox, MSG_DECIDE, d, decision_free_msg);
    if (r->id % 7 == 0) {
        struct revoke *v = xcalloc(1, sizeof *v);
        v->grant = r->id / 7;
        v->source = xstrdup("user");
        push(s->inbox, MSG_REVOKE, v, revoke_free_msg);
    }
    if (r->id % 11 == 0) {
        push(s->inbox, MSG_FREEZE, NULL, NULL);
        push(s->inbox, MSG_THAW, NULL, NULL);
    }
}

// As the session does (session/life.c): a stop is a worker's to hear.
static void
reap(void)
{
    siginfo_t si = {0};
    while (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT | __WNOTHREAD) == 0 && si.si_pid &&
           si.si_code != CLD_TRAPPED && si.si_code != CLD_STOPPED) {
        waitpid(si.si_pid, NULL, WNOHANG | __WNOTHREAD);
        si = (siginfo_t){0};
    }
}

// Until the last task is gone: 0, or -1 when that does not happen.
static int
serve(struct side *s, unsigned *ret_decided)
{
    uint64_t end = clock_mono_ns() + PATIENCE_NS;
    while (clock_mono_ns() < end) {
        struct pollfd p = {.fd = queue_fd(s->main), .events = POLLIN};
        struct msg m;
        poll(&p, 1, 100);
        reap();
        while (queue_pop(s->main, &m)) {
            int type = m.type;
            if (type == MSG_REQUEST) {
                decide(s, m.data);
                ++*ret_decided;
            }
            msg_done(&m);
            if (type == MSG_DRAINED)
                return 0;
        }
    }
    return -1;
}

static void
fill(const char *outside)
{
    char command[256];
    snprintf(command, sizeof command,
             "cd %s && for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo $i >read$i; done && "
             "mkfifo fifo && cp /bin/true true && printf '#!/bin/sh\\n:\\n' >script && "
             "chmod 755 script true",
             outside);
    if (system(command) != 0)
        die("cannot make the files");
}

static void
build_policy(struct capability_set *caps, struct floor *floor, const struct socket_policy *sockets)
{
    static const char *const readable[] = {"/usr", "/bin", "/lib", "/lib64", "/etc", "/proc"};
    struct err err = {0};
    for (size_t i = 0; i < ARRAY_SIZE(readable); i++)
        if (capability_add_present(caps, ACCESS_READ, readable[i], "test", &err) < 0)
            die("%s", err.msg);
    if (capability_add_present(caps, ACCESS_READ | ACCESS_WRITE, "/dev/null", "test", &err) < 0)
        die("%s", err.msg);
    for (size_t i = 0; i < caps->n; i++)
        caps->caps[i].exec = true;
    capability_set_seal(caps);
    if (floor_build(caps, sockets, landlock_abi() == 0, floor, &err) < 0)
        die("%s", err.msg);
}

int
main(void)
{
    char outside[] = "/var/tmp/nono-race.XXXXXX", remove[64];
    struct capability_set caps = {0};
    struct socket_policy sockets = {0};
    struct floor floor = {.ruleset_fd = -1};
    struct err err = {0};
    struct launched started;
    struct supervisor *supervisor;
    struct side side = {0};
    pthread_t writer;
    unsigned decided = 0;
    if (!mkdtemp(outside))
        die("no directory");
    fill(outside);
    build_policy(&caps, &floor, &sockets);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    char shell[] = "/bin/sh", c[] = "-c";
    char *argv[] = {shell, c, script, shell, outside, NULL};
    struct launch l = {.argv = argv, .stdio = {null, null, null}, .pty = -1, .floor = &floor};
    if (launch_start(&l, &started, &err) < 0 || launch_finish(&started, &err) < 0)
        die("%s", err.msg);
    side.acks = queue_new(NONO_QUEUE_SUPERVISOR);
    side.inbox = queue_new(NONO_QUEUE_SUPERVISOR);
    side.main = queue_new(NONO_QUEUE_UI);
    struct supervisor_options o = {.listener = started.listener,
                                   .monitor = started.monitor,
                                   .child = started.child,
                                   .caps = started.caps,
                                   .capabilities = &caps,
                                   .floor = &floor,
                                   .sockets = &sockets,
                                   .keygen = -1,
                                   .approver = approver_find("ui"),
                                   .timeout_ns = 5 * NS_PER_SEC,
                                   .inbox = side.inbox,
                                   .main = side.main,
                                   .record = {.ctx = &side,
                                              .request = record_request,
                                              .decision = record_decision,
                                              .count = record_count,
                                              .revoke = record_revoke,
                                              .network = record_network,
                                              .room = record_room}};
    pthread_create(&writer, NULL, write_all_of_it, &side);
    if (supervisor_start(&o, &supervisor) < 0 || launch_go(started.channel) < 0)
        die("cannot start");
    int ret = serve(&side, &decided);
    if (ret < 0) {
        fprintf(stderr, "race_supervisor: a task hangs, %u decided\n", decided);
        return 1;
    }
    supervisor_join(supervisor);
    atomic_store(&side.stop, true);
    pthread_join(writer, NULL);
    queue_free(side.acks);
    queue_free(side.inbox);
    queue_free(side.main);
    close(started.channel);
    floor_done(&floor);
    capability_set_done(&caps);
    close(null);
    snprintf(remove, sizeof remove, "rm -rf %s", outside);
    if (system(remove) != 0 || decided < 100 || atomic_load(&side.durable) < 100) {
        fprintf(stderr, "race_supervisor: only %u were decided\n", decided);
        return 1;
    }
    printf("%u requests, %u decisions, %u of them durable\n", atomic_load(&side.requests),
           atomic_load(&side.decisions), atomic_load(&side.durable));
    return 0;
}
