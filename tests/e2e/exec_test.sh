#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Programs: what runs without a question, what is asked about, and that nothing else runs. With
# NONO_TEST_LONG=1 program and argument are swapped a hundred thousand times.
. "$(dirname "$0")/lib.sh"

[ "${NONO_TEST_LONG:-0}" = 1 ] && swaps=100000 swapping=1500 || swaps=300 swapping=120
cp "$BIN/started" "$OUT/started"
cp "$BIN/started" inside
cp /bin/true "$OUT/true"
printf '#!/bin/sh\necho "$0: $*"\n' >"$OUT/script"
printf '#!%s one  two \n' "$OUT/started" >script-of-outside
chmod +x "$OUT/script" script-of-outside
export STARTED=passed

# The same, bare and supervised; "as" names the options.
same() { # NAME OPTIONS COMMAND
    local bare
    bare=$(sh -c "exec 7</dev/null; $3" 2>&1; echo "status $?")
    run --on-ask allow $2 -- sh -c "exec 7</dev/null; $3; echo status \$?"
    equal "$1${2:+ ($2)}" "$output" "$bare"
}

scenario "the default: inside without a question, outside with one"
run --on-ask deny -- /bin/echo inside
equal "a program inside runs" "$output" inside
run --on-ask deny -- sh -c "./inside at ./inside word | grep word; $OUT/true; echo \$?"
contains "outside it is refused" "$output" "Permission denied"
contains "with the status of a shell" "$output" 126
equal "that is recorded" \
    "$(log_rows "[(r['op'], r['resolved'], r['reason']) for r in of(kind='decision')]")" \
    "[('exec', '$OUT/true', 'policy_blocked')]"

scenario "the command itself"
run --on-ask deny -- "$OUT/started" word
contains "runs from anywhere" "$output" "argv 1 word"
run --on-ask deny --exec ask -- /bin/sh -c 'echo first; /bin/true; echo $?'
contains "and under --exec ask" "$output" first
contains "only itself" "$output" 126
printf '{ "extends": "default", "exec": "ask" }\n' >"$OUT/ask.json"
run --on-ask deny -p "$OUT/ask.json" -- /bin/sh -c '/bin/true; echo $?'
contains "a profile asks as well" "$output" 126
run --on-ask deny -p "$OUT/ask.json" --exec allow -- /bin/sh -c '/bin/true; echo $?'
equal "the option wins over it" "$output" 0
run --on-ask deny --deny "$OUT/started" -- "$OUT/started"
equal "but not if it is denied" "$status" 126
run --on-ask deny -- ./nowhere
equal "nor if it is missing" "$status" 127

scenario "one decision"
run_background --ui attach -- sh -c "$OUT/started a 'b c' | head -n 3; $OUT/true; echo \$?"
id=$(wait_request /started)
facts=$(pending_rows "[(r['op'], r['resolved'], r['detail'], r['sha256']) for r in rows]")
sum=$(sha256sum <"$OUT/started")
equal "what is shown" "$facts" "[('exec', '$OUT/started', \
\"argv $OUT/started a 'b c', as a copy\", '${sum%% *}')]"
"$NONO" allow "$id" >/dev/null
id=$(wait_request /true)
"$NONO" deny "$id" >/dev/null
join_background
equal "allowed and denied" "$output" "comm started
execfn $OUT/started
argv 0 $OUT/started
sh: 1: $OUT/true: Permission denied
126"

scenario "what is shown of a long argv is all of it, or it says so"
cat >long.py <<'EOF'
import os, sys
def run(pad, tail):
    if os.fork() == 0:
        os.execv(sys.argv[1], [sys.argv[1], "x" * pad + tail])
run(9000, "AAA"); run(9000, "BBB"); run(20000, "AAA"); run(20000, "BBB"); run(100, "\n" * 8000)
for i in range(5):
    os.wait()
EOF
run_background --ui attach -- "$PYTHON" long.py "$OUT/true"
poll pending_at_least 5 || fail "each of them is asked about" "$("$NONO" pending)"
equal "9000 bytes" "$(pending_rows "sorted(r['detail'].split(',')[0][-3:] for r in rows if len(r['detail']) < 10000)")" "['AAA', 'BBB']"
equal "what is longer is of high risk, and is another one" \
    "$(pending_rows "len({r['detail'] for r in rows if 'NOT ALL of its 20' in r['detail'] and r['risk'] == 'high' and 'argv-cut' in r['tags'] and len(r['detail']) < 13000})")" 2
