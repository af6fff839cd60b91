#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Full-screen programs in the agent's pane, and a terminal that is sane after every exit.
. "$(dirname "$0")/lib.sh"
need tmux


scenario "vim"
need vim
seq 1 200 >numbers.txt
screen_start "$NONO run --on-ask deny -- vim -u NONE -i NONE numbers.txt"
wait_screen "vim shows the file" main:0 numbers.txt
screen_keys main:0 G
wait_screen "and moves" main:0 200
screen_keys main:0 i 'marker-typed' Escape
wait_screen "and takes text" main:0 marker-typed
tmux -S "$TMUX_SOCKET" resize-window -t main -x 100 -y 30
screen_keys main:0 C-l
wait_screen "and survives a resize" main:0 marker-typed
screen_keys main:0 ':wq' Enter
poll test -s "$T/tmp/status"
equal "status" "$(cat "$T/tmp/status")" 0
contains "what was written" "$(cat numbers.txt)" marker-typed
screen_stop

scenario "htop"
need htop
screen_start "$NONO run --on-ask deny -- htop"
wait_screen "htop draws" main:0 "Load average"
screen_keys main:0 F10
poll test -s "$T/tmp/status"
equal "status" "$(cat "$T/tmp/status")" 0
wait_screen "the screen is back" main:0 ENDED
screen_stop

scenario "a shell with job control"
cat >job.sh <<'EOF'
trap 'echo goes-on' CONT
echo job-runs
while :; do sleep 0.1; done
EOF
screen_start "$NONO run --on-ask deny -- env PS1='ready> ' bash --norc --noprofile"
wait_screen "its prompt" main:0 'ready>'
screen_keys main:0 'bash job.sh' Enter
wait_screen "a job runs" main:0 job-runs
screen_keys main:0 C-z
wait_screen "Ctrl-Z stops" main:0 Stopped
screen_keys main:0 'fg' Enter
wait_screen "fg goes on" main:0 goes-on
screen_keys main:0 C-c
wait_screen "Ctrl-C is seen" main:0 '^C'
screen_keys main:0 'echo back=$?' Enter
wait_screen "Ctrl-C ends" main:0 'back=130'
screen_keys main:0 'stty size; tput colors; tty | cut -c1-8' Enter
wait_screen "it has a terminal" main:0 /dev/pts
screen_keys main:0 'exit 9' Enter
poll test -s "$T/tmp/status"
equal "status" "$(cat "$T/tmp/status")" 9
screen_stop

scenario "the terminal is restored"
screen_start "stty -a >$T/tmp/before; $NONO run --on-ask deny -- sh -c 'printf \"\\033[?1049h\\033[?25l\\033[31mleft\"; exit 5'; stty -a >$T/tmp/after; true"
poll test -s "$T/tmp/status"
equal "modes after an exit" "$(cmp "$T/tmp/before" "$T/tmp/after" && echo same)" same
equal "no alternate screen" "$(tmux -S "$TMUX_SOCKET" display-message -p -t main:0 '#{alternate_on}#{cursor_flag}')" 01
screen_stop
scenario "what the pane showed last stays in the terminal"
screen_start "$NONO run --on-ask deny -- sh -c 'echo; echo one; exit 3'"
poll test -s "$T/tmp/status"
equal "status" "$(cat "$T/tmp/status")" 3
contains "the command's text is there" "$(screen_text)" one
screen_stop
screen_start "$NONO run -- nonexistent-command"
poll test -s "$T/tmp/status"
contains "and what nono says" "$(screen_text)" "nono: nonexistent-command: No such file or directory"
screen_stop

# The shell has the terminal at once where the process that it waits for is killed: modes then come
# right a moment later.
for what in "TERM session" "SEGV session" "KILL session" "SEGV front" "KILL front"; do
    signal=${what% *}
    scenario "the terminal is restored after SIG$signal to the ${what#* }"
    rm -f "$T/tmp/after"
    tries=1
    [ "$what" != "KILL front" ] || tries=200
    screen_start "stty -a >$T/tmp/before; $NONO run -- sleep 1000; for i in \$(seq $tries); do stty -a >$T/tmp/after.new; cmp -s $T/tmp/before $T/tmp/after.new && break; sleep 0.05; done; mv $T/tmp/after.new $T/tmp/after; true"
    session() { [ "$("$NONO" ps --jsonl 2>/dev/null | rows 'len(rows)')" = 1 ]; }
    poll session
    alternate() { [ "$(tmux -S "$TMUX_SOCKET" display-message -p -t main:0 '#{alternate_on}')" = 1 ]; }
    poll alternate && pass "the split is drawn" || fail "the split is drawn" "$(screen_text)"
    pid=$("$NONO" ps --jsonl | rows 'rows[0]["pid"]')
    [ "${what#* }" = session ] || pid=$(awk '/^PPid/ {print $2}' "/proc/$pid/status")
    kill -$signal "$pid"
    poll test -s "$T/tmp/after"
    equal "modes" "$(cmp "$T/tmp/before" "$T/tmp/after" && echo same)" same
    equal "no alternate screen" "$(tmux -S "$TMUX_SOCKET" display-message -p -t main:0 '#{alternate_on}#{cursor_flag}')" 01
    screen_stop
done
finish
