#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Full-screen programs draw in the agent's pane what they draw on a terminal of that size: text,
# attributes and cursor.
. "$(dirname "$0")/lib.sh"
need tmux
need vim
need less

seq -f 'line %g of the text, with some words to look for' 300 >text
printf '#include <stdio.h>\n\n/* a comment */\nint\nmain(void)\n{\n    return printf("%%d\\n", 42);\n}\n' >hello.c
printf 'set -g status-right ""\nset -g status-left "inner "\nset -g default-terminal tmux-256color\n' >inner.conf
export LESSHISTFILE=- LANG=C.UTF-8 LC_ALL=C.UTF-8
COLS=100

# The cells of rows FIRST to LAST of a window, with their attributes.
cells() { # WINDOW FIRST LAST
    tmux -S "$TMUX_SOCKET" capture-pane -e -p -t "$1" -S "$2" -E "$3" |
        # The colour of redraw's, on a terminal with 256; and where the written part of a line ends.
        sed $'s/38;2;95;175;255/38;5;75/g; s/\\(\033\\[0m\\)*\033\\[39m\033\\[49m$//'
}

cursor() { # WINDOW TOP: column and row, unless it is hidden
    tmux -S "$TMUX_SOCKET" display-message -p -t "$1" '#{cursor_x} #{cursor_y} #{cursor_flag}' |
        awk -v top="$2" '{print $3 ? $1 " " $2 - top : "hidden"}'
}

alike() { # ROWS
    [ "$(cells main:bare 0 $(($1 - 1)))" = "$(cells main:nono "$top" $((top + $1 - 1)))" ] &&
        [ "$(cursor main:bare 0)" = "$(cursor main:nono "$top")" ]
}

# Started only when it has its size.
window() { # NAME ROWS COMMAND
    tmux -S "$TMUX_SOCKET" new-window -d -t main: -n "$1" "stty -echo; printf ready; read -r x; stty echo; printf '\\033[H\\033[2J'; $3"
    tmux -S "$TMUX_SOCKET" resize-window -t "main:$1" -x $COLS -y "$2"
    poll sized "$1" "$2"
    poll screen_has "main:$1" ready
    screen_keys "main:$1" Enter
}

sized() { # NAME ROWS
    [ "$(tmux -S "$TMUX_SOCKET" display-message -p -t "main:$1" '#{pane_width} #{pane_height}')" = "$COLS $2" ]
}

# Both are sent the same keys, a piece at a time, and compared after each. A piece is
# KEYS=MARKER: the bare screen shows the marker then.
compare() { # NAME COMMAND PIECE...
    local name=$1 command=$2 piece
    shift 2
    window bare "$rows" "$command; read -r x"
    window nono 40 "$NONO run -r $BIN --on-ask deny -- sh -c '$command; read -r x'"
    for piece in "$@"; do
        for key in ${piece%%=*}; do
            screen_keys main:bare "$key"
            screen_keys main:nono "$key"
        done
        poll screen_has main:bare "${piece#*=}" || fail "$name: '$piece' on the bare one" "$(screen_text main:bare)"
        if poll alike "$rows"; then
            pass "$name: '$piece'"
        else
            fail "$name: '$piece'" "$(cursor main:bare 0; cursor main:nono "$top")" \
                "$(diff <(cells main:bare 0 $((rows - 1))) <(cells main:nono "$top" $((top + rows - 1))) | cat -v | cut -c 1-200)"
        fi
    done
    tmux -S "$TMUX_SOCKET" kill-window -t main:bare
    tmux -S "$TMUX_SOCKET" kill-window -t main:nono
    poll no_session_runs
}

scenario "beside the bare program"
screen_start "read -r x"
tmux -S "$TMUX_SOCKET" set-option -g default-terminal tmux-256color
# Where the agent's pane is, and how large.
window size 40 "$NONO run -- sh -c 'printf top-%s left; stty size >size; read -r x'"
wait_screen "the pane" main:size top-left
top=$(($(screen_text main:size | grep -n top-left | cut -d: -f1) - 1))
poll test -s size
rows=$(cut -d' ' -f1 size)
tmux -S "$TMUX_SOCKET" kill-window -t main:size
poll no_session_runs

compare redraw "$BIN/redraw" "=frame 1, row 0" "j=frame 2, row 1" "j k j=frame 5, row 2" \
    "f=frame 6, row 2" "j=frame 7, row 3" "f=frame 8, row 3" "j q=ended"
compare less "less text" "=line 1 of" "Space=line 40 of" "/some Enter=of the text" \
    "G=line 300 of" "b k=line 277 of" "q="
compare vim "vim -N -n -u NONE -i NONE -c \"syntax on\" -c \"set showmode number ruler hlsearch\" hello.c" \
    "=include" "j j i new-text Escape=new-text" "/int Enter=int" ":vsplit Enter=[+]" \
    "v j j=VISUAL" "Escape :only Enter=return" ":q! Enter="
compare tmux "env -u TMUX tmux -S ./inner\$\$ -f ./inner.conf new-session \"cat text; read -r x\"" \
    "=line 300 of" "C-b [=[0/279]" "PPage=line 270 of" "q=line 300" "Enter=[exited]"
screen_stop
finish
