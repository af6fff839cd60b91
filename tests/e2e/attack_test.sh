#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An enemy inside the sandbox: each way out ends natively or in a refusal.
. "$(dirname "$0")/lib.sh"
ATTACK=$BIN/attack

each() { # WHAT NAME=RESULT...: every one is a line of $output
    local what=$1 line
    shift
    for line; do
        if grep -qx -- "$line" <<<"$output"; then pass "$what: $line"; else fail "$what: $line" "$output"; fi
    done
}

# What only processes outside carry in their environment.
export NONO_MARK=mark-of-the-outside
sleep 300 >/dev/null 2>&1 &
outside=$!
trap 'kill "$outside" 2>/dev/null' EXIT

# A session whose command runs the lines that come through a pipe; sets $session_pid and $monitor.
session_start() { # OPTIONS...
    rm -f "$T/tmp/orders" "$T/tmp/out" "$T/tmp/status"
    mkfifo "$T/tmp/orders"
    { "$NONO" run -r "$BIN" "$@" -- env -u NONO_MARK bash -c 'while read -r line; do eval "$line"; echo "END"; done' \
        <"$T/tmp/orders" >>"$T/tmp/out" 2>&1; echo $? >"$T/tmp/status"; } &
    exec 7>"$T/tmp/orders"
    poll has_session || fail "a session starts" "$(cat "$T/tmp/out")"
    session_pid=$("$NONO" ps --jsonl | rows 'rows[0]["pid"]')
    monitor=$(pgrep -P "$session_pid" -o)
}

has_session() {
    [ "$("$NONO" ps --jsonl | rows 'len(rows)')" = 1 ]
}

ended() {
    tail -n 1 "$T/tmp/out" | grep -qx END
}

inside() { # LINE: runs it in the session; sets $output
    : >"$T/tmp/out"
    echo "$1" >&7
    poll ended || fail "the line ends: $1"
    output=$(tr -d '\0' <"$T/tmp/out")
}

session_end() {
    exec 7>&-
    poll test -s "$T/tmp/status" || fail "the session ends"
}

