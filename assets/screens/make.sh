#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# assets/screens/make.sh [NONO] - makes the screens of the README anew, as text and as SVG, with the
# real binary (default: build/release/nono) in a terminal of its own. Needs tmux and python3.
set -u
here=$(dirname "$(readlink -f "$0")")
nono=$(readlink -f "${1:-$here/../../build/release/nono}")
[ -x "$nono" ] || { echo "no $nono: build it first (./dev run -- true)" >&2; exit 1; }
T=/var/tmp/nono-screens
mkdir "$T" || exit 1
socket=$T/tmux
trap 'tmux -S "$socket" kill-server 2>/dev/null; rm -rf "$T"' EXIT
trap 'exit 1' TERM INT HUP
mkdir -p "$T/u/.ssh" "$T/u/.config/gh" "$T/u/shop/scripts" "$T/run"
chmod 0700 "$T/run"
echo key >"$T/u/.ssh/id_ed25519"
chmod 0600 "$T/u/.ssh/id_ed25519"
echo token >"$T/u/.config/gh/hosts.yml"
for f in a b c; do echo $f >"$T/u/notes-$f"; done
cat >"$T/u/shop/agent.sh" <<'END'
printf '\033[1m*\033[0m I will update the deploy script and push the release tag.\n'
printf '  \033[32mBash\033[0m(sh scripts/deploy.sh --prod)\n'
printf '  \033[2mrunning ...\033[0m\n'
sh scripts/deploy.sh --prod
END
cat >"$T/u/shop/scripts/deploy.sh" <<END
cat $T/u/.ssh/id_ed25519 &
sleep 1
[ -z "\${MANY:-}" ] || { cat $T/u/.config/gh/hosts.yml & sleep 0.2; cat $T/u/notes-a & sleep 0.2
    cat $T/u/notes-b & sleep 0.2; cat $T/u/notes-c & }
wait
END

start() { # COLUMNS ROWS NAME=VALUE
    tmux -S "$socket" -f /dev/null new-session -d -x "$1" -y "$2" -c "$T/u/shop" \
        "env -i PATH=/usr/bin:/bin HOME=$T/u XDG_RUNTIME_DIR=$T/run LC_ALL=C.UTF-8 \
        TERM=tmux-256color $3 $nono run --name shop -- sh agent.sh"
}
shows() { tmux -S "$socket" capture-pane -p | grep -qF -- "$1"; }
wait_for() { # TEXT
    local end=$((SECONDS + 20))
    until shows "$1"; do
        [ $SECONDS -lt $end ] || { echo "no '$1' on the screen" >&2; exit 1; }
        sleep 0.05
    done
}
keys() { tmux -S "$socket" send-keys "$@"; }
keep() { # FILE
    tmux -S "$socket" capture-pane -p | sed 's/ *$//' >"$here/$1.txt"
    tmux -S "$socket" capture-pane -p -e | python3 "$here/svg.py" >"$here/$1.svg"
    echo "assets/screens/$1.txt and .svg"
}
stop() {
    tmux -S "$socket" kill-server
    while tmux -S "$socket" has-session 2>/dev/null; do sleep 0.05; done
}

start 80 24 ONE=1
wait_for "1 waiting"
keep bar
keys 'C-]' a
wait_for '[ARMED]'
keep approve
keys Enter
wait_for '[detail]'
keys G
wait_for ' P '
keep rules
keys Escape
stop

start 160 48 MANY=1
wait_for "5 waiting"
keys 'C-]' a
wait_for '[ARMED]'
keys G
keys '>'
wait_for "directly in"
wait_for '[ARMED]'
keep wide
stop
