// SPDX-License-Identifier: Apache-2.0
// driver SECONDS [DIRECTORY] - feeds a target of libFuzzer's kind with mutations of the files in
// DIRECTORY, for those who build with a compiler that has no libFuzzer. With NONO_TEST_LONG=1 it
// takes LONG_FACTOR times as long, with NONO_FUZZ_SECONDS=N just N seconds. The same inputs each
// time, others with NONO_FUZZ_SEED=N. What is found is reported by the sanitizers, what takes
// longer than HANG_S ends by SIGALRM; the input is in the file "crash" then.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "util.h"

#define INPUT_MAX 65536
#define SEEDS_MAX 256
#define LONG_FACTOR 60
#define HANG_S 60

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    uint8_t *data;
    size_t len;
} seeds[SEEDS_MAX];
static size_t n_seeds;
static uint8_t input[INPUT_MAX];
static size_t input_len;

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint64_t
random_below(uint64_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return n ? random_state % n : 0;
}

static void
read_seeds(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir)) && n_seeds < SEEDS_MAX;) {
        char *text = NULL;
        ssize_t n =
            e->d_name[0] == '.' ? -1 : read_file_at(dirfd(dir), e->d_name, INPUT_MAX, &text);
        if (n < 0)
            continue;
        seeds[n_seeds].data = (uint8_t *)text;
        seeds[n_seeds++].len = (size_t)n;
    }
    if (dir)
        closedir(dir);
}

static void
insert(size_t at, const uint8_t *data, size_t n)
{
    if (n > INPUT_MAX - input_len)
        n = INPUT_MAX - input_len;
    memmove(input + at + n, input + at, input_len - at);
    memcpy(input + at, data, n);
    input_len += n;
}

static void
mutate(void)
{
    size_t at = random_below(input_len + 1), n = random_below(input_len - at + 1);
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)random_below(256);
    size_t other = random_below(n_seeds);
    switch (random_below(6)) {
    case 0:
        if (at < input_len)
            input[at] ^= (uint8_t)(1 << random_below(8));
        break;
    case 1:
        insert(at, bytes, random_below(sizeof bytes) + 1);
        break;
    case 2: // one of the characters that texts are made of
        bytes[0] = (uint8_t) "\"\\{}[]:,/*\n0 \033"[random_below(14)];
        insert(at, bytes, 1);
        break;
    case 3:
        n = n > 16 && random_below(4) ? random_below(16) : n;
        memmove(input + at, input + at + n, input_len - at - n);
        input_len -= n;
        break;
    case 4:
        if (n_seeds && seeds[other].len) {
            size_t from = random_below(seeds[other].len);
            insert(at, seeds[other].data + from, random_below(seeds[other].len - from) + 1);
        }
        break;
    default:
        if (at < input_len)
            input[at] = bytes[0];
    }
}

static void
keep_input(void)
{
    int fd = open("crash", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd >= 0)
        (void)!write(fd, input, input_len);
}

static void
on_signal(int sig)
{
    keep_input();
    signal(sig, SIG_DFL);
    raise(sig);
}

// A sanitizer ends the program without a signal; where it is linked it calls this first.
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void
watch(void)
{
    static const int signals[] = {SIGABRT, SIGALRM, SIGSEGV, SIGBUS, SIGFPE};
    bool sanitizer = __sanitizer_set_death_callback != NULL;
    if (sanitizer)
        __sanitizer_set_death_callback(keep_input);
    // The sanitizer reports those behind the second one by itself.
    for (size_t i = 0; i < (sanitizer ? 2 : ARRAY_SIZE(signals)); i++)
        signal(signals[i], on_signal);
}

static uint64_t
seconds_to_run(const char *text)
{
    const char *all = getenv("NONO_TEST_LONG"), *given = getenv("NONO_FUZZ_SECONDS");
    uint64_t seconds = strtoull(text, NULL, 10);
    if (given && *given)
        return strtoull(given, NULL, 10);
    return seconds * (all && strcmp(all, "1") == 0 ? LONG_FACTOR : 1);
}

static void
run_one(const uint8_t *data, size_t n)
{
    alarm(HANG_S);
    LLVMFuzzerTestOneInput(data, n);
    alarm(0);
}

int
main(int argc, char **argv)
{
    const char *number = getenv("NONO_FUZZ_SEED");
    uint64_t seconds = seconds_to_run(argc > 1 ? argv[1] : "1");
    uint64_t end = clock_mono_ns() + seconds * NS_PER_SEC, runs = 0;
    if (number && *number)
        random_state += strtoull(number, NULL, 10) * 0x2545f4914f6cdd1d;
    watch();
    if (argc > 2)
        read_seeds(argv[2]);
    for (size_t i = 0; i < n_seeds; i++, runs++) {
        input_len = seeds[i].len;
        memcpy(input, seeds[i].data, input_len);
        run_one(seeds[i].data, seeds[i].len);
    }
    for (; clock_mono_ns() < end; runs++) {
        size_t seed = random_below(n_seeds);
        // One in four goes on from the last input.
        if (n_seeds && random_below(4)) {
            input_len = seeds[seed].len;
            memcpy(input, seeds[seed].data, input_len);
        }
        for (size_t i = random_below(8) + 1; i-- > 0;)
            mutate();
        // A block of its very size, so that a byte too far is seen.
        uint8_t *copy = xmemdup(input, input_len);
        run_one(copy, input_len);
        free(copy);
        if (input_len > 4096)
            input_len = 0;
    }
    printf("%llu inputs from %zu files\n", (unsigned long long)runs, n_seeds);
    for (size_t i = 0; i < n_seeds; i++)
        free(seeds[i].data);
    return runs == 0;
}
