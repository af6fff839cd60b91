#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nono why and nono profile: the same answers as a session gives, with the line that says it.
. "$(dirname "$0")/lib.sh"
NAMES=$T/home/.config/nono/profiles
mkdir -p "$NAMES"
cat >"$NAMES/shop.json" <<'END'
// The shop.
{
  "meta": {"description": "the shop\u202e"},
  "extends": "default",
  "filesystem": {
    "allow": ["$HOME/cache"],
    "read_file": ["$HOME/notes"],
    "deny": [".env*", "$HOME/cache/keys"]
  },
  "network": {"connect_port": [443]},
  "workdir": {"access": "read"},
  "color": "red"
}
END
mkdir -p "$T/home/cache/keys" "$T/work/sub"
touch "$T/home/notes" "$T/work/.env" "$T/work/plain" "$T/home/cache/keys/k" "$T/home/other"
cp /bin/true "$T/work/tool"

# What why says must be what the supervisor does.
agree() { # EXPECTED OPERATION PATH
    local want=$1 op=$2 path=$3 verdict
    verdict=$("$NONO" why --json "--$op" -p shop "$path" 2>/dev/null | rows 'rows[0]["verdict"]')
    case $op in
    read) "$NONO" run -p shop --on-ask deny -- head -c 0 "$path" >"$T/tmp/o" 2>&1 ;;
    write) "$NONO" run -p shop --on-ask deny -- bash -c ': >>"$1"' - "$path" >"$T/tmp/o" 2>&1 ;;
    exec) "$NONO" run -p shop --on-ask deny -- "$path" >"$T/tmp/o" 2>&1 ;;
    esac
    status=$?
    equal "$op ${path#"$T"/}" "$verdict $([ $status = 0 ] && echo works || echo fails)" \
        "$want $([ "$want" = allow ] && echo works || echo fails)"
}

scenario "why agrees with what happens"
agree allow read "$T/work/plain"
agree ask write "$T/work/plain"
agree ask write "$T/work/sub/new"
agree deny read "$T/work/.env"
agree deny write "$T/work/.env"
agree deny write "$T/work/sub/.env.new"
agree allow read "$T/home/notes"
agree ask write "$T/home/notes"
agree ask read "$T/home/other"
agree allow write "$T/home/cache/x"
agree deny read "$T/home/cache/keys/k"
agree allow read /etc/passwd
agree ask read /etc/sudoers.d
agree allow exec /bin/true
agree deny read "$NAMES/shop.json"
agree deny read "$XDG_STATE_HOME/nono/audit.db"
agree allow write /dev/null

scenario "the line that says it"
output=$("$NONO" why -p shop .env 2>&1)
contains "a denial" "$output" "by deny $T/work/**/.env* (shop.json:8)"
contains "its risk" "$output" "risk: high (credentials)"
contains "an unknown key, with its line" "$output" "shop.json:12: unknown key \"color\""
output=$("$NONO" why -p shop "$T/home/cache/x" 2>&1)
contains "a capability" "$output" "by rwx $T/home/cache (shop.json:6)"
output=$("$NONO" why -p shop plain 2>&1)
contains "the current directory" "$output" "(shop.json:11)"
output=$("$NONO" why plain 2>&1)
contains "without a profile" "$output" "(workdir)"
output=$("$NONO" why /etc/passwd)
[[ $output =~ default\.json:[0-9]+ ]] && pass "the built-in profile" || fail "the built-in profile" "$output"
output=$("$NONO" why --deny plain plain)
contains "an option" "$output" "(--deny)"
output=$("$NONO" why -r "$T/home" "$T/home/other")
contains "an option that allows" "$output" "by rx $T/home (--read)"
output=$("$NONO" why "$T/home/other")
contains "what would allow it" "$output" "--read-file $T/home/other"
output=$("$NONO" why --write "$T/outside/new/er")
contains "and for what is missing" "$output" "--write $T/outside"
for op in read write exec; do
    contains "what is not there yet: $op" "$("$NONO" why "--$op" "$T/home/none")" "asks: $op $T/home/none"
done
ln -s "$T/work/.env" "$T/home/link"
output=$("$NONO" why --deny .env "$T/home/link")
contains "through a link" "$output" "refused, never asked"
ln "$T/work/.env" "$T/work/hard"
output=$("$NONO" why --deny .env hard 2>&1)
contains "another name" "$output" "refused, never asked"
contains "which is found" "$output" "$T/work/hard (--deny)"
rm "$T/work/hard"
"$NONO" why >/dev/null 2>&1
equal "no target" $? 2
"$NONO" why -p nowhere x >/dev/null 2>&1
equal "no such profile" $? 2
output=$("$NONO" why $'odd\033[2J' 2>&1)
lacks "foreign bytes are escaped" "$output" $'\033'

