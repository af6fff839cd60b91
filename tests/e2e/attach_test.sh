#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A session parts from its terminal and is shown on another one.
. "$(dirname "$0")/lib.sh"
need tmux

state() {
    "$NONO" ps --jsonl | rows "rows[0]['state'] if rows else ''"
}

state_is() { # STATE
    [ "$(state)" = "$1" ]
}

scenario "detach and attach"
screen_start "$NONO run --name kept -- sh -c 'echo first words; read -r x; echo got \$x; cat $SECRET; read -r x; exit 5'"
wait_screen "the command runs" main:0 'first words'
equal "running" "$(state)" running
screen_keys main:0 C-] d
wait_screen "the shell has its terminal back" main:0 ENDED
contains "and is told how to go on" "$(screen_text main:0)" "detached; nono attach"
equal "status" "$(cat "$T/tmp/status")" 0
poll state_is detached && pass "detached" || fail "detached" "$("$NONO" ps)"
supervisor=$("$NONO" ps --jsonl | rows "rows[0]['pid']")
equal "its streams lead nowhere" "$(readlink "/proc/$supervisor/fd/0" "/proc/$supervisor/fd/2" | sort -u)" /dev/null

screen_window again "$NONO attach kept"
wait_screen "what it printed before is there" main:again 'first words'
poll state_is running && pass "running again" || fail "running again"
screen_keys main:again hello Enter
wait_screen "it reads from the new terminal" main:again 'got hello'
id=$(wait_request secret.txt)
wait_screen "it asks there" main:again 'secret.txt'
screen_keys main:again C-] d
wait_screen "detached by the key" main:again LEFT
contains "and says so" "$(screen_text main:again)" "detached"
equal "the request waits on" "$(pending_rows 'len(rows)')" 1

screen_window third "$NONO attach kept"
wait_screen "what waits is shown" main:third 'secret.txt'
screen_window fourth "$NONO attach kept"
wait_screen "one terminal takes it from another" main:third LEFT
wait_screen "and shows it" main:fourth 'secret.txt'
screen_keys main:fourth C-] a
wait_screen "armed" main:fourth '[ARMED]'
screen_keys main:fourth o
wait_screen "decided there" main:fourth 'the content'

tmux -S "$TMUX_SOCKET" kill-window -t main:fourth
poll state_is detached && pass "a terminal that is gone detaches" || fail "a terminal that is gone detaches" "$("$NONO" ps)"
screen_window fifth "$NONO attach kept"
wait_screen "still there" main:fifth 'the content'
tmux -S "$TMUX_SOCKET" resize-window -t main:fifth -x 100 -y 30
cols_are() { [ "$(stty -F "$(readlink "/proc/$1/fd/0")" size | cut -d' ' -f2)" = "$2" ]; }
shell=$(pgrep -P "$(pgrep -P "$supervisor" | head -n 1)" | head -n 1)
poll cols_are "$shell" 100 && pass "its size follows" || fail "its size follows"
screen_keys main:fifth bye Enter
wait_screen "the end is said" main:fifth "session ended"
equal "how it ended" "$(log_rows "[r.get('text') for r in of(kind='session_end')]")" "['exit 5']"
screen_stop

scenario "old questions to the terminal are not answered again"
cat >ask.sh <<'ASK'
stty -echo -icanon
printf '\033[6n'
IFS= read -r -d R first
printf %s "$first" | od -An -c >first
echo ready
IFS= read -r -d z second
printf %s "$second" | od -An -c >second
sleep 60
ASK
screen_start "$NONO run --name asks -- bash ask.sh"
wait_screen "the first question was answered" main:0 ready
contains "by a report" "$(cat first)" "033   ["
screen_keys main:0 C-] d
wait_screen "detached" main:0 ENDED
screen_window again "$NONO attach asks"
wait_screen "shown again" main:again ready
screen_keys main:again xyz
poll test -s second
equal "nothing but keys came" "$(tr -d ' \n' <second)" xy
"$NONO" stop asks
screen_stop

scenario "what cannot be attached"
run_background --ui attach -- cat "$SECRET"
id=$(wait_request secret.txt)
equal "no terminal here" "$("$NONO" attach @ 2>&1 </dev/null; echo $?)" "nono attach: no terminal to show it on
1"
screen_start "$NONO attach @"
wait_screen "no pane there" main:0 "no pane that could be shown"
tmux -S "$TMUX_SOCKET" kill-server
"$NONO" deny "$id" >/dev/null
join_background

scenario "a killed front ends the session as a closed terminal does"
screen_start "exec $NONO run -- sh -c 'echo up; read -r x'"
wait_screen "up" main:0 up
supervisor=$("$NONO" ps --jsonl | rows "rows[0]['pid']")
front=$(awk '/^PPid/ {print $2}' "/proc/$supervisor/status")
kill -KILL "$front"
poll no_session_runs && pass "nothing runs" || fail "nothing runs" "$("$NONO" ps)"
tmux -S "$TMUX_SOCKET" kill-server 2>/dev/null
finish