equal "so is what escapes make longer" "$(pending_rows "[len(r['detail']) < 13000 for r in rows if 'NOT ALL of its 8' in r['detail']]")" "[True]"
"$NONO" stop @
join_background

scenario "a decision for the session"
run_background --ui attach -- sh -c "for i in 1 2 3; do $OUT/true && echo ran; done"
"$NONO" allow "$(wait_request /true)" --session >/dev/null
join_background
equal "asked once" "$output" "ran
ran
ran"
cp "$OUT/true" "$OUT/other"
run_background --ui attach -- sh -c \
    "$OUT/true; touch ready; until [ -e go ]; do :; done; $OUT/true; echo \$?"
"$NONO" allow "$(wait_request /true)" --session >/dev/null
poll test -e ready
cp /bin/false "$OUT/true"
touch go
id=$(wait_request /true)
"$NONO" deny "$id" >/dev/null
join_background
contains "other content is another program" "$output" 126
rm -f ready go
cp /bin/true "$OUT/true"

scenario "a script whose interpreter lies outside"
run_background --ui attach -- ./script-of-outside x
join_background
contains "the command itself needs no leave" "$output" "argv 1 one  two"
run_background --ui attach -- sh -c "./script-of-outside x | grep argv"
id=$(wait_request /started)
contains "it is shown what for" "$(pending_rows "rows[0]['detail']")" \
    "interpreter of $PWD/script-of-outside"
"$NONO" allow "$id" >/dev/null
join_background
equal "and it gets its arguments" "$output" "argv 0 $OUT/started
argv 1 one  two
argv 2 ./script-of-outside
argv 3 x"
run_background --ui attach --exec ask -- sh -c "$OUT/script"
id=$(wait_request /script)
equal "a script names its interpreter" "$(pending_rows "rows[0]['interpreter']")" \
    "$(readlink -f /bin/sh)"
"$NONO" deny "$id" >/dev/null
join_background
run --on-ask deny --exec ask -- sh -c /bin/true
id=$(log_rows "[r['request'] for r in of(kind='request', op='exec')][-1]")
contains "why it was asked" "$("$NONO" show "$id" 2>&1)" \
    "policy_blocked: every program is asked about (--exec ask)"

scenario "a script outside"
run_background --ui attach -- sh -c "$OUT/script a; cat $OUT/script; echo \$?"
"$NONO" allow "$(wait_request /script)" >/dev/null
poll test -s "$T/tmp/out"
id=$(wait_request /script)
equal "what its interpreter reads is part of the approval, nobody else's reading is" \
    "$(pending_rows "rows[0]['op']") $(cat "$T/tmp/out")" "read $OUT/script: a"
"$NONO" deny "$id" >/dev/null
join_background
printf '#!/usr/bin/env -S sh -c "cat %s; . \\$0" \necho sourced\n' "$SECRET" >"$OUT/refused"
chmod +x "$OUT/refused"
run_background --ui attach -- sh -c "$OUT/refused"
"$NONO" allow "$(wait_request /refused)" >/dev/null
"$NONO" deny "$(wait_request /secret.txt)" >/dev/null
join_background
contains "also after something else was refused" "$output" sourced
printf '#!/bin/sh\nuntil [ -e go ]; do :; done; . %s\n' "$OUT/changing" >"$OUT/changing"
cp "$OUT/changing" "$OUT/changing.first"
chmod +x "$OUT/changing"
run_background --ui attach -- sh -c "$OUT/changing; echo \$?"
id=$(wait_request /changing)
printf 'echo changed\n' >>"$OUT/changing"
"$NONO" allow "$id" >/dev/null
anew() {
    [ "$(pending_rows "any(r['request'] > $id for r in rows)")" = True ]
}
poll anew
contains "what changed since it was shown is asked about anew" \
    "$(pending_rows "rows[0]['sha256']")" "$(sha256sum <"$OUT/changing" | cut -c1-64)"
"$NONO" deny "$(wait_request /changing)" >/dev/null
join_background
contains "and did not run" "$output" 126

