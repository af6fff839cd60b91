#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What reaches the user's terminal, and how it is left.
. "$(dirname "$0")/lib.sh"
need tmux
need script

# Every byte that nono writes to its terminal: no control character but those that curses uses, no
# C1, no string sequence; the names and the output of the sandbox are full of them.
check_bytes() { # FILE
    $PYTHON - "$1" <<'END'
import re, sys
data = open(sys.argv[1], "rb").read()
first, last = data.find(b"\n") + 1, data.rfind(b"\nScript done")
data = data[first:last]
bad = {b for b in data if (b < 0x20 and b not in b"\x1b\r\n\b\t\a\x0e\x0f") or b == 0x7f}
text = data.decode("utf-8", "strict")
bad |= {hex(ord(c)) for c in text if 0x80 <= ord(c) <= 0x9f or ord(c) in (0x202e, 0x200b, 0xfeff)
        or 0xe0000 <= ord(c) <= 0xe007f}
bad |= set(re.findall(r"\x1b[\]P_^X]", text))
print(len(data) > 1000, sorted(map(str, bad)), "pwned\x07" in text)
END
}

scenario "the raw stream of the terminal"
mkdir "$OUT/odd"
$PYTHON - "$OUT/odd" names <<'END'
import os, sys
names = [bytes([b]) for b in range(1, 256) if b != 0x2f]
names += ["\u202ecod.exe".encode(), "a\u200bb".encode(), b"e" + "\u0301".encode() * 40,
          "\U000e0041".encode(), b"\xc3", b"a\rb", b"\x1b]0;pwned\x07", b"\x9b31m", b"n" * 255]
paths = [os.path.join(os.fsencode(sys.argv[1]), b"x" + n[:254]) for n in names]
for path in paths:
    open(path, "w").close()
open(sys.argv[2], "wb").write(b"\0".join(paths) + b"\0")
END
cat >odd.sh <<'END'
printf '\033]0;pwned\007\033]52;c;AAAA\007\033P$qabcd\033\\\033[5b\302\23331m\n'
exec python3 -SE open.py
END
cat >open.py <<'END'
import threading
def read(path):
    try:
        open(path).close()
    except OSError:
        pass
for path in open("names", "rb").read().split(b"\0")[:-1]:
    threading.Thread(target=read, args=(path,)).start()
END
screen_start "script -qfc '$NONO run --name raw -- sh odd.sh' $T/tmp/raw"
poll pending_at_least 262 || fail "the requests come" "$("$NONO" pending | wc -l)"
screen_keys main:0 'C-]' a
wait_screen "armed" main:0 '[ARMED]'
screen_keys main:0 Enter
wait_screen "the detail" main:0 '[detail]'
screen_keys main:0 Escape
wait_screen "the list again" main:0 '[approvals 1/262]'
for _ in $(seq 34); do screen_keys main:0 PgDn; done
wait_screen "the last one" main:0 'approvals 262/262'
"$NONO" ps --jsonl | rows 'rows[0]["pid"]' >"$T/tmp/pid"
kill "$(cat "$T/tmp/pid")"
poll test -s "$T/tmp/status"
equal "nothing of the sandbox in it" "$(check_bytes "$T/tmp/raw")" "True [] False"
screen_stop

sane() { # NAME: modes as before, main screen, cursor on, mouse off
    equal "$1: modes" "$(cmp "$T/tmp/before" "$T/tmp/after" 2>&1 && echo same)" same
    equal "$1: screen, cursor, mouse" "$(tmux -S "$TMUX_SOCKET" display-message -p -t main:0 \
        '#{alternate_on}#{cursor_flag}#{mouse_any_flag}')" 010
}

scenario "the agent is killed"
rm -f "$T/tmp/after"
cat >mouse.sh <<'END'
echo $$ >agent.pid
printf '\033[?1003h\033[?1006h\033[?25l\033[5 qdrawn'
sleep 1000
END
screen_start "stty -a >$T/tmp/before; COLORTERM=truecolor $NONO run -- sh mouse.sh; stty -a >$T/tmp/after; true"
wait_screen "it has drawn" main:0 drawn
mouse_on() {
    [ "$(tmux -S "$TMUX_SOCKET" display-message -p -t main:0 '#{mouse_any_flag}')" = 1 ]
}
poll mouse_on && pass "the mouse is the agent's" || fail "the mouse is the agent's"
kill -KILL "$(cat agent.pid)"
wait_screen "what it started lives on, and nono says so" main:0 'still runs'
screen_keys main:0 C-c
poll test -s "$T/tmp/after"
sane "after SIGKILL of the agent"
screen_stop

for how in KILL 0; do
    scenario "a terminal that the command had for itself, ended with $how"
    rm -f "$T/tmp/after" agent.pid
    cat >modes.sh <<'END'
