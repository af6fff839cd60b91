#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What nono why says is what a session does: each line of the table is asked of the one, and done in
# the other with --on-ask deny and with --on-ask allow.
. "$(dirname "$0")/lib.sh"
export TMPDIR=$T/tmp
scenario "why agrees with what happens"
mkdir -p "$T/work/sub" "$T/home/dir" "$OUT/dir" "$T/home/.ssh" "$T/work/.claude"
touch "$T/work/"{plain,.env,sub/.env,sub/.env.new,AGENTS.md} "$T/home/"{other,given} "$OUT/noread"
touch "$T/work/.claude/rules"
chmod 0 "$OUT/noread"
cp /bin/true "$T/work/tool" && cp /bin/true "$OUT/tool" && cp /bin/sh "$OUT/interp" && cp /bin/true "$T/work/.env.sh"
printf '#!/bin/sh\nexit 0\n' >"$T/work/script"
printf '#!%s/interp\nexit 0\n' "$OUT" >"$T/work/script-out"
printf '#!%s/work/.env.sh\n' "$T" >"$T/work/script-denied"
printf '#!%s/work/script-out\nexit 0\n' "$T" >"$T/work/script-twice"
chmod +x "$T/work/"script*
ln -s .env "$T/work/l-env" && ln -s "$T/home/other" "$T/work/l-other" && ln -s AGENTS.md "$T/work/l-agents"
ln -s /proc/self/environ "$T/work/l-self" && ln -s "/proc/$$/environ" "$T/work/l-outside"
ln -s "/proc/$$/cwd/plain" "$T/work/l-cwd" && ln "$T/work/.env" "$T/work/hard"
ssh-keygen -q -t ed25519 -N '' -f "$T/home/.ssh/id_ed25519"
"$NONO" trust allow-signer me@example.org "$T/home/.ssh/id_ed25519.pub" >/dev/null
echo signed >"$T/work/CLAUDE.md" && "$NONO" trust sign "$T/work/CLAUDE.md" >/dev/null 2>&1
ln -s CLAUDE.md "$T/work/l-claude"
cat >"$T/tmp/listen.py" <<'END'
import os, socket, sys
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(64)
paths = []
for p in sys.argv[2:]:
    u = socket.socket(socket.AF_UNIX); u.bind(p); u.listen(64); paths.append(u)
open(sys.argv[1] + ".new", "w").write(str(s.getsockname()[1])); os.rename(sys.argv[1] + ".new", sys.argv[1])
while True:
    s.accept()[0].close()
END
mkdir -p "$T/tmp/tmux-1"
$PYTHON "$T/tmp/listen.py" "$T/tmp/port" "$OUT/sock" "$T/work/sock" "$T/tmp/tmux-1/default" "$OUT/agent.sock" &
poll test -s "$T/tmp/port"
export TMUX_TMPDIR=$T/tmp SSH_AUTH_SOCK=$OUT/agent.sock
ln "$T/tmp/tmux-1/default" "$OUT/keys.sock" && ln "$OUT/agent.sock" "$OUT/kept.sock"
PORT=$(cat "$T/tmp/port")
FREE=$(free_port)

# In the session; the shell is the command, so that what it starts is not.
cat >"$T/tmp/do.sh" <<'END'
case $1 in
read) if [ -d "$2" ]; then ls "$2"; else head -c 1 "$2"; fi ;;
write) if [ -d "$2" ]; then : >"$2/new" && rm "$2/new"; else : >>"$2"; fi ;;
exec) "$2" ;;
connect | bind) /usr/bin/python3 -c '
import socket, sys
op, to = sys.argv[1:]
unix = "/" in to
query = to.endswith(":53")
s = socket.socket(socket.AF_UNIX if unix else socket.AF_INET, socket.SOCK_DGRAM if query else socket.SOCK_STREAM)
where = to if unix else (to.split(":")[0], int(to.split(":")[1])) if op == "connect" else ("0.0.0.0", int(to))
getattr(s, op)(where)' "$1" "$2" ;;
esac
END

works() { # ANSWER OPERATION TARGET OPTIONS...
    local answer=$1 op=$2 target=$3
    shift 3
    "$NONO" run --on-ask "$answer" "$@" -- sh "$T/tmp/do.sh" "$op" "$target" >"$T/tmp/o" 2>&1
    if [ $? = 0 ]; then echo works; else echo fails; fi
    case $target in *new.sock) rm -f "$target" ;; esac
}

