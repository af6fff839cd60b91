#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --ui tmux: the agent keeps its pane, the approvals come in one beside it.
. "$(dirname "$0")/lib.sh"
need tmux

panes_are() { # N
    [ "$(tmux -S "$TMUX_SOCKET" list-panes -t main:0 | wc -l)" = "$1" ]
}

scenario "in a pane of tmux"
screen_start "$NONO run --ui tmux -- sh -c 'stty size; cat $SECRET; read -r x; echo got-\$x; exit 7'"
poll panes_are 2 && pass "the window is split" || fail "the window is split" "$(screen_text)"
wait_request secret.txt >/dev/null
wait_screen "the approvals are in the new one" main:0.1 secret.txt
equal "the command's pane has the focus" \
    "$(tmux -S "$TMUX_SOCKET" display-message -p -t main:0 '#{pane_index}')" 0
lacks "and shows no request" "$(screen_text main:0.0)" "[ARMED]"
wait_screen "armed" main:0.1 '[ARMED]'
screen_keys main:0.1 o
wait_screen "decided there" main:0.0 'the content'
equal "by a person" "$(log_rows "[(r['verdict'], r['by']) for r in of(kind='decision')]")" "[('allow', 'user')]"
screen_keys main:0.0 hello Enter
wait_screen "the command reads its own" main:0.0 got-hello
poll test -s "$T/tmp/status"
equal "status" "$(cat "$T/tmp/status")" 7
poll panes_are 1 && pass "the pane goes with the session" || fail "the pane goes with the session"
screen_stop

scenario "which terminal it is"
echo 'env | grep -E "^(TMUX|TMUX_PANE|STY|TERM_PROGRAM|TERM)=" | cut -d= -f1 | sort | paste -sd" "' >names.sh
for mode in split plain attach; do
    case $mode in attach) want="TERM TERM_PROGRAM TMUX TMUX_PANE" ;; *) want=TERM ;; esac
    screen_start "TERM_PROGRAM=tmux $NONO run --ui $mode -- sh -c 'sh names.sh >names'"
    poll test -s "$T/tmp/status"
    equal "--ui $mode" "$(cat names)" "$want"
    screen_stop
done

scenario "no room for a pane"
screen_start "read -r x; $NONO run --ui tmux -- sh -c ': >ran'"
tmux -S "$TMUX_SOCKET" resize-window -t main -x 60 -y 2
screen_keys main:0 Enter
poll test -s "$T/tmp/status"
equal "status" "$(cat "$T/tmp/status")" 125
[ ! -e ran ] && pass "nothing has run" || fail "nothing has run"
tmux -S "$TMUX_SOCKET" resize-window -t main -x 120 -y 20
wait_screen "what to do about it" main:0 'tmux could not split the window'
screen_stop

scenario "attach tells of it"
screen_start "$NONO run --ui attach -- sh -c 'read -r x'"
wait_screen "in tmux" main:0 '(--ui tmux opens a pane for it)'
screen_keys main:0 Enter
poll test -s "$T/tmp/status"
screen_stop

scenario "elsewhere"
equal "an error" "$(env -u TMUX -u TMUX_PANE "$NONO" run --ui tmux -- true 2>&1; echo $?)" \
    "nono: --ui tmux: this terminal is no pane of tmux (start tmux first, or use --ui attach and nono ui in another terminal)
125"
equal "a server that is gone" "$(TMUX=$T/tmp/gone,1,0 TMUX_PANE=%0 "$NONO" run --ui tmux -- touch ran 2>&1 |
    grep -c '^nono: --ui tmux: tmux could not split')" 1
[ ! -e ran ] && pass "nothing has run" || fail "nothing has run"
screen_start "env PATH=/nowhere $NONO run --ui tmux -- /bin/true"
wait_screen "no tmux" main:0 '--ui tmux: tmux: No such file or directory'
screen_stop
finish
