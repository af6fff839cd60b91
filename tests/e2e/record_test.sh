#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The record when its disk does not work, when its file is something else, and when nono is killed.

# A file system of its own that can be filled; behind that, no more power than before.
small=$NONO_E2E_DIR/tmp/small
if [ -z "${NONO_TEST_SMALL:-}" ]; then
    mkdir -p "$small"
    unshare=(unshare -m)
    drop=()
    if [ "$(id -u)" != 0 ]; then
        unshare=(unshare -U --map-current-user --keep-caps -m)
        drop=(setpriv --ambient-caps=-all --inh-caps=-all)
    fi
    export NONO_TEST_SMALL=yes
    "${unshare[@]}" mount -t tmpfs -o size=1m none "$small" 2>/dev/null || NONO_TEST_SMALL=no
    [ $NONO_TEST_SMALL = no ] || exec "${unshare[@]}" bash -c 'mount -t tmpfs -o size=1m none "$1" &&
        shift && exec "$@"' bash "$small" "${drop[@]}" "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"

for i in 1 2 3 4; do echo "secret $i" >"$T/outside$i"; done

# Reads a file outside at each step; the steps are taken from here.
steps="n=1; while [ \$n -le \$1 ]; do
    if cat $T/outside\$n 2>/dev/null; then echo yes; else echo no; fi >>answers
    echo \$n >done; n=\$((n + 1)); until [ -e go\$n ] || [ \$n -gt \$1 ]; do sleep 0.02; done; done"
step_done() { [ "$(cat done 2>/dev/null)" = "$1" ]; }
begin_steps() { rm -f answers done go*; }
sqlite_fault() { "$NONO" log --db "$small/audit.db" 2>&1 | grep -q "could not be written"; }
fill() { dd if=/dev/zero of="$small/fill" bs=4k 2>/dev/null; }