scenario "programs that are asked about"
echo '{"extends": "default", "exec": "ask"}' >"$T/home/asks.json"
output=$("$NONO" why --exec-mode ask --exec /bin/true)
contains "by an option" "$output" "asks: exec /"
contains "which is named" "$output" "every program is asked about (--exec ask)"
contains "and the way out" "$output" "allow without asking: --exec allow"
contains "by a profile" "$("$NONO" why -p "$T/home/asks.json" --exec /bin/true)" "(asks.json:1)"
contains "the option wins" "$("$NONO" why -p "$T/home/asks.json" --exec-mode allow --exec /bin/true)" "allowed: exec"
contains "reading is not running" "$("$NONO" why --exec-mode ask /bin/true)" "allowed: read"
run --exec ask --on-ask deny -- sh -c /bin/true
equal "as in a session" "$status" 126
run -p "$T/home/asks.json" --on-ask deny -- sh -c /bin/true
equal "with the profile too" "$status" 126
"$NONO" why --exec ask /bin/true >"$T/tmp/o" 2>&1
equal "the option of nono run" $? 2
contains "is pointed to" "$(cat "$T/tmp/o")" "--exec-mode ask"

scenario "why --last"
run -r "$T/bin" --deny .env --on-ask deny -- bash -c 'cat .env "$1"; nono why --last || '"$NONO"' why --last; cat /proc/nono/last; : >>/proc/nono/last; ls /proc/nono' - "$SECRET"
contains "inside: what was refused" "$output" "refused: read
target: $SECRET"
contains "and why" "$output" "reason: policy_blocked"
equal "with or without nono" "$(grep -c '^refused: read' <<<"$output")" 2
contains "nothing can be written there" "$output" "/proc/nono/last: "
run -r "$T/bin" --deny .env --on-ask deny -- bash -c 'cat .env; cat /proc/nono/last'
contains "a denial is named" "$output" "rule: deny $T/work/**/.env (--deny)
no decision can allow it"
run -- bash -c 'cat /proc/nono/last'
equal "nothing yet" "$output" "nothing was refused yet"
output=$("$NONO" why --last 2>&1)
equal "outside it is an error" $? 1
contains "that says where to look" "$output" "nono log"

scenario "profiles"
output=$("$NONO" profile list)
contains "listed: the user's, escaped" "$output" 'the shop\u{202e}'
contains "listed: built in" "$output" "default "
equal "as JSON" "$("$NONO" profile list --json | $PYTHON -c 'import json, sys; print([p["name"] for p in json.load(sys.stdin)])')" "['shop', 'default']"
output=$("$NONO" profile show shop 2>&1)
contains "shown with variables in place" "$output" "$T/home/cache "
contains "and lines" "$output" "shop.json:6"
contains "with what it extends" "$output" "default.json:"
contains "numbers too" "$output" "network.connect_port"
equal "shown as JSON lines" "$("$NONO" profile show shop --jsonl 2>/dev/null | rows "[(r['value'], r['source']) for r in of(key='workdir.access')]")" "[('read', 'shop.json:11')]"
output=$("$NONO" profile check "$NAMES/shop.json")
equal "checked" $? 0
contains "with warnings" "$output" 'shop.json:12: unknown key "color"'
sed -i 's/"read"}/"reed"}/' "$NAMES/shop.json"
output=$("$NONO" profile check "$NAMES/shop.json" 2>&1)
equal "a mistake" $? 1
contains "has a line" "$output" "shop.json:11: workdir.access: is none, read, write or readwrite"
echo '{"filesystem": {"read": ["/not/there"]}}' >"$T/home/p.json"
output=$("$NONO" profile check "$T/home/p.json")
contains "a path that is missing" "$output" "p.json:1: warning: filesystem.read: /not/there is not there"
contains "no program would start" "$output" '"extends": "default" allows them'
echo '{"extends": "default",
"filesystem": {"deny": ["/"]}}' >"$T/tmp/all.json"
contains "nor under one that denies them" "$("$NONO" profile check "$T/tmp/all.json")" \
    "the system's programs are denied"
echo '{"filesystem":
{"deny": ["/x/[ab"]}}' >"$T/tmp/bracket.json"
contains "a line and what it said" "$("$NONO" profile check "$T/tmp/bracket.json" 2>&1)" \
    "bracket.json:2: '/x/[ab': a [ is not closed"
run -p "$T/home/p.json" -- true
contains "said at the start too" "$output" '"extends": "default" allows them'
echo '{"extends": "./q.json"}' >"$T/home/p.json"
echo '{"extends": "./p.json"}' >"$T/home/q.json"
output=$("$NONO" profile check "$T/home/p.json" 2>&1)
equal "a circle" $? 1
contains "is named" "$output" "extends itself"
head -c 2000000 /dev/zero | tr '\0' ' ' >"$T/home/big.json"
"$NONO" profile check "$T/home/big.json" >/dev/null 2>&1
equal "too large" $? 1
"$NONO" profile frob >/dev/null 2>&1
equal "no such verb" $? 2
echo '{"extends": "default"}' >"$T/work/own.json"
run -p ./own.json -- true
contains "a profile that its sandbox can write" "$output" "own.json can be changed by the sandbox"
finish