scenario "other processes through /proc"
session_start --on-ask allow
inside "ln -s /proc/$session_pid/environ el; ln -s /proc/$session_pid/root rl; ln -s /proc/self/environ se"
for target in "/proc/$session_pid/environ" "/proc/../proc/$session_pid/environ" el "rl/proc/$session_pid/environ" \
    "/proc/$session_pid/root$SECRET" "rl$SECRET" "/proc/$session_pid/cwd/../outside/secret.txt" \
    "/proc/$session_pid/fd/0" "/proc/$session_pid/fd/3" "/proc/$session_pid/fd/5" \
    "/proc/$session_pid/task/$session_pid/environ" "/proc/$session_pid/mem" "/proc/$session_pid/maps" \
    "/proc/$session_pid/auxv" "/proc/$monitor/environ" "/proc/$monitor/mem" "/proc/$monitor/root$SECRET" \
    "/proc/$monitor/fd/0" "/proc/$outside/environ" "/proc/$outside/mem" "/proc/$outside/root$SECRET" \
    "/proc/$outside/cwd/plain"; do
    name=${target//$session_pid/NONO} name=${name//$monitor/MONITOR} name=${name//$outside/OUTSIDE}
    inside "$ATTACK read $target; $ATTACK write $target"
    lacks "nothing of the environment: ${name/$T/}" "$output" mark-of
    lacks "nothing through it: ${name/$T/}" "$output" "the content"
    lacks "no writing: ${name/$T/}" "$output" "write=ok"
done
for target in nono:$session_pid monitor:$monitor other:$outside; do
    inside "$ATTACK processes ${target#*:}"
    each "${target%:*}" attach=EPERM seize=EPERM kill=EPERM tgkill=EPERM readv=EPERM writev=EPERM \
        pidfd_getfd=EPERM pidfd_signal=EPERM prlimit=EPERM affinity=EPERM scheduler=EPERM \
        priority=EPERM user_priority=EPERM ioprio=EPERM
done
inside "sleep 60 & $ATTACK processes \$! | tail -n 5; kill -9 \$!"
each "one's own process" affinity=ok scheduler=ok priority=ok user_priority=EPERM ioprio=ok
shm=$(ipcmk -M 4096 -p 0600 | tr -dc 0-9)
key=$(awk -v id="$shm" '$2 == id {print $1}' /proc/sysvipc/shm)
inside "$ATTACK sysv $shm $key"
each "System V objects" attach=EACCES get=EACCES get_or_make=EACCES remove=EACCES missing=EINVAL own=ok own_remove=ok \
    own_send=ok own_queue=ok own_up=ok own_set=ok
ipcrm -m "$shm" && pass "the one outside is still there" || fail "the one outside is still there"
queue=/nono-test-$$
"$ATTACK" queue "$queue" >/dev/null
inside "$ATTACK queues $queue $queue-own"
each "POSIX message queues" open=EACCES open_or_make=EACCES make=EEXIST remove=EACCES own_send=ok \
    own_receive=ok own_remove=ok own_gone=ENOENT own_send_again=ok
equal "the one outside is still there, none beside it" \
    "$("$ATTACK" unqueue "$queue") $("$ATTACK" unqueue "$queue-own")" "unqueue=ok unqueue=ENOENT"
equal "that it was wanted is recorded, and shared memory" \
    "$(log_rows "sorted(set((r['op'], r['resolved'].replace('$queue', '')) for r in rows \
    if r.get('kind') == 'decision' and ('mqueue' in r['resolved'] or 'sysv' in r['resolved'])))")" \
    "[('delete', '/dev/mqueue'), ('readwrite', '/dev/mqueue'), ('readwrite', 'sysv:shm:$(printf %#x "$shm")'), \
('readwrite', 'sysv:shm:key $(printf %#x $((key & 0xffffffff)))')]"
inside "MINE=mine-here cat se"
contains "/proc/self by a link is the reader's own" "$output" "MINE=mine-here"
lacks "and not nono's" "$output" mark-of
inside "ls /proc/self/fd | tr '\\n' ' '; echo"
contains "0, 1, 2, and the directory that ls reads" "$output" "0 1 2 3 "$'\n'END
session_end

scenario "own descriptors by name"
output=$(echo typed | "$NONO" run -r "$BIN" --on-ask deny -- \
    sh -c "cat /dev/stdin; echo again | cat /proc/self/fd/0; $ATTACK own $ATTACK" 2>&1)
equal "the task's own" "$output" "typed
again
own=done"
run --on-ask deny -- bash -c 'cat <(echo substituted); diff <(echo a) <(echo a) && echo same'
equal "process substitution" "$output" "substituted
same"

scenario "calls that are never made"
run --on-ask allow -- "$ATTACK" calls
each calls io_uring_setup=ENOSYS clone3=ENOSYS unshare=EPERM unshare_user=EPERM clone_newuser=EPERM \
    setns=EPERM mount=EPERM chroot=EPERM open_tree=EPERM open_tree_attr=EPERM open_by_handle_at=EPERM bpf=EPERM \
    quotactl_fd=EPERM userfaultfd=EPERM TIOCSTI=EPERM \
    TIOCSTI_high=EPERM TIOCLINUX=EPERM unix=ok packet=EAFNOSUPPORT packet_high=EAFNOSUPPORT vsock=EAFNOSUPPORT
if [ "$(uname -m)" = x86_64 ]; then
    run --on-ask allow -- "$ATTACK" abis "$SECRET"
    each "other ABIs" int80=ENOSYS x32=ENOSYS x32_openat=ENOSYS
fi
run --on-ask deny -- "$ATTACK" resolve "$SECRET"
lacks "openat2 with any flag" "$output" =ok
equal "all of them" "$(grep -c = <<<"$output")" 7

scenario "terminals"
$PYTHON -c 'import os, pty, time
master, slave = pty.openpty()
print(os.ttyname(slave), flush=True)
time.sleep(300)' >"$T/tmp/terminal" 2>&1 &
terminals=$!
trap 'kill "$outside" "$terminals" 2>/dev/null' EXIT
poll grep -q /dev/pts "$T/tmp/terminal"
other=$(cat "$T/tmp/terminal")
for option in "-a $OUT" "-a /dev"; do
    # shellcheck disable=SC2086
    run --on-ask allow $option -- sh -c "$ATTACK write $other; cd /dev/pts; $ATTACK write ./${other##*/}; ln -sf $other $T/work/t; $ATTACK write $T/work/t"
    lacks "another terminal of the user, ${option//$T/}" "$output" write=ok
    run --on-ask allow $option -- $PYTHON -c 'import os, pty
master, slave = pty.openpty()
os.close(os.open(os.ttyname(slave), os.O_RDWR | os.O_NOCTTY))
pid, fd = pty.fork()
if pid == 0:
    os.write(os.open(os.ttyname(0), os.O_WRONLY), b"by name ")
    os.write(os.open("/dev/tty", os.O_WRONLY), b"by tty")
    os._exit(0)
text = b""
try:
    while chunk := os.read(fd, 100):
        text += chunk
except OSError:
    pass
print(text.decode(), len(os.listdir("/dev/pts")) > 0)'
    equal "one made inside, ${option//$T/}" "$output" "by name by tty True"
done
# script passes the end of its input on, which the terminal may echo.
output=$(script -qec "$NONO run --ui none --on-ask deny -- sh -c 'echo one >/dev/stderr; echo two >/dev/tty; echo three >\$(tty)'" /dev/null </dev/null 2>&1 | tr -d '\r\0' | sed '/^nono: /d; s/^^@//')
equal "the session's own" "$output" "one
two
three"

scenario "a name that changes under the call"
echo A >allowed
echo B >"$OUT/forbidden"
run --on-ask deny -- "$ATTACK" race "$T/work/allowed" "$OUT/forbidden" 100000
contains "two threads" "$output" race=held

scenario "a file swapped before the approval"
mkdir -p "$OUT/real" "$OUT/bait" way
echo shown >"$OUT/real/f"
echo other >"$OUT/bait/f"
ln -s "$OUT/real" way/mid
run_background --ui attach -- cat way/mid/f
id=$(wait_request real/f)
ln -sfn "$OUT/bait" way/mid
mv "$OUT/real/f" "$OUT/real/g"
cp "$OUT/bait/f" "$OUT/real/f"
"$NONO" allow "$id" >/dev/null
join_background
equal "the shown object" "$output" shown

scenario "a file whose lease the enemy holds"
start=$SECONDS
run --on-ask allow -- "$ATTACK" lease "$SECRET" "$T/work/allowed"
equal "others are served meanwhile" "$output" "lease=ok
broken=ok"
at_most "without waiting for it (lease-break-time is 45 s)" $((SECONDS - start)) 20

scenario "more requests than descriptors"
mkdir "$OUT/many"
for i in $(seq 120); do echo many >"$OUT/many/$i"; done
refused_some() {
    [ "$(log_rows "len([r for r in rows if r.get('reason') == 'rate_limited'])")" -ge 10 ]
}
: >"$T/tmp/out"
{ ulimit -n 120; "$NONO" run -r "$BIN" --ui attach -- sh -c "for i in \$(seq 120); do cat $OUT/many/\$i & done; while [ ! -e go ]; do :; done; cat allowed >served; wait" \
    >>"$T/tmp/out" 2>&1 </dev/null; echo $? >"$T/tmp/status"; } &
poll refused_some || fail "some are refused"
: >go
# In a file of its own: what the others say comes in pieces.
poll grep -qsx A "$T/work/served" && pass "what needs no request is still served" || fail "what needs no request is still served" "$(cat "$T/tmp/out")"
id=$(pending_rows "rows[0]['request']")
"$NONO" allow "$id" >/dev/null && pass "and a decision taken" || fail "and a decision taken"
poll grep -qx many "$T/tmp/out" && pass "and carried out" || fail "and carried out" "$(cat "$T/tmp/out")"
kill -TERM "$("$NONO" ps --jsonl | rows 'rows[0]["pid"]')"
poll no_session_runs || { "$NONO" pending --jsonl | rows '" ".join(str(r["request"]) for r in rows)' | xargs -n 1 "$NONO" deny >/dev/null; poll no_session_runs; }
equal "nothing is left" "$("$NONO" ps --jsonl)" ""

scenario "links to what is forbidden"
run --on-ask deny -- "$ATTACK" link "$SECRET"
lacks "hard link" "$output" link=ok
run --on-ask deny -- sh -c "ln -s $SECRET soft; cat soft"
lacks "symbolic link" "$output" "the content"

scenario "nono's own files"
state=$XDG_STATE_HOME/nono
for option in "-a $T" "-a $T/home -a $T/run" "-a /var"; do
    # shellcheck disable=SC2086
    session_start --on-ask allow $option
    socket=$(ls "$XDG_RUNTIME_DIR"/nono/*.sock | head -n 1)
    [ -S "$socket" ] || fail "there is a control socket"
    before=$(stat -c %i "$state/audit.db" "$socket")
    inside "cat $state/audit.db; : >>$state/audit.db; ln $state/audit.db x && echo linked; rm -f $state/audit.db $socket; mv $state x && echo gone; mv $state/audit.db x && echo gone; mv $T/home x && echo gone; mv $XDG_RUNTIME_DIR/nono x && echo gone; mv $XDG_RUNTIME_DIR x && echo gone; ln $socket x && echo linked; echo tried"
    contains "${option//$T/}: tried" "$output" tried
    lacks "${option//$T/}: the record is not read" "$output" SQLite
    lacks "${option//$T/}: nor linked" "$output" linked
    lacks "${option//$T/}: nor moved" "$output" gone
    equal "${option//$T/}: all of it is still there" "$(stat -c %i "$state/audit.db" "$socket")" "$before"
    inside "$NONO pending; echo status \$?; $NONO allow 1; echo status \$?"
    lacks "${option//$T/}: the socket answers nobody inside" "$output" "status 0"
    session_end
done

if [ "$(id -u)" = 0 ]; then
    scenario "a task that gave up its powers"
    (umask 077; echo hidden >"$OUT/hidden")
    chown 65534 "$OUT/hidden"
    run --on-ask allow -- "$ATTACK" drop "$OUT/hidden"
    each "dropped capabilities" dropped=EACCES
    mkdir -m 700 "$OUT/locked"
    echo seen >"$OUT/locked/file"
    chown 65534 "$OUT/locked"
    run --on-ask allow -- "$ATTACK" drop "$OUT/locked/file"
    each "nor are they used on the way" dropped=EACCES
    run -- "$ATTACK" drop_queue "$queue"
    each "nor for a message queue" made=ok opened=ok dropped=EACCES
    "$ATTACK" unqueue "$queue" >/dev/null
fi
scenario "a capability to write to a device or into /tmp does not mean its mode and owner"
# No-op modes on purpose: a test that fails must not break the machine.
mode=$(stat -c %a /dev/zero) shared=$(stat -c %a /tmp)
run --on-ask deny -- sh -c "chmod $mode /dev/zero; chmod $shared /tmp; chown 0:0 /dev/zero; touch /dev/null && echo touched" 2>&1
equal "asked about, or not permitted" "$(grep -c 'not permitted\|ermission denied' <<<"$output")" 3
contains "its times are anybody's who may write" "$output" touched

finish
