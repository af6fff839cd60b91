#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Keys typed before, while and just after a request appears never decide it.
. "$(dirname "$0")/lib.sh"
need tmux

# Typing locks the pane until the focus comes back to it.
refocus() {
    screen_keys main:0 'C-]' a
    screen_keys main:0 'C-]' a
}

keys=(o s p t d D P o y Enter Space)

scenario "typed into the pane that has the focus, before and while"
screen_start "$NONO run -- sh -c 'echo started; while [ ! -e go ]; do sleep 0.02; done; cat $SECRET'"
wait_screen "running" main:0 started
screen_keys main:0 'C-]' a
(
    i=0
    until [ -e stop ]; do
        screen_keys main:0 "${keys[$((i++ % ${#keys[@]}))]}"
        sleep 0.05
    done
) &
typist=$!
sleep 0.5
: >go
id=$(wait_request secret.txt)
wait_screen "shown" main:0 "1 waiting"
sleep 1
equal "it waits" "$(pending_rows "[r['request'] for r in rows]")" "[$id]"
equal "nothing was decided" "$(log_rows "len(of(kind='decision'))")" 0
lacks "not armed while keys come" "$(screen_text)" '[ARMED]'
: >stop
wait $typist
refocus
wait_screen "armed once it is quiet and has the focus again" main:0 '[ARMED]'
equal "it still waits" "$(pending_rows "[r['request'] for r in rows]")" "[$id]"
screen_keys main:0 d
poll test -s "$T/tmp/status"
equal "decided by one key" "$(log_rows "[(r['verdict'], r['by']) for r in of(kind='decision')]")" "[('deny', 'user')]"
screen_stop
rm -f go stop

scenario "a burst just after it is shown, and a paste"
screen_start "$NONO run -- sh -c 'echo started; while [ ! -e go ]; do sleep 0.02; done; cat $SECRET'"
wait_screen "running" main:0 started
screen_keys main:0 'C-]' a
: >go
id=$(wait_request secret.txt)
screen_keys main:0 o o o s s s o
equal "it waits" "$(pending_rows "[r['request'] for r in rows]")" "[$id]"
refocus
wait_screen "armed" main:0 '[ARMED]'
tmux -S "$TMUX_SOCKET" set-buffer 'ooooossssoo'
tmux -S "$TMUX_SOCKET" paste-buffer -p -t main:0
sleep 0.3
equal "a paste decides nothing" "$(pending_rows "[r['request'] for r in rows]")" "[$id]"
equal "nothing was decided" "$(log_rows "len(of(kind='decision'))")" 0
"$NONO" deny "$id" >/dev/null
poll test -s "$T/tmp/status"
screen_stop
rm -f go

scenario "keys for the agent reach the agent, not the request"
screen_start "$NONO run -- sh -c 'echo started; cat $SECRET & read -r line; echo \"got:\$line\"; wait'"
id=$(wait_request secret.txt)
wait_screen "running" main:0 started
sleep 0.8
screen_keys main:0 o s o Enter
wait_screen "the agent read them" main:0 'got:oso'
equal "it waits" "$(pending_rows "[r['request'] for r in rows]")" "[$id]"
"$NONO" deny "$id" >/dev/null
poll test -s "$T/tmp/status"
screen_stop

scenario "the terminal goes away"
screen_start "$NONO run -- cat $SECRET"
id=$(wait_request secret.txt)
screen_keys main:0 'C-]' a
tmux -S "$TMUX_SOCKET" kill-server
poll no_session_runs || fail "the session ends" "$("$NONO" ps)"
equal "nothing was allowed" "$(log_rows "len(of(verdict='allow'))")" 0
finish