scenario "a shell that looks at what it was refused"
run_background --ui attach -- bash -c "$OUT/true; echo \$?; cat $OUT/true | wc -c; $OUT/true; :"
"$NONO" deny "$(wait_request /true)" >/dev/null
id=$(wait_request /true)
equal "asks once for it, another reader for itself" \
    "$(pending_rows "[(r['op'], r['exe'].split('/')[-1]) for r in rows]") $(cat "$T/tmp/out" | tail -n 1)" \
    "[('read', 'cat')] 126"
"$NONO" allow "$id" >/dev/null
id=$(wait_request /true "$id")
"$NONO" deny "$id" --session >/dev/null
join_background
equal "and each time; the look is counted as the same again" \
    "$(log_rows "[(r['op'], r['verdict'], r['count']) for r in of(kind='decision')]")" \
    "[('exec', 'deny', 2), ('read', 'allow', 1), ('exec', 'deny', 2)]"
run_background --ui attach -- bash -c "$OUT/true; $OUT/true; echo end"
"$NONO" deny "$(wait_request /true)" --session >/dev/null
join_background
contains "also by a decision that is remembered" "$output" end
equal "one question, and each of the three that followed is counted" \
    "$(log_rows "(len(of(kind='request')), [r['count'] for r in of(kind='decision')][3:])")" "(4, [4])"
run_background --ui attach -- bash -c "$OUT/true; read -r line <$OUT/true; :"
"$NONO" deny "$(wait_request /true)" >/dev/null
"$NONO" deny "$(wait_request /true)" >/dev/null
join_background
equal "what looks later asks" "$(log_rows "[r['op'] for r in of(kind='request')][4:]")" "['exec', 'read']"
scenario "and where nobody is asked"
run --on-ask deny -- bash -c "$OUT/true; $OUT/true; :"
equal "all four are counted as one" "$(log_rows "[(r['op'], r['count']) for r in of(kind='decision')]")" "[('exec', 4)]"

scenario "who asks, where a copy runs"
cp "$(readlink -f /bin/bash)" "$OUT/shell"
sum=$(sha256sum <"$OUT/shell")
run_background --ui attach -- sh -c "$OUT/shell -c 'read -r a <$SECRET; (read -r b <$SECRET; echo \$a \$b)'"
"$NONO" allow "$(wait_request /shell)" >/dev/null
first=$(wait_request /secret.txt)
equal "its path and its digest" "$(pending_rows "[(r['exe'], r['exe_sha256']) for r in rows]")" \
    "[('$OUT/shell', '${sum%% *}')]"
contains "and where it is shown" "$("$NONO" pending --jsonl)" '"exe_sha256"'
"$NONO" allow "$first" >/dev/null
second=$(wait_request /secret.txt "$first")
equal "those of a forked child as well" "$(pending_rows "[(r['exe'], r['exe_sha256']) for r in rows]")" \
    "[('$OUT/shell', '${sum%% *}')]"
"$NONO" allow "$second" >/dev/null
join_background
equal "it runs" "$output" "the content the content"
equal "found by it" "$("$NONO" log --exe "$OUT/shell" --kind request --jsonl | rows 'len(rows)')" 2
contains "counted under it" "$("$NONO" log --stats --group exe --json)" "$OUT/shell"
lacks "and nowhere under another name" "$("$NONO" log --jsonl)" memfd
scenario "copies of one name that differ"
cp "$(readlink -f /bin/cat)" "$OUT/reader"
cp "$(readlink -f /usr/bin/head)" "$T/other-reader"
sum=$(sha256sum <"$OUT/reader") other=$(sha256sum <"$T/other-reader")
cat >two.sh <<END
$OUT/reader $SECRET &
while [ ! -e go ]; do sleep 0.02; done
$OUT/reader $SECRET &
wait
END
run_background --ui attach -- sh two.sh
id=$(wait_request /reader)
"$NONO" allow "$id" >/dev/null
first=$(wait_request /secret.txt)
mv "$T/other-reader" "$OUT/reader"
: >go
"$NONO" allow "$(wait_request /reader "$id")" >/dev/null
second=$(wait_request /secret.txt "$first")
equal "are asked about each for itself" "$(pending_rows "sorted((r['request'], r['exe_sha256']) for r in rows)")" \
    "[($first, '${sum%% *}'), ($second, '${other%% *}')]"
