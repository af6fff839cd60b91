#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Instruction files: who signed them, and what happens to those that nobody did.
. "$(dirname "$0")/lib.sh"
need ssh-keygen

ssh-keygen -q -t ed25519 -N '' -C a -f "$T/home/key"
ssh-keygen -q -t ed25519 -N '' -C b -f "$T/home/other"
SIGNERS=$OUT/signers
echo "alice@example.org namespaces=\"nono\" $(cut -d' ' -f1,2 "$T/home/key.pub")" >"$SIGNERS"

signed() { # FILE TEXT [KEY]
    echo "$2" >"$1"
    rm -f "$1.sig"
    ssh-keygen -q -Y sign -n nono -f "${3:-$T/home/key}" "$1"
}

trusted() { # OPTIONS...
    run --trust-signers "$SIGNERS" "$@"
}

# verdict, by, reason and detail of each decision
decisions() {
    log_rows "[(r['verdict'], r['by'], r.get('reason'), r['detail']) for r in of(kind='decision')]"
}

scenario "signed: it opens, and the log names its publisher"
signed CLAUDE.md "be good"
trusted -- cat CLAUDE.md
equal "it opens" "$status $output" "0 be good"
equal "the log" "$(decisions)" \
    "[('allow', 'trust', None, 'instruction file, signed by alice@example.org')]"
contains "as text" "$("$NONO" log -v)" "signed by alice@example.org"

scenario "not signed: EACCES"
echo "be bad" >AGENTS.md
mkdir -p .claude/commands sub
echo "x" >.claude/commands/x.md
echo "y" >sub/SKILL.md
trusted -- cat AGENTS.md .claude/commands/x.md sub/SKILL.md
equal "status" "$status" 1
equal "native error" "$(grep -c 'Permission denied' <<<"$output")" 3
equal "the log" "$(log_rows "sorted({(r['verdict'], r['by'], r['reason'], r['detail']) for r in of(kind='decision')})")" \
    "[('deny', 'trust', 'trust_failed', 'instruction file, not signed')]"
contains "the way out" "$output" "see nono trust"

scenario "by whatever name"
ln -sf AGENTS.md link.txt
ln -f AGENTS.md hard.txt
echo harmless >notes.txt
ln -sf notes.txt GEMINI.md
ln -sf .claude dir
trusted -- bash -c 'cat link.txt GEMINI.md dir/commands/x.md; cat <AGENTS.md; cat /proc/self/cwd/AGENTS.md
    exec 3<.; cat /dev/fd/3/AGENTS.md; dd if=AGENTS.md of=/dev/null; cp AGENTS.md copy; mv -T AGENTS.md AGENTS.md 2>/dev/null'
lacks "nothing of it" "$output" "be bad"
lacks "nor through a link of such a name" "$output" "harmless"
equal "no copy" "$(cat copy 2>/dev/null)" ""
rm -f copy dir GEMINI.md link.txt hard.txt

scenario "what is no file"
mkfifo GEMINI.md
mkdir -p SKILL.md
ln -sfn /dev/fd/0 .cursorrules
ln -sfn /dev/null sub/CLAUDE.md
trusted -- bash -c 'cat GEMINI.md sub/CLAUDE.md; echo be bad | cat .cursorrules; ls SKILL.md && ls .claude'
equal "a pipe, a device, a pipe without a name" "$(grep -c 'Permission denied' <<<"$output")" 3
equal "a directory is none" "$status $(tail -n 1 <<<"$output")" "0 commands"
equal "all recorded" "$(log_rows "len(of(kind='decision', reason='trust_failed'))")" 3
rm -r GEMINI.md SKILL.md .cursorrules sub/CLAUDE.md

scenario "a file without a name is read again where files are"
trusted -- bash -c 'x=$(head -c 200000 /dev/zero | tr "\0" a); cat /dev/stdin <<<"$x" | wc -c
    echo kept >gone; exec 3<>gone; rm gone; cat /proc/self/fd/3; echo more >>/proc/self/fd/3; cat /dev/fd/3'