printf '\033[?1049h\033[?1003h\033[?1006h\033[?2004h\033[?25l\033[?1h\033=\033[31;44m\033(0\033[2;9rdrawn'
echo $$ >agent.pid
read -r x
exit 0
END
    screen_start "echo before it; stty -a >$T/tmp/before; $NONO run --ui attach --on-ask deny -- sh modes.sh; stty -a >$T/tmp/after; printf 'bq\\n'"
    poll test -s agent.pid
    poll mouse_on && pass "the mouse is the command's" || fail "the mouse is the command's"
    if [ "$how" = KILL ]; then kill -KILL "$(cat agent.pid)"; else screen_keys main:0 Enter; fi
    wait_screen "the end, in letters" main:0 bq
    sane "then"
    equal "keypad, cursor keys, margins" "$(tmux -S "$TMUX_SOCKET" display-message -p -t main:0 \
        '#{keypad_flag}#{keypad_cursor_flag} #{scroll_region_upper}-#{scroll_region_lower}')" "00 0-39"
    wait_screen "what was there is back" main:0 'before it'
    equal "no colour is left" "$(tmux -S "$TMUX_SOCKET" capture-pane -e -p -t main:0 | grep -c '^bq$')" 1
    screen_stop
done

# What is typed while the pane comes back is thrown away.
leave_approvals() {
    local i
    for i in 1 2 3 4 5; do
        screen_keys main:0 q
        PATIENCE=2 poll has_left && return
    done
}
has_left() { ! screen_has main:0 'FOCUS: APPROVALS'; }

scenario "stopped and continued"
rm -f "$T/tmp/after"
screen_start "exec env PS1='outer> ' bash --norc --noprofile"
wait_screen "a shell" main:0 'outer>'
screen_keys main:0 "stty -a >$T/tmp/before; $NONO run -- sh -c 'echo in\\side; cat'" Enter
wait_screen "the agent" main:0 inside
screen_keys main:0 'C-]' a
wait_screen "the pane" main:0 'FOCUS: APPROVALS'
screen_keys main:0 C-z
wait_screen "stopped" main:0 Stopped
screen_keys main:0 "stty -a >$T/tmp/after" Enter
poll test -s "$T/tmp/after"
sane "while stopped"
screen_keys main:0 fg Enter
wait_screen "continued" main:0 'FOCUS: APPROVALS'
leave_approvals
screen_keys main:0 'back again' Enter
wait_screen "and works" main:0 'back again'
rm -f "$T/tmp/after"
screen_keys main:0 C-d
wait_screen "ended" main:0 'outer>'
screen_keys main:0 "stty -a >$T/tmp/after" Enter
poll test -s "$T/tmp/after"
sane "after the end"
screen_keys main:0 'exit' Enter
screen_stop

scenario "stopped although the command is not"
rm -f "$T/tmp/after"
screen_start "exec env PS1='outer> ' bash --norc --noprofile"
wait_screen "a shell" main:0 'outer>'
screen_keys main:0 "stty -a >$T/tmp/before; PS1='inner> ' $NONO run -- bash --norc --noprofile" Enter
wait_screen "the agent is a shell" main:0 'inner>'
for turn in first second; do
    screen_keys main:0 'C-]' a
    wait_screen "the pane" main:0 'FOCUS: APPROVALS'
    screen_keys main:0 C-z
    wait_screen "stopped, the $turn time" main:0 Stopped
    rm -f "$T/tmp/after"
    screen_keys main:0 "stty -a >$T/tmp/after" Enter
    poll test -s "$T/tmp/after"
    sane "while stopped"
    screen_keys main:0 'clear; fg' Enter
    wait_screen "continued" main:0 'FOCUS: APPROVALS'
done
leave_approvals
screen_keys main:0 'echo back a\gain' Enter
wait_screen "and works" main:0 'back again'
screen_keys main:0 'exit 3' Enter
wait_screen "it ends" main:0 'outer>'
screen_keys main:0 exit Enter
screen_stop

scenario "the bell rings for a new request, and the focus stays"
screen_start "$NONO run -- sh -c 'while [ ! -e go ]; do sleep 0.1; done; cat $SECRET'"
screen_window other "sleep 1000"
tmux -S "$TMUX_SOCKET" select-window -t main:other
: >go
rung() { [ "$(tmux -S "$TMUX_SOCKET" display-message -p -t main:0 '#{window_bell_flag}')" = 1 ]; }
poll rung && pass "the bell" || fail "the bell" "$(screen_text)"
wait_screen "the bar says what waits" main:0 '1 waiting'
"$NONO" deny "$(wait_request secret.txt)" >/dev/null
poll test -s "$T/tmp/status"
screen_stop
scenario "a command of the person's own is told"
screen_start "$NONO run --notify 'echo \$# >>$T/tmp/notified' -- sh -c 'cat $SECRET; cat $SECRET'"
for _ in 1 2; do "$NONO" deny "$(wait_request secret.txt)" >/dev/null; done
poll test -s "$T/tmp/status"
poll test -s "$T/tmp/notified" && pass "it ran" || fail "it ran"
equal "once for both, and nothing is said to it" "$(cat "$T/tmp/notified")" 0
screen_stop
finish