"$NONO" allow "$first" >/dev/null
"$NONO" allow "$second" >/dev/null
join_background
scenario "a copy of somebody else's is none"
run --on-ask allow -- "$PYTHON" -c '
import os, sys
fd = os.memfd_create("nono-program")
os.sendfile(fd, os.open(sys.argv[1], os.O_RDONLY), 0, 1 << 27)
link = "/proc/self/fd/%d" % fd
os.execv(link, [link, sys.argv[2]])' "$(readlink -f /bin/cat)" "$SECRET"
equal "it has no name" \
    "$(log_rows "[r['exe'] for r in of(kind='request', op='read')]")" "['/memfd:nono-program (deleted)']"

scenario "as natively"
for options in "" "--exec ask" "--without-landlock"; do
    for command in "$OUT/started a b" "../outside/started" "env -i $OUT/started" \
        "./inside at $OUT/started x" "./inside spawn $OUT/started y" "./inside thread $OUT/started z" \
        "./inside thread ./inside z" "./script-of-outside p q" "$OUT/script 1 2" \
        "./inside at $OUT/script x" "./inside thread ./script-of-outside x" "./inside spawn inside" \
        "trap '' USR1; $OUT/started" "$OUT/script \$(seq 40000) | cksum"; do
        same "$command" "$options" "$command"
    done
done

scenario "a program that is stopped and continued all the time"
cat >"$BIN/storm.pl" <<'END'
my %ends;
for (1 .. 40) {
    my $pid = fork;
    unless ($pid) { open STDOUT, ">", "/dev/null"; exec @ARGV; exit 9 }
    my $storm = fork;
    unless ($storm) {
        while (kill 0, $pid) { kill "STOP", $pid; kill "CONT", $pid; select undef, undef, undef, 0.0005 }
        exit;
    }
    waitpid $pid, 0;
    $ends{$?}++;
    waitpid $storm, 0;
}
print map { "$_: $ends{$_}\n" } sort keys %ends;
END
for options in "" "--exec ask"; do
    run --on-ask allow $options -- perl "$BIN/storm.pl" "$OUT/started"
    equal "runs every time${options:+ ($options)}" "$output" "0: 40"
done

scenario "the kernel's own refusals"
printf 'echo no line; echo "$0"\n' >"$OUT/plain"
printf '#!/nowhere/at/all\n' >"$OUT/lost"
printf '#!   \n' >"$OUT/empty"
cp /bin/true "$OUT/noexec"
chmod +x "$OUT/plain" "$OUT/lost" "$OUT/empty"
chmod -x "$OUT/noexec"
for name in lost noexec empty missing . started/x; do
    same "$name" "" "perl -e 'exec {\"$OUT/$name\"} \"x\" or print \$!+0, \"\\n\"'"