equal "a here-string, a removed file" "$status $output" "0 200001
kept
kept
more"
trusted -- python3 -c 'import os
fd = os.open(".", os.O_TMPFILE | os.O_WRONLY)
os.write(fd, b"temporary")
print(open("/proc/self/fd/%d" % fd).read())'
equal "one that never had a name" "$status $output" "0 temporary"
equal "nothing is refused" "$(log_rows "len(of(kind='decision', verdict='deny'))")" 0
cp AGENTS.md kept
trusted -- bash -c 'exec 3>>AGENTS.md; rm AGENTS.md; cat /proc/self/fd/3'
equal "that of an instruction file is not" "$status $(decisions)" \
    "1 [('deny', 'trust', 'trust_failed', 'instruction file, it has lost its name')]"
lacks "nothing of it is read" "$output" "be bad"
mv kept AGENTS.md
trusted --deny '**/.env' -- bash -c 'echo x >f; exec 3<>f; rm f; cat /proc/self/fd/3'
equal "beside what is refused" "$status $output" "0 x"

scenario "but not outside"
echo secret >"$OUT/removed"
exec 8<"$OUT/removed"
rm "$OUT/removed"
trusted -- cat /dev/stdin <&8
exec 8<&-
contains "not outside" "$output" "cat: /dev/stdin: Permission denied"
equal "which is recorded" "$(decisions)" "[('deny', 'floor', 'policy_blocked', 'a file without a name')]"

scenario "what is written is not read"
trusted -- bash -c 'echo new >AGENTS.md && echo more >>AGENTS.md && echo made >.claude/made && rm .claude/made; ls'
equal "an agent writes" "$status $(tail -1 AGENTS.md)" "0 more"
trusted -- bash -c 'exec 3<>CLAUDE.md'
contains "not for both at once" "$output" "Permission denied"

scenario "changed after it was signed"
echo "be bad" >>CLAUDE.md
trusted -- cat CLAUDE.md
contains "refused" "$output" "Permission denied"
equal "the log" "$(log_rows "{(r['reason'], r['detail']) for r in of(kind='decision')}")" \
    "{('trust_failed', 'instruction file, the signature is not by an allowed signer, or not of this content')}"

scenario "changed between verification and opening"
signed CLAUDE.md "be good"
# Verified once; then the same size and time with other content, in the same session.
trusted -- bash -c 'cat CLAUDE.md && touch -r CLAUDE.md stamp && printf "be bad!" | dd of=CLAUDE.md conv=notrunc 2>/dev/null &&
    touch -r stamp CLAUDE.md && cat CLAUDE.md'
contains "first" "$output" "be good"
contains "then refused" "$output" "cat: CLAUDE.md: Permission denied"
lacks "never read" "$output" "be bad"

scenario "a descriptor that was handed over goes on reading what was verified"
signed CLAUDE.md "be good"
trusted -- bash -c 'exec 3<CLAUDE.md; printf "be bad!" | dd of=CLAUDE.md conv=notrunc 2>/dev/null; cat <&3; echo >/proc/self/fd/3'
contains "the verified bytes" "$output" "be good"
lacks "not the new ones" "$output" "be bad"

scenario "the content changes all the time"
cp CLAUDE.md good; signed good "be good"; echo "be bad!" >bad
cp good.sig CLAUDE.md.sig
trusted -- bash -c '(while [ ! -e stop ]; do cat bad >CLAUDE.md; cat good >CLAUDE.md; done) &
    for i in {1..60}; do cat CLAUDE.md 2>/dev/null; done; touch stop; wait'
lacks "no unverified byte" "$output" "bad"
rm -f stop

scenario "the path changes under the call"
signed CLAUDE.md "be good"
echo "be bad" >AGENTS.md; echo fine >FILES.txt
run --trust-signers "$SIGNERS" -- "$BIN/flip" open "$PWD/FILES.txt" "$PWD/AGENTS.md" 300
equal "the other one is never touched" "$output" "open: done, refused, held"