agree() { # VERDICT OPERATION TARGET OPTIONS...
    local want=$1 op=$2 target=$3 verdict done option options=()
    shift 3
    for option; do
        option=${option/#--exec=/--exec-mode=} option=${option/#--read=/--read-dir=}
        options+=("${option/#--write=/--write-dir=}")
    done
    verdict=$("$NONO" why --json "--$op" "${options[@]}" "$target" 2>/dev/null | rows 'rows[0]["verdict"]')
    case $verdict in
    allow) done="works works" ;;
    ask) done="fails works" ;;
    *) done="fails fails" ;;
    esac
    equal "$op ${target#"$T"/} $*" "$verdict: $(works deny "$op" "$target" "$@") $(works allow "$op" "$target" "$@")" \
        "$want: $done"
}

# What owner and mode keep from an ordinary user.
unless_root() { # VERDICT-OF-ROOT
    if [ "$(id -u)" = 0 ]; then echo "$1"; else echo deny; fi
}

# Files.
agree allow read plain
agree allow read "$T/work"
agree allow write plain
agree allow write sub/new
agree allow write sub
agree ask write plain --workdir-access=read
agree ask read "$T/home/other"
agree ask write "$T/home/other"
agree ask read "$T/home/dir"
agree ask write "$OUT/new"
agree ask read l-other
agree allow read "$T/home/given" --read-file="$T/home/given"
agree ask write "$T/home/given" --read-file="$T/home/given"
agree ask read "$T/home/given" --write-file="$T/home/given"
agree allow read '../home/given' --read="$T/home"
agree allow read /etc/passwd
agree "$(unless_root ask)" write "$OUT/noread" --read="$OUT"
agree allow write /dev/null
agree "$(unless_root ask)" read "$OUT/noread"
agree "$(unless_root allow)" read "$OUT/noread" --read="$OUT"
agree "$(unless_root ask)" read /etc/shadow
agree "$(unless_root ask)" write /etc/hostname
agree deny read "$OUT/sock"
agree deny read "$T/work/sock"

# Entries of /proc: the task's own, others', links to both.
agree allow read /proc/self/environ
agree allow read /proc/self/status
agree allow read /proc/self/fd
agree allow read /proc/self/cwd/plain
agree allow read /proc/self/root/etc/passwd
agree ask read "/proc/self/cwd/../home/other"
agree allow read /proc/thread-self/comm
agree allow read l-self
agree allow read /proc/version
agree allow read "/proc/$$/status"
agree allow read "/proc/$$/cmdline"
agree allow read "/proc/$$"
agree allow read "/proc/$$/fd"
agree "$(unless_root allow)" read /proc/1/fd
agree deny read "/proc/$$/fdinfo"
agree deny read "/proc/$$/fd/1"
for entry in environ mem maps io auxv stack syscall cwd/plain root/etc/passwd exe "task/$$/environ" ns/mnt map_files; do
    agree deny read "/proc/$$/$entry"
done
# What is said of /proc/self is said of each process.
agree allow write /proc/self/comm
agree allow write /proc/thread-self/comm
agree deny write /proc/self/comm --deny=/proc/self/comm
agree ask write /proc/self/coredump_filter
agree allow write /proc/self/coredump_filter --write-file=/proc/self/coredump_filter
agree allow write /proc/thread-self/oom_score_adj --write-file=/proc/self/oom_score_adj
agree allow write /proc/self/coredump_filter --write=/proc/self
agree ask write /proc/self/oom_score_adj --write-file=/proc/self/coredump_filter
agree deny write "/proc/$$/oom_score_adj" --write=/proc/self
for denied in /proc/self/environ /proc/thread-self/environ '/proc/self/e*' '/proc/[0-9]*/environ' /proc/self; do
    agree deny read /proc/self/environ --deny="$denied"
done
agree deny read /proc/thread-self/environ --deny=/proc/self/environ
agree deny read l-self --deny=/proc/self/environ
agree allow read /proc/self/status --deny=/proc/self/environ
agree allow read /proc/version --deny=/proc/self
for entry in status cmdline stat; do
    agree allow read "/proc/$$/$entry" --deny=/proc/self/environ
done
for entry in environ maps mem auxv fd/1 cwd/plain "task/$$/environ"; do
    agree deny read "/proc/$$/$entry" --deny=/proc/self/limits
done
agree deny read "/proc/$$/limits" --deny=/proc/self/limits
agree deny read "/proc/$$/status" --deny=/proc/self
agree deny read /proc/1/environ
agree deny read /proc/1/root/etc/passwd
agree deny read l-outside
agree deny read l-cwd
agree deny write "/proc/$$/oom_score_adj"
agree deny write "/proc/$$/mem"
agree deny write "/proc/$$/mem" --write=/proc
agree deny read "/proc/$$/environ" --read-file="/proc/$$/environ"

