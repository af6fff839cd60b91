#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nono log -i: the browser.
. "$(dirname "$0")/lib.sh"
need tmux

odd="$OUT/odd"$'\xff\x1b[31m'"x"
echo odd >"$odd"
export odd
for i in 01 02 03 04 05 06 07 08 09 10 11 12; do echo "$i" >"$OUT/file$i"; done
echo key >"$OUT/key.pem"

scenario "list, search, filter and one event whole"
export OUT
# No command line has the names that are looked for.
run --name first --on-ask deny -- sh -c 'for i in 01 02 03 04 05 06 07 08 09 10 11 12; do cat <"$OUT/file$i"; done'
run --name second --on-ask allow -- sh -c "cat $OUT/key.pem; cat \"\$odd\""
screen_start "$NONO" log -i
wait_screen "it opens at the newest" main "14 of 14"
wait_screen "with the odd name escaped" main 'odd\xff\x1b[31mx'
wait_screen "and all of it below" main "Started by"
screen_keys main g
wait_screen "g: the first" main "1 of 14"
wait_screen "which was refused" main "Decision   deny"
screen_keys main / 'f' 'i' 'l' 'e' '1' '[' '1' ']' Enter
wait_screen "/ goes to the match" main "11 of 14"
screen_keys main / f i l e 1 Enter
wait_screen "the next of another search" main "12 of 14"
screen_keys main N
wait_screen "N: the one before" main "11 of 14"
screen_keys main n n
wait_screen "no further match" main "no match behind"
screen_keys main Enter
wait_screen "Enter: all of it, with the facts of the object" main "Asked for  policy_blocked"
screen_keys main Escape
wait_screen "Esc: back" main "follow  ? help"
screen_keys main '&'
screen_keys main -l 'decision:-deny'
screen_keys main Enter
wait_screen "& filters" main "of 2  &decision:-deny"
screen_keys main '&' C-u
screen_keys main -l "path:'*.pem' exe:cat"
screen_keys main Enter
wait_screen "several words must all match" main "1 of 1  &path:'*.pem' exe:cat"
screen_keys main '&' C-u
screen_keys main -l "op:raed"
screen_keys main Enter
wait_screen "a wrong word is told" main "--op raed: not one of read"
wait_screen "and changes nothing" main "1 of 1  &path:'*.pem'"
screen_keys main '&' C-u
screen_keys main -l "pth:x"
screen_keys main Enter
wait_screen "a wrong key too" main "pth:x: no such filter"
screen_keys main '&' C-u
screen_keys main -l "kind:session_start,session_end"
screen_keys main Enter
wait_screen "kinds of events" main "of 4  &kind:"
screen_keys main '&' C-u
screen_keys main -l "nowhere"
screen_keys main Enter
wait_screen "nothing matches" main "nothing to show"
screen_keys main j k Enter n '&' C-u Enter
wait_screen "all again" main "of 14"
screen_keys main '?'
wait_screen "help" main "next, previous match"
screen_keys main '?' q
poll grep -q . "$T/tmp/status"
equal "q leaves" "$(cat "$T/tmp/status")" 0
wait_screen "the terminal is given back" main ENDED
screen_stop

scenario "by process, figures, and what happens now" && export XDG_STATE_HOME=$T/home/state1
screen_start "$NONO" log -i
wait_screen "it opens" main "14 of 14"
screen_keys main t
wait_screen "t: by process" main "─ sh/"
screen_keys main G
wait_screen "down to the last" main 'odd\xff'
screen_keys main s
wait_screen "s: figures" main "Median think time"
screen_keys main q
wait_screen "q: back" main "follow  ? help"
screen_keys main '&'
screen_keys main -l "path:'*.pem'"
screen_keys main Enter
wait_screen "a filter" main "1 of 1  &path"
screen_keys main t
wait_screen "narrows the tree" main "key.pem"
lacks "to what it lists" "$(screen_text main)" file01
screen_keys main s
wait_screen "and the figures" main "Requests          1"
screen_keys main s '&' C-u Enter g F
wait_screen "F: to the end" main "14 of 14  following"
run --name third --on-ask deny -- cat "$OUT/file01"
wait_screen "what happens now comes" main "15 of 15  following"
wait_screen "with the name of its session's command" main "cat $OUT/file01"
screen_keys main k
run_background --name fourth --ui attach -- cat "$SECRET"
id=$(wait_request secret.txt)
wait_screen "the cursor stays with its entry" main "14 of 16  following"
screen_keys main G
wait_screen "at the end there is what waits" main "16 of 16  following"
"$NONO" deny "$id" >/dev/null
wait_screen "and what became of it, once" main "Decision   deny"
contains "in the same place" "$(screen_text main)" "16 of 16  following"
join_background
screen_keys main C-c
wait_screen "^C leaves" main ENDED
screen_stop
screen_start "$NONO" log -i -f @
wait_screen "-f follows from the begin" main "1 of 1  following"
screen_keys main t q C-c
wait_screen "and ends, whatever is on its way" main ENDED
screen_stop

scenario "sizes, and what does not go together" && export XDG_STATE_HOME=$T/home/state1
screen_start "$NONO" log -i --path "'$OUT/file*'" first
wait_screen "options of the command hold" main "12 of 12"
for size in "30 5" "10 1" "200 50" "80 24"; do
    tmux -S "$TMUX_SOCKET" resize-window -t main -x "${size% *}" -y "${size#* }"
    screen_keys main j k G g
done
wait_screen "it survives any size" main "1 of 12"
screen_keys main '&'
screen_keys main -l "decision:allow"
screen_keys main Enter
wait_screen "a filter narrows what the command asked for" main "nothing to show"
screen_keys main C-c
wait_screen "^C leaves" main ENDED
screen_stop
"$NONO" log -i </dev/null >"$T/tmp/answer" 2>&1
equal "no terminal" "$?" 2
contains "says so" "$(cat "$T/tmp/answer")" "needs a terminal"
"$NONO" log -i --jsonl >"$T/tmp/answer" 2>&1
equal "another format" "$?" 2
finish