scenario "asked about: what fails is not asked, what a person approved is verified again"
mkdir -p "$OUT/p"
signed "$OUT/p/CLAUDE.md" "outside"
run_background --ui attach --trust-signers "$SIGNERS" -- cat "$OUT/p/CLAUDE.md"
id=$(wait_request p/CLAUDE.md)
equal "the request names the publisher" "$(pending_rows "rows[0]['detail']")" \
    "instruction file, signed by alice@example.org"
"$NONO" allow "$id" >/dev/null
join_background
equal "handed over" "$status $output" "0 outside"
run_background --ui attach --trust-signers "$SIGNERS" -- cat "$OUT/p/CLAUDE.md"
id=$(wait_request p/CLAUDE.md)
echo "changed" >"$OUT/p/CLAUDE.md"
"$NONO" allow "$id" >/dev/null
join_background
contains "changed meanwhile" "$output" "Permission denied"
equal "and recorded as that" "$(log_rows "[r['reason'] for r in of(kind='decision', by='trust')][-1]")" trust_failed
run_background --ui attach --trust-signers "$SIGNERS" -- cat "$OUT/p/CLAUDE.md"
join_background
equal "nobody is asked" "$status $(log_rows "len(of(kind='decision', by='user', session=rows[-1]['session']))")" "1 0"

scenario "programs in the directory still run"
printf '#!/bin/sh\necho ran\n' >prog; chmod +x prog
trusted -- ./prog
equal "a script" "$status $output" "0 ran"
trusted -- bash -c 'git init -q r && cd r && echo a >f && git add f && git commit -qm x && git status --short && cp /bin/true t && ./t && ls'
equal "git, and a program made there" "$status" 0

scenario "the process that asks ssh-keygen is none of the sandbox's, and ends with the session"
of_nono() {
    grep -lzx "NONO_E2E_DIR=$T" /proc/[0-9]*/environ 2>/dev/null | sed 's/environ/comm/' | xargs -r grep -lx nono 2>/dev/null
}
nothing_left() { [ -z "$(of_nono)" ]; }
export NONO_MARK=mark-of-the-outside
trusted --on-ask allow -- env -u NONO_MARK bash -c 'n=0
    for p in $(pgrep -x nono); do
        cat /proc/$p/environ /proc/$p/maps 2>/dev/null | tr -d "\0"
        head -c 1 /proc/$p/fd/3 2>/dev/null
        echo x 2>/dev/null >/proc/$p/mem && echo written
        kill -0 $p 2>/dev/null && echo signalled
        n=$((n + 1))
    done; cat CLAUDE.md >/dev/null; [ $n -ge 3 ] && echo "three of them"'
equal "nothing of theirs is reached" "$output" "three of them"
unset NONO_MARK
poll nothing_left && pass "none is left" || fail "none is left" "$(of_nono)"

# Not everywhere may a user have a namespace of processes.
if unshare -rpf --mount-proc true 2>/dev/null; then
    output=$(unshare -rpf --mount-proc "$NONO" run --trust-signers "$SIGNERS" -- true 2>&1)
    contains "process 1 cannot give it away" "$output" "process 1 cannot have instruction files verified"
fi

scenario "warn and audit hand it over"
echo "be bad" >AGENTS.md
trusted --trust warn -- cat AGENTS.md
contains "warn: said" "$output" "AGENTS.md: not signed"
contains "warn: handed over" "$output" "be bad"
equal "and recorded" "$(decisions)" "[('allow', 'trust', None, 'instruction file, not signed')]"
scenario "audit"
trusted --trust audit -- cat AGENTS.md AGENTS.md
equal "audit: silent" "$status $output" "0 be bad
be bad"
equal "recorded once" "$(decisions)" "[('allow', 'trust', None, 'instruction file, not signed')]"
scenario "without a signer"
run -- cat AGENTS.md
equal "audit is the default" "$status $output $(decisions)" \
    "0 be bad [('allow', 'trust', None, 'instruction file, not verified: no signer is configured')]"