if can mountpoint -q "$small"; then
    scenario "a full disk: nothing is granted; it recovers by itself"
    begin_steps
    run_background --db "$small/audit.db" --ui none --on-ask allow -- sh -c "$steps" sh 3
    poll step_done 1 || fail "the first step ends"
    fill
    : >go2
    poll step_done 2 || fail "the second step ends"
    rm "$small/fill"
    poll sqlite_fault || fail "the outage is recorded"
    : >go3
    join_background
    equal "granted, refused, granted" "$(grep -v secret answers | tr '\n' ' ')" "yes no yes "
    contains "it was said" "$output" "nothing is granted"
    "$NONO" verify --db "$small/audit.db" >"$T/tmp/verified" 2>&1
    equal "it verifies" "$?" 0
    contains "the outage is in the log" "$("$NONO" log --db "$small/audit.db" 2>&1)" "could not be written"
    "$NONO" export --db "$small/audit.db" -o "$T/tmp/whole.db" >/dev/null
    fill
    for format in sqlite jsonl csv otlp; do
        "$NONO" export --db "$T/tmp/whole.db" --format $format -o "$small/export" 2>/dev/null
        equal "an export as $format onto a full disk leaves nothing" "$?$(ls "$small" | grep export)" 1
    done
    rm -f "$small"/*

    scenario "a full disk with --audit besteffort: it goes on, and is recorded later"
    begin_steps
    run_background --db "$small/audit.db" --audit besteffort --ui none --on-ask allow -- sh -c "$steps" sh 2
    poll step_done 1 || fail "the first step ends"
    fill
    : >go2
    join_background
    equal "both granted" "$(grep -v secret answers | tr '\n' ' ')" "yes yes "
    contains "it was said" "$output" "going on without"
    contains "and what is lost at the end" "$output" "the record could not be written at the end (No space left on device): 3 events are lost, 1 of them decisions"
    rm -f "$small"/*

    scenario "a full disk at the end with --audit required"
    begin_steps
    run_background --db "$small/audit.db" --ui none --on-ask allow -- sh -c "$steps" sh 2
    poll step_done 1 || fail "the first step ends"
    fill
    : >go2
    join_background
    equal "granted, refused" "$(grep -v secret answers | tr '\n' ' ')" "yes no "
    contains "the end is lost, and that is said" "$output" "events are lost, 0 of them decisions"
    rm -f "$small"/*

    scenario "a full disk is seen on the screen"
    begin_steps
    printf '%s\n' "$steps" >steps.sh
    screen_start "$NONO" run --db "$small/audit.db" --audit besteffort --ui split --on-ask allow -- \
        sh steps.sh 3
    poll step_done 1 || fail "the first step ends"
    wait_screen "all is well" main:0 "rec:ok"
    fill
    : >go2
    wait_screen "the status says that it fails" main:0 "rec:FAIL"
    rm "$small/fill"
    wait_screen "and that it works again" main:0 "rec:ok"
    : >go3
    poll test -s "$T/tmp/status" || fail "the session ends"
    screen_stop
    "$NONO" verify --db "$small/audit.db" >/dev/null 2>&1
    equal "what was kept is recorded and verifies" "$?" 0
    rm -f "$small"/*
fi

scenario "files in the place of the record are left alone"
state=$XDG_STATE_HOME/nono
mkdir -p "$state"
run -- true
for n in 1 2 3; do
    "$NONO" run --ui none --on-ask deny -- sh -c "cat $T/outside$n" >/dev/null 2>&1
done
sqlite() { $PYTHON -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)
for row in c.execute(sys.argv[2]): print(*row)' "$@"; }
sqlite "$state/audit.db" "PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
rm -f "$state"/audit.db-*
cp "$state/audit.db" "$T/tmp/good.db"
size=$(stat -c %s "$T/tmp/good.db")
damaged() { # NAME EXPECTED-STATUS-OF-RUN
    local before
    before=$(sha256sum <"$state/audit.db")
    run --ui none -- true
    equal "$1: nono run" "$status" 125
    contains "$1: the message names the file" "$output" "audit.db"
    equal "$1: it is left alone" "$(sha256sum <"$state/audit.db")" "$before"
    "$NONO" verify >/dev/null 2>&1
    equal "$1: nono verify" "$?" "$2"
    rm -f "$state"/audit.db-*
}
echo "this is somebody's diary" >"$state/audit.db"
damaged "a foreign file" 3
cp "$T/tmp/good.db" "$state/audit.db"
sqlite "$state/audit.db" "DROP TABLE head"
sqlite "$state/audit.db" "PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
damaged "tables of another's making" 3
contains "and says so" "$output" "does not have the tables of its version (no such table: head)"
head -c 100 "$T/tmp/good.db" >"$state/audit.db"
damaged "a file cut to its header" 3
head -c $((size / 2)) "$T/tmp/good.db" >"$state/audit.db"
"$NONO" verify >/dev/null 2>&1
equal "half a file does not verify" "$([ $? -ge 3 ] && echo yes)" yes
rm -f "$state"/audit.db-*
# A bit in each page: what verifies all the same (a comment of the schema, an index) reads the same.
found=0 tried=0 missed=
cp "$T/tmp/good.db" "$state/audit.db"
good=$("$NONO" log --jsonl | sha256sum)
rm -f "$state"/audit.db-*
for offset in $(seq 2100 4096 "$size"); do
    cp "$T/tmp/good.db" "$state/audit.db"
    $PYTHON -c '
import sys
f = open(sys.argv[1], "r+b"); o = int(sys.argv[2])
while True:
    f.seek(o); b = f.read(1)
    if b != b"\0" or not b: break
    o += 1
if b: f.seek(o); f.write(bytes([b[0] ^ 4]))' "$state/audit.db" "$offset"
    "$NONO" verify >/dev/null 2>&1
    if [ $? -ge 3 ]; then
        found=$((found + 1))
    # A log that stops and says that the file is damaged has seen it.
    elif "$NONO" log --jsonl >"$T/tmp/log" 2>/dev/null && [ "$(sha256sum <"$T/tmp/log")" != "$good" ]; then
        missed="$missed $offset"
    fi
    tried=$((tried + 1))
    rm -f "$state"/audit.db-*
done
equal "no flipped bit goes unseen" "$missed" ""
at_least_half=$((found * 2 >= tried))
equal "most flipped bits do not verify ($found of $tried)" "$at_least_half" 1
cp "$T/tmp/good.db" "$state/audit.db"
"$NONO" verify >/dev/null
equal "the good file verifies" "$?" 0

scenario "a directory that is read only"
mkdir "$T/tmp/ro"
cp "$T/tmp/good.db" "$T/tmp/ro/audit.db"
chmod 0500 "$T/tmp/ro"
chmod 0400 "$T/tmp/ro/audit.db"
if [ "$(id -u)" != 0 ]; then
    run --db "$T/tmp/ro/audit.db" --ui none -- true
    equal "nono run does not start" "$status" 125
    run --db "$T/tmp/ro/audit.db" --audit besteffort --ui none -- echo went on
    equal "besteffort goes on" "$status" 0
    contains "and says so" "$output" "going on without"
fi
equal "it can be read" "$("$NONO" log --db "$T/tmp/ro/audit.db" --jsonl | rows "len(rows) > 10")" True
chmod 0700 "$T/tmp/ro"

scenario "a file system that is read only"
unshare=(unshare -m)
[ "$(id -u)" = 0 ] || unshare=(unshare -U --map-current-user --keep-caps -m)
read_only() { # COMMAND...: with $T/tmp/ro mounted so
    "${unshare[@]}" bash -c 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"' "$T/tmp/ro" "$@"
}
readers() { # FILE
    local command
    for command in "log --jsonl" "verify -v" "show 1" "export --format jsonl" "ps --all --jsonl" "grants"; do
        # shellcheck disable=SC2086
        read_only "$NONO" $command --db "$1" 2>&1 || echo "exit $?"
    done
}
if can read_only true; then
    chmod 0600 "$T/tmp/ro/audit.db"
    log=$XDG_STATE_HOME/nono/audit.db
    # One that took a second leaves nothing there.
    for _ in 1 2 3 4 5; do
        rm -f "$log"*
        run --name log -- cat "$T/outside1"
        [ ! -s "$log-wal" ] || break
    done
    want=$(readers "$log")
    [ -s "$log-wal" ] && pass "the -wal has some of it" || fail "the -wal has some of it" "$(ls -l "$log"*)"
    for kept in "-wal -shm" "-wal" ""; do
        rm -f "$T/tmp/ro"/*
        cp "$log" "$log-wal" "$log-shm" "$T/tmp/ro/"
        [ -n "$kept" ] || sqlite "$T/tmp/ro/audit.db" "PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
        for end in -wal -shm; do case $kept in *$end*) ;; *) rm -f "$T/tmp/ro/audit.db$end" ;; esac; done
        equal "all is read with ${kept:-the file alone}" "$(readers "$T/tmp/ro/audit.db")" "$want"
    done
    contains "all of it" "$want" "verified: 1 session"
    equal "nono run does not start" "$(read_only "$NONO" run --db "$T/tmp/ro/audit.db" -- true 2>&1 | grep -o 'Read-only file system')" \
        "Read-only file system"
    rm -f "$T/tmp/ro"/*
fi

scenario "killed at any moment, what was acted upon is recorded and verifies"
rounds=15
[ "${NONO_TEST_LONG:-0}" = 0 ] || rounds=1000
# Each needs a decision of its own, so that one is always on its way.
mkdir "$T/many" && (cd "$T/many" && for i in $(seq 3000); do echo x >"$i"; done)
busy="i=0; while i=\$((i + 1)); read -r x <$T/many/\$i; do echo \$i; done 2>/dev/null"
kill_round() { # ROUND PART-OF-A-SECOND: from the start, in odd rounds from the first answer
    mkfifo "shown$1"
    cat "shown$1" >"seen$1" &
    local reader=$! victim
    # Opened here: who is killed before it has opened it would leave the reader waiting.
    exec 9>"shown$1"
    "$NONO" run --ui none --on-ask allow -- sh -c "$busy" sh "$1" >&9 9>&- 2>/dev/null &
    victim=$!
    exec 9>&-
    [ $(($1 % 2)) = 0 ] || poll test -s "seen$1"
    sleep "$2" # the moment is the subject
    kill -KILL $victim
    wait $victim
    [ $? != 137 ] || : >"killed$1"
    wait $reader
} 2>/dev/null
# What was read in each round since the last look, against what is recorded of it.
look_back() {
    local l r i s
    read -r l r i s < <("$NONO" log --jsonl --since "@$since" 2>/dev/null | $PYTHON -c '
import glob, json, os, sys
rounds, allowed, lost, read, inside = {}, {}, 0, 0, 0
for r in map(json.loads, sys.stdin):
    if r["kind"] == "session_start":
        rounds[r["session"]] = r["argv"][-1]
    elif r["kind"] == "decision" and r["verdict"] == "allow":
        allowed.setdefault(rounds[r["session"]], set()).add(os.path.basename(r["resolved"]))
for name in glob.glob("seen*"):
    seen = set(open(name).read().split())
    lost += not seen <= allowed.get(name[len("seen"):], set())
    read += len(seen)
    inside += bool(seen) and os.path.exists("killed" + name[len("seen"):])
print(lost, read, inside, len(glob.glob("seen*")))')
    lost=$((lost + l)) read=$((read + r)) inside=$((inside + i)) seen=$((seen + s))
    rm -f seen* shown* killed*
    since=$EPOCHREALTIME
    "$NONO" verify >"$T/tmp/verify" 2>&1 || { broken=$((broken + 1)); sed 's/^/# /' "$T/tmp/verify"; }
}
lost=0 broken=0 read=0 inside=0 seen=0 n=0 since=$EPOCHREALTIME
while [ $n -lt $rounds ]; do
    # Two that have the record for themselves, so that nobody is left to say what the log holds, one of
    # them killed from its start; then three that write at once.
    for together in 1 1 3; do
        running=()
        for _ in $(seq $together); do
            n=$((n + 1))
            kill_round $n "0.$((RANDOM % 4))$((RANDOM % 10))$((RANDOM % 10))" &
            running+=($!)
        done
        wait "${running[@]}"
    done
    [ $n -lt $rounds ] && [ $((n % 50)) != 0 ] || look_back
done
equal "most rounds were killed while files were read ($inside of $n; $read files)" "$((inside * 2 >= n))" 1
equal "all rounds were looked back at" "$seen" "$n"
equal "no decision was lost in $n rounds" "$lost" 0
equal "at any time all of them verify" "$broken" 0
"$NONO" verify >"$T/tmp/verify" 2>&1
equal "the record verifies" "$?" 0

finish
