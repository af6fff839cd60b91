#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No socket of the sandbox makes the supervisor wait.
. "$(dirname "$0")/lib.sh"

# Most that an open took meanwhile; "never" when nothing came.
longest() { # ARG...
    output=$(timeout -k 5 60 "$NONO" run -r "$BIN" --on-ask deny --allow . --net allow -- "$BIN/sockhang" "$@" 2>&1)
    got=$(echo "$output" | sed -n 's/^at most \([0-9]*\) ms,.*/\1/p')
    echo "${got:-never: $output}"
}

scenario "O_NONBLOCK that changes under the call"
at_most "an open is not delayed (ms)" "$(longest connect .)" 2000

scenario "a connection that lingers when the last of it is closed"
at_most "an open is not delayed (ms)" "$(longest linger)" 2000

scenario "hundreds of those at once"
output=$(ulimit -n 20000 && timeout -k 5 60 "$NONO" run -r "$BIN" --on-ask deny --net allow -- "$BIN/sockhang" closes 2>&1)
all=$(echo "$output" | sed -n 's/^all back after \([0-9]*\) ms,.*/\1/p')
one=$(echo "$output" | sed -n 's/.* a connect took at most \([0-9]*\) ms$/\1/p')
at_most "another's connect does not wait for all of them (ms)" "${one:-never: $output}" $((${all:-0} / 3))

scenario "directories full of names where multiplexers keep their sockets"
mkdir -p "$OUT/many"
$PYTHON -c "
import os
for d in range(100):
    os.mkdir('$OUT/many/tmux-%d' % d)
    for f in range(500):
        os.mknod('$OUT/many/tmux-%d/%d' % (d, f))"
export TMUX_TMPDIR=$OUT/many
output=$(timeout -k 5 60 "$NONO" run -r "$BIN" --on-ask deny --allow . -- "$BIN/sockhang" names . 2>&1)
opens=$(echo "$output" | sed -n 's/^at most .* ms, \([0-9]*\) opens$/\1/p')
[ "${opens:-0}" -ge 200 ] && pass "opens go on ($opens)" || fail "opens go on" "$output"
unset TMUX_TMPDIR

scenario "connects that block do not take everybody's workers"
touch "$OUT/victim"
mkfifo "$OUT/fifo"
output=$(ulimit -n 20000 && timeout -k 5 90 "$NONO" run -r "$BIN" --on-ask allow --allow . --net allow -- "$BIN/sockhang" many "$OUT/victim" "$OUT/fifo" 2>&1)
contains "another process connects" "$output" ", the other 0"
contains "the person is told" "$output" "too many blocked calls"
refused=$(echo "$output" | sed -n 's/^refused \([0-9]*\),.*/\1/p')
[ "${refused:-0}" -ge 100 ] && pass "the process is refused more ($refused)" || fail "the process is refused more" "$output"
contains "what nobody can block is done for it still" "$output" "removed: yes"
contains "but no fifo is opened" "$output" "fifo: Permission denied"
equal "which is recorded" "$(log_rows "sorted(d['verdict'] for r in of(kind='request') if r['resolved'].endswith('/fifo') for d in of(kind='decision', request=r['request']))")" "['allow', 'deny']"
# 2401 connects in all; more may be refused after it was printed.
allowed=$("$NONO" log --json | grep -c '"op":"connect".*"decision":"allow"')
denied=$("$NONO" log --json | grep -c '"op":"connect".*"decision":"denied".*"rate_limited"')
[ "$denied" -ge "$refused" ] && pass "the record tells the refused" || fail "the record tells the refused" "$denied of $refused"
at_most "the record tells only what was made as allowed" "$allowed" "$((2401 - refused))"

scenario "processes that send very much"
output=$(timeout -k 5 60 "$NONO" run -r "$BIN" --on-ask deny --net allow -- "$BIN/sockhang" bulk 2>&1)
opens=$(echo "$output" | sed -n 's/^at most .* ms, \([0-9]*\) opens$/\1/p')
[ "${opens:-0}" -ge 200 ] && pass "opens go on ($opens)" || fail "opens go on" "$output"
lacks "and every batch is sent" "$output" "a batch ends"

scenario "thousands of threads that ask"
# Each holds a descriptor of its socket, there and here.
output=$(ulimit -n 20000 && timeout -k 5 90 "$NONO" run -r "$BIN" --ui attach --allow . -- "$BIN/sockhang" asks 2>&1 </dev/null)
opens=$(echo "$output" | sed -n 's/^at most .* ms, \([0-9]*\) opens$/\1/p')
# The kernel itself walks a list of all that wait; nothing else may grow with them.
[ "$(echo "$opens" | tail -1)" -ge "$(($(echo "$opens" | head -1) / 400))" ] &&
    pass "opens go on ($(echo $opens))" || fail "opens go on" "$output"
contains "all of them wait" "$output" "4000 ask"

scenario "sends that wait hold no more than they may"
run_background --ui attach -- "$BIN/sockhang" memory
poll grep -q refused "$T/tmp/out" && pass "one is refused" || fail "one is refused" "$(cat "$T/tmp/out")"
join_background
contains "the person is told" "$output" "too much is held for sends"

scenario "sends for whose descriptors there is no room"
$PYTHON -c "
import os, socket
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).bind('$OUT/dgram')"
cat >"$T/work/fds.py" <<END
import array, errno, os, socket, threading
fds = array.array("i", [0] * 253)
def send():
    try:
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendmsg([b"x"], [(1, 1, fds)], 0, "$OUT/dgram")
    except OSError as e:
        print(errno.errorcode[e.errno], flush=True)
        os._exit(0)
for i in range(4):
    threading.Thread(target=send).start()
END
(ulimit -n 400 && exec timeout -k 5 60 "$NONO" run --ui attach --allow . -- $PYTHON fds.py) >"$OUT/got" 2>&1
output=$(cat "$OUT/got")
contains "one is refused" "$output" EACCES
contains "the person is told" "$output" "too many descriptors"
"$NONO" log --json | grep -q "unix:$OUT/dgram.*\"denied\".*rate_limited" && pass "it is recorded" || fail "it is recorded"

finish