run --trust deny -- cat AGENTS.md
contains "deny refuses all" "$output" "no signer is configured: every instruction file is refused"
equal "and does" "$status" 1

scenario "hostile signatures"
for bytes in '' garbage "$(printf -- '-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----')"; do
    printf '%s' "$bytes" >AGENTS.md.sig
    trusted -- cat AGENTS.md
    contains "garbage: '${bytes:0:10}'" "$output" "Permission denied"
done
head -c 70000 /dev/zero >AGENTS.md.sig
trusted -- cat AGENTS.md
contains "too large" "$output" "Permission denied"
contains "and so called" "$(decisions)" "too large"
rm AGENTS.md.sig; mkfifo AGENTS.md.sig
trusted -- cat AGENTS.md
contains "a pipe" "$output" "Permission denied"
rm AGENTS.md.sig; ln -s "$OUT/p/CLAUDE.md.sig" AGENTS.md.sig
trusted -- cat AGENTS.md
contains "a link" "$output" "Permission denied"
rm AGENTS.md.sig
signed AGENTS.md "by another" "$T/home/other"
trusted -- cat AGENTS.md
contains "another key" "$output" "Permission denied"
ssh-keygen -q -Y sign -n file -f "$T/home/key" notes.txt && cp notes.txt AGENTS.md && mv notes.txt.sig AGENTS.md.sig
trusted -- cat AGENTS.md
contains "another namespace" "$output" "Permission denied"

scenario "what is wrong with the configuration"
printf '# who\nalice@example.org ssh-ed25519 AAAAnonsense\n' >bad_signers
run --trust-signers bad_signers -- true
contains "a bad line is named" "$status $output" "125 nono: --trust-signers: bad_signers:2: the key is not one of its type"
echo '{"extends": "default", "trust": {"signers": ["/not/there"]}}' >"$T/home/signers.json"
run -p "$T/home/signers.json" -- true
contains "a profile's line is named" "$status $output" "125 nono: signers.json:1: /not/there: No such file"
run --trust-signers nowhere -- true
contains "no such file" "$status $output" "125 nono: --trust-signers: nowhere: No such file"
run --trust nope -- true
contains "no such word" "$status $output" "--trust nope: not one of deny, warn, audit"
cat >p.json <<'J'
{ "extends": "default", "trust": {
    "patterns": ["rules/**", "a//b", "x/", "../y", "/etc/z", "[x", "[z-a]"],
    "enforcement": "deny" } }
J
mkdir -p rules; echo r >rules/one; echo "be bad" >AGENTS.md
run -p ./p.json -- cat AGENTS.md rules/one
contains "its patterns" "$output" "be bad"
contains "take the place of the others" "$output" "cat: rules/one: Permission denied"
for pattern in 'a//b' 'x/' '../y' '/etc/z' "'[x'" "'[z-a]'"; do
    contains "cannot match: $pattern" "$output" "p.json:2: the pattern $pattern matches nothing"
done

contains "and so says the check" "$("$NONO" profile check ./p.json)" \
    "warning: p.json:2: the pattern a//b matches nothing"
contains "why" "$("$NONO" why -p ./p.json rules/one 2>&1)" "an instruction file: not signed"
lacks "why, another file" "$("$NONO" why -p ./p.json AGENTS.md 2>&1)" "an instruction file:"

scenario "signers of a profile add up"
echo "bob@example.org $(cut -d' ' -f1,2 "$T/home/other.pub")" >"$OUT/more"
printf '{ "extends": "default", "trust": { "signers": ["%s", "%s"] } }' "$SIGNERS" "$OUT/more" >"$OUT/p.json"
signed AGENTS.md "by bob" "$T/home/other"
signed CLAUDE.md "by alice"
run -p "$OUT/p.json" -- cat AGENTS.md CLAUDE.md
equal "both" "$status $output" "0 by bob
by alice"
echo "nobody" >>"$OUT/more"
run -p "$OUT/p.json" -- true
contains "the line of the second one" "$output" "more:2: not"