done
same "busy" "" "perl -e 'open my \$f, \">>\", \"busy\" or die; chmod 0755, \"busy\";
    exec {\"./busy\"} \"x\" or print \$!+0, \"\\n\"'"
for options in "" "--exec ask"; do
    same "odd arguments" "$options" "$BIN/badexec $OUT/started"
done

scenario "a script whose interpreter is a script"
printf '#!/bin/sh\nread -r line <"$1"; echo "$0: $* ($line)"\n' >"$OUT/reader"
printf '#!%s more\n' "$OUT/reader" >"$OUT/nested"
printf '#!%s\n' "$OUT/nested" >"$OUT/deep"
printf '#!/bin/sh\nread -r line <"$2"; echo "$0: $* ($line)"\n' >"$OUT/reader"
chmod +x "$OUT/reader" "$OUT/nested" "$OUT/deep"
want=$("$OUT/nested" a b)
contains "bare" "$want" "(#!$OUT/reader more)"
run_background --ui attach -- sh -c "$OUT/nested a b"
id=$(wait_request /nested)
equal "both interpreters are shown" "$(pending_rows "[rows[0]['interpreter'].split('/')[-1], rows[0]['detail'].split(', its ')[1]]")" \
    "['reader', 'interpreter is a script, run by $(realpath /bin/sh)']"
"$NONO" allow "$id" >/dev/null
join_background
equal "it runs, and each reads what was approved" "$output" "$want"
equal "one question" "$(log_rows "len(of(kind='decision'))")" 1
run --on-ask allow --deny "$OUT/reader" -- sh -c "$OUT/deep a; echo \$?"
contains "an interpreter that is denied" "$output" 126
run_background --ui attach --read-file "$OUT/deep" --read-file "$OUT/nested" -- sh -c "$OUT/deep a b; :"
"$NONO" deny "$(wait_request /reader)" >/dev/null
join_background
contains "one further on is asked about where the rest may run" "$output" "Permission denied"

scenario "what is denied"
cp /bin/true .env
run --on-ask allow --deny "$PWD/.env" -- sh -c './.env; echo $?; cp inside beside && ./beside | head -n1'
contains "is not run" "$output" 126
contains "what lies beside it is" "$output" "comm beside"
ln .env hardlink
run --on-ask allow --deny "$PWD/.env" -- sh -c './hardlink; echo $?'
contains "nor under another name" "$output" 126
printf 'no program\n' >odd
printf '#!/nowhere/at/all\n' >lost
printf '#!%s\n' "$PWD/odd" >led
chmod +x odd lost led
for name in odd lost led; do
    run --on-ask allow --deny "$PWD/odd" --deny "$PWD/lost" -- perl -e "exec {'./$name'} 'x' or print \$!"
    contains "nothing is told of it ($name)" "$output" "Permission denied"
    equal "and that is recorded ($name)" "$(log_rows "[r['resolved'] for r in of(kind='request', op='exec')][-1:]")" \
        "['$PWD/${name/led/odd}']"
done

scenario "traced already"
if can command -v strace; then
    run --on-ask allow -- strace -f -o trace -e trace=execve sh -c '/bin/true && echo ran'
    equal "inside it runs" "$output" ran
    run --on-ask allow -- strace -f -o trace -e trace=execve sh -c "$OUT/true; echo \$?"
    contains "outside it is refused" "$output" 126
    contains "and said why" "$output" "traced by another"
    equal "and recorded" "$(log_rows "[r['by'] for r in of(kind='decision', op='exec')]")" \
        "['backend']"
fi

# The grants are there before the swapping begins.
swap() { # NAME DIRECTORY OPTIONS
    cp "$BIN/swap" "$2/allowed"
    cp "$BIN/swap" "$2/denied_"
    printf FORBIDDEN >>"$2/denied_"
    run_background --ui attach $3 -- sh -c \
        "$2/allowed mark; $2/denied_ mark; rm -f ran-*; $BIN/swap $swaps $2/allowed $2/denied_"
    [ -z "$3" ] || "$NONO" allow "$(wait_request bin/rm)" --session >/dev/null &
    "$NONO" allow "$(wait_request /allowed)" --session >/dev/null
    "$NONO" deny "$(wait_request /denied_)" --session >/dev/null
    [ -z "$3" ] || "$NONO" allow "$(wait_request bin/swap)" --session >/dev/null
    PATIENCE=$swapping join_background
    contains "$1: the swapping ends" "$output" "ran "
    equal "$1: the allowed one ran" "$(ls ran-good)" ran-good
    equal "$1: the forbidden one never did" "$(ls ran-FORBIDDEN 2>&1 | grep -c '^ran')" 0
    rm -f ran-*
}
scenario "what is swapped does not run"
swap "outside" "$OUT" ""
swap "inside" "$PWD" "--exec ask"

# One swap, when the call waits for its decision.
later() { # NAME OPTIONS WHAT ALLOWED DENIED
    rm -f go swapped ran-*
    run_background --ui attach $2 -- "$BIN/swap" later "$3" "$4" "$5"
    id=$(wait_request /allowed)
    touch go
    poll test -e swapped
    "$NONO" allow "$id" >/dev/null
    join_background
    contains "$1: is killed" "$output" "killed 9"
    contains "$1: and that is said" "$output" "not the approved one"
    equal "$1: and leaves nothing" "$(ls ran-* 2>/dev/null)" ""
}
scenario "what is swapped behind the request"
later "another path" "--exec ask" path "$PWD/allowed" "$PWD/denied_"
later "another argument" "--exec ask" argument "$PWD/allowed" "$PWD/denied_"
later "another argument outside" "" argument "$OUT/allowed" "$OUT/denied_"

scenario "what follows a program that could not be run is judged like all others"
cp "$BIN/swap" forbidden
run_background --ui attach --exec ask -- sh -c \
    "$OUT/allowed mark; ./forbidden mark; $BIN/swap after 200 $OUT/allowed ./forbidden"
"$NONO" allow "$(wait_request /allowed)" --session >/dev/null
"$NONO" deny "$(wait_request /forbidden)" --session >/dev/null
"$NONO" allow "$(wait_request bin/swap)" --session >/dev/null
join_background
contains "never runs" "$output" "ran 0"
finish