# nono's own places, and terminals.
agree deny read "$XDG_STATE_HOME/nono/audit.db"
agree deny read "$XDG_STATE_HOME/nono/audit.db" --allow="$T"
agree deny write "$T/home/.config/nono/new" --allow="$T"
agree deny read "$T/home/.config/nono/allowed_signers" --allow="$T"
agree deny read "$T/work/mine.db" --db="$T/work/mine.db"
agree allow read "$T/home/.config" --allow="$T"

# Denials.
agree deny read .env --deny=.env
agree deny write .env --deny=.env
agree deny read sub/.env --deny=.env
agree allow read sub/.env --deny=./.env
agree allow read sub/.env.new --deny=.env
agree deny read sub/.env.new '--deny=.env*'
agree deny write sub/.env.other '--deny=.env*'
agree deny read l-env --deny=.env
agree deny read hard --deny=.env
agree deny read /proc/self/cwd/.env --deny=.env
agree deny read plain --deny=l-env --deny=plain
agree deny read sub/.env --deny=sub
agree deny write sub --deny=sub
agree deny read "$T/home/other" '--deny=~/other' --read="$T/home"
agree deny exec "$T/work/tool" --deny=tool

# Instruction files: what has no signature of ours.
agree allow read CLAUDE.md
agree allow read l-claude
agree deny read AGENTS.md
agree deny read l-agents
agree deny read .claude/rules
agree allow write AGENTS.md
agree allow read AGENTS.md --trust=audit
agree allow read AGENTS.md --trust=warn
agree deny read CLAUDE.md --trust-signers=/dev/null --trust=deny

# Programs.
agree allow exec /bin/true
agree allow exec "$T/work/tool"
agree allow exec "$T/work/script"
agree ask exec /bin/true --exec=ask
agree ask exec "$OUT/tool"
agree allow exec "$OUT/tool" --read="$OUT"
agree ask exec "$T/work/script-out"
agree ask exec "$T/work/script-twice"
agree allow exec "$T/work/script-twice" --read-file="$OUT/interp"
agree deny exec "$T/work/script-denied" '--deny=.env.*'
agree deny exec "$T/work/plain"
agree deny exec "$T/work/sub"

# Sockets.
agree ask connect "127.0.0.1:$PORT"
agree allow connect "127.0.0.1:$PORT" --net=allow
agree deny connect "127.0.0.1:$PORT" --net=block
agree allow connect "127.0.0.1:$PORT" "--allow-connect=127.0.0.1:$PORT"
agree allow connect "127.0.0.1:$PORT" "--allow-connect=127.0.0.0/8:*" --net=block
agree allow connect "127.0.0.1:$PORT" "--proxy-port=$PORT"
agree deny connect "127.0.0.1:$PORT" "--proxy-port=$FREE"
agree ask connect 192.0.2.1:53
nameserver=$(sed -n 's/^nameserver \([0-9.]*\)$/\1/p' /etc/resolv.conf | head -n 1)
[ -z "$nameserver" ] || agree allow connect "$nameserver:53"
agree ask bind "$FREE"
agree allow bind "$FREE" "--allow-bind=$FREE"
agree deny bind "$FREE" --net=block
agree ask connect "$OUT/sock"
agree ask connect "$T/work/sock"
agree allow connect "$OUT/sock" --allow-unix-socket="$OUT/sock"
agree allow connect "$OUT/sock" --allow-unix-socket-dir="$OUT"
agree deny connect "$OUT/sock" --unix-sockets=block
agree deny connect "$T/work/sock" --deny=sock
agree deny connect "$T/tmp/tmux-1/default" --unix-sockets=allow
agree deny connect "$T/work/plain" --unix-sockets=allow
# By what they are, under another name.
agree deny connect "$OUT/keys.sock" --unix-sockets=allow
agree deny connect "$OUT/keys.sock" --allow-unix-socket="$OUT/keys.sock"
agree allow connect "$OUT/agent.sock" --allow-unix-socket="$OUT/agent.sock"
agree ask connect "$OUT/kept.sock" --allow-unix-socket="$OUT/kept.sock"
equal "and what it is worth" "$("$NONO" why --json --connect "$OUT/kept.sock" | rows '[(r["risk"], r["tags"]) for r in rows[0:1]]')" \
    "[('high', 'ssh-agent')]"
agree allow bind "$T/work/new.sock"
agree ask bind "$OUT/new.sock"
agree ask bind "$OUT/new.sock" --write="$OUT"
agree allow bind "$OUT/new.sock" --allow="$OUT"
agree deny bind "$T/work/sock"
agree deny bind "$T/work/new.sock" '--deny=new*'
agree deny bind "$T/work/new.sock" --unix-sockets=block
finish