scenario "nono trust"
rm -f AGENTS.md.sig CLAUDE.md.sig
contains "list" "$("$NONO" trust list)" "No signer is allowed."
"$NONO" trust allow-signer alice@example.org "$T/home/key.pub" >/dev/null
equal "a second time" "$("$NONO" trust allow-signer alice@example.org "$T/home/key.pub")" \
    "alice@example.org may sign already"
"$NONO" trust allow-signer x "$T/home/key" >/dev/null 2>&1
equal "a private key is none" "$?" 1
"$NONO" trust allow-signer 'x y' "$T/home/key.pub" >/dev/null 2>&1
equal "nor is that a name" "$?" 1
equal "signing says one line" "$("$NONO" trust sign --key "$T/home/key" CLAUDE.md 2>&1)" \
    "CLAUDE.md: signed, in $PWD/CLAUDE.md.sig"
output=$("$NONO" trust sign --key /not/there CLAUDE.md 2>&1)
contains "no such key" "$? $output" "1 nono trust: --key /not/there: No such file"
"$NONO" trust sign --key "$T/home/key" CLAUDE.md 2>/dev/null >/dev/null
equal "signing, also again" "$?" 0
equal "verify" "$("$NONO" trust verify CLAUDE.md; echo $?)" "CLAUDE.md: signed by alice@example.org
0"
equal "verify, not signed" "$("$NONO" trust verify AGENTS.md CLAUDE.md; echo $?)" "AGENTS.md: not signed
CLAUDE.md: signed by alice@example.org
1"
no_signature() { # WHAT REASON
    equal "verify, $1 in the signature's place" "$(timeout 20 "$NONO" trust verify AGENTS.md; echo $?)" \
        "AGENTS.md: the signature $PWD/AGENTS.md.sig: $2
1"
    rm -r AGENTS.md.sig
}
mkfifo AGENTS.md.sig; no_signature "a pipe" "not a regular file"
mkdir AGENTS.md.sig; no_signature "a directory" "not a regular file"
ln -s /dev/zero AGENTS.md.sig; no_signature "a link" "a symbolic link is not followed"
head -c 70000 /dev/zero >AGENTS.md.sig; no_signature "what is too large" "too large"
mkdir large && head -c 4194305 /dev/zero >large/SKILL.md && mkfifo large/pipe
equal "what no session verifies is not signed" \
    "$(timeout 20 "$NONO" trust sign --key "$T/home/key" large/SKILL.md large/pipe large 2>&1; echo $?; LC_ALL=C ls large)" \
    "nono trust: large/SKILL.md: not signed: too large: at most 4 MiB are verified
nono trust: large/pipe: not signed: not a regular file
nono trust: large: not signed: not a regular file
1
SKILL.md
pipe"
equal "nor verified" "$("$NONO" trust verify large/SKILL.md; echo $?)" "large/SKILL.md: too large: at most 4 MiB are verified
1"
truncate -s -1 large/SKILL.md
"$NONO" trust sign --key "$T/home/key" large/SKILL.md >/dev/null
equal "one byte less is" "$("$NONO" trust verify large/SKILL.md)" "large/SKILL.md: signed by alice@example.org"
rm -r large
equal "list" "$("$NONO" trust list --jsonl . | rows "sorted((r['file'], r['signer']) for r in rows if '/' not in r['file'])")" \
    "[('AGENTS.md', ''), ('CLAUDE.md', 'alice@example.org')]"
run -- cat CLAUDE.md AGENTS.md
equal "and a session knows" "$status $(log_rows "sorted((r['verdict'], r['by']) for r in of(kind='decision'))")" \
    "1 [('allow', 'trust'), ('deny', 'trust')]"
"$NONO" trust >/dev/null 2>&1
equal "usage" "$?" 2
run -- cat "$T/home/.config/nono/allowed_signers"
contains "the sandbox cannot name its own signers" "$output" "Permission denied"

finish
