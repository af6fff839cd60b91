#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Refusals inside what is allowed: --deny, a profile's deny, patterns, nono's own places.
. "$(dirname "$0")/lib.sh"
need git
need make

# A project with a secret; $scenario makes it anew.
project() {
    P=$T/work/p$scenario
    mkdir -p "$P/src/deep" && cd "$P" || exit 1
    echo 'TOKEN=sesame' >.env
    echo 'sample' >.env.example
    echo 'int main(void) { return 0; }' >src/main.c
    printf 'out: src/main.c\n\tcp src/main.c out\n\tmkdir -p build\n\tcp out build/out\n' >Makefile
    printf '\trename() { mv "$$1" "$$2"; }; rename build/out build/done; rm -rf build; mkdir build\n' >>Makefile
    printf '\techo again >build/again && cat build/again\n' >>Makefile
    git init -q . && git add Makefile src && git commit -qm one
}

never_asked() { # NAME
    equal "$1: nobody was asked" "$(log_rows "len([r for r in of(kind='decision') if r['by'] not in ('initial', 'protected')])")" 0
}

# Every way that opens, names or changes $1 (relative) must fail and leave it as it is.
ways_in() { # NAME TARGET OPTIONS...
    local name=$1 target=$2 line
    shift 2
    cp "$target" "$T/tmp/before"
    run --on-ask allow "$@" -- bash -c 'cd '"$P"'; t='"$target"'
        try() { if "$@" >"$TMPDIR/o" 2>&1; then echo "open: $*"; fi; cat "$TMPDIR/o"; rm -f "$TMPDIR/o"; }
        try cat $t
        try cat ./src/../$t
        try cat /proc/self/cwd/$t
        try cat '"$P"'/$t
        try cp $t src/copy
        try ln $t src/hard
        try ln $t hard
        try mv $t src/moved
        try mv $t moved
        try mv Makefile $t
        try ln -f Makefile $t
        try rm -f $t
        try truncate -s 0 $t
        try dd if=/dev/null of=$t
        try chmod 0777 $t
        try touch -d 2001-01-01 $t
        try '"$PYTHON"' -c "import mmap, sys; mmap.mmap(open(sys.argv[1]).fileno(), 0, prot=mmap.PROT_READ)" $t
        try '"$PYTHON"' -c "import os, sys; fd = os.open(sys.argv[1], os.O_PATH); print(open(\"/proc/self/fd/%d\" % fd).read())" $t
        try '"$PYTHON"' -c "import os, sys; fd = os.open(sys.argv[1], os.O_PATH); os.link(\"/proc/self/fd/%d\" % fd, \"src/hard\", follow_symlinks=True)" $t
        ln -s ../$t src/soft && try cat src/soft; rm -f src/soft
        try bash -c ". ./$t"
        exit 0'
    lacks "$name: no way in" "$output" "open: "
    lacks "$name: its content is not seen" "$output" sesame
    equal "$name: it is what it was" "$(cat "$target")" "$(cat "$T/tmp/before")"
    equal "$name: no copy" "$(ls src moved hard 2>/dev/null | grep -E 'copy|hard|moved|soft')" ""
    never_asked "$name"
}

scenario "a denied file in an allowed project"
project
export TMPDIR=$T/tmp
ways_in "--deny .env" .env --deny .env
equal "by the initial policy" "$(log_rows "sorted(set((r['by'], r['reason']) for r in of(kind='decision') if r['resolved'].endswith('.env') and r['verdict'] == 'deny'))")" "[('initial', 'policy_blocked')]"
run --deny .env --on-ask deny -- bash -c 'git status --short && make 2>&1 && ls -A && cat build/again'
equal "git and make beside it" "$status" 0
contains "git sees what is new" "$output" "?? .env"
contains "files made later are there" "$output" "again
again"
contains "it is listed" "$output" .env.example
run --deny .env --on-ask deny -- bash -c 'echo new >fresh && cat fresh && mkdir d && echo x >d/x && mv d e && cat e/x && rm -r e fresh && rm -rf src/deep && mkdir src/deep && echo y >src/deep/y && cat src/deep/y'
equal "what appears beside it needs no restart" "$output" "new
x
y"
run --deny .env --on-ask deny -- cat .env
lacks "nobody is said to have been asked" "$("$NONO" log --color never)" asked
contains "the footer suggests no option" "$output" "denied by the policy"

scenario "it appears later, goes, and comes again"
project
rm .env
run --deny .env --on-ask allow -- bash -c 'echo TOKEN=mine >.env; ls -A .env; echo x >y; mv y .env; ln -s y .env; mkdir .env; rm y; ls -A'
lacks "it can't be made" "$output" "
.env
"
run_background --deny .env --on-ask allow -- bash -c 'echo ready >ready; until [ -e go ]; do :; done; cat .env'
poll test -e ready
echo TOKEN=sesame >.env.new && mv .env.new .env && touch go
join_background
lacks "made outside meanwhile: refused" "$output" sesame
run_background --deny .env --on-ask allow -- bash -c 'rm -f go; echo ready >ready2; until [ -e go ]; do :; done; cat other .env'
poll test -e ready2
mv .env other && touch go
join_background
lacks "renamed outside meanwhile: still refused" "$output" sesame
contains "and said so" "$output" "cat: other: Permission denied"

scenario "another name of it"
project
ln .env src/link
run --deny .env --on-ask allow -- bash -c 'cat src/link; cp src/link src/copy; mv src/link src/moved; rm -f src/link; ls src'
lacks "a hard link from before" "$output" sesame
contains "stays where it is" "$output" "link"
echo plain >src/plain
run --deny .env --on-ask allow -- "$PYTHON" -c '
import os, threading, time
end = time.monotonic() + 1
seen = 0
def flip():
    while time.monotonic() < end:
        for to in ("../src/link", "../src/plain"):
            os.symlink(to, "w/next"); os.rename("w/next", "w/l")
os.mkdir("w"); os.symlink("../src/plain", "w/l")
t = threading.Thread(target=flip); t.start()
while time.monotonic() < end:
    try: seen += "sesame" in open("w/l").read()
    except OSError: pass
t.join()
print("seen", seen)'
equal "nor can a race get it" "$output" "seen 0"

scenario "a denied directory"
project
mkdir -p secrets/inner && echo TOKEN=sesame >secrets/inner/key
run --deny secrets --on-ask allow -- bash -c 'cat secrets/inner/key; ls secrets; mv secrets s; ln -s secrets sl; cat sl/inner/key; rm -rf secrets; cd secrets/inner && cat key; echo x >'"$P"'/secrets/x'
lacks "nothing in it" "$output" sesame
equal "nothing is lost, nothing made" "$(find secrets | sort | tr '\n' ' ')" "secrets secrets/inner secrets/inner/key "
never_asked "a directory"

scenario "what lies above it stays in its place"
project
mkdir -p conf && echo TOKEN=sesame >conf/key
run --deny conf/key --deny later/on/key --on-ask allow -- bash -c 'mv conf c2; ls -d conf; ln -s src later; mv src later; mkdir later && mkdir later/on && echo x >later/on/y && cat later/on/y; mv later l2; echo z >later/on/key; ls later/on'
contains "not moved" "$output" "mv: cannot move 'conf'"
contains "no link in its place" "$output" "ln: failed to create symbolic link 'later'"
contains "no other directory in its place" "$output" "mv: cannot move 'src'"
contains "made where it belongs" "$output" "
x
"
equal "and what it is for is refused" "$(ls later/on)" y

run --deny conf/key --on-ask deny -- mv conf c2
contains "which denial keeps it there" "$output" "(denied by the policy: deny $P/conf/key (--deny))"
equal "is in the record" "$(log_rows "sorted(set((r['by'], r['reason']) for r in of(kind='decision', op='rename')))")" "[('initial', 'policy_blocked')]"
run --deny '*.pem' --on-ask deny -- mv conf "$T/tmp/c2"
contains "a pattern's as well" "$output" "deny $P/**/*.pem (--deny)"

scenario "profiles, and patterns"
project
mkdir -p sub/keys && echo TOKEN=sesame >sub/.env.local && echo TOKEN=sesame >sub/keys/a.pem && echo fine >sub/keys/a.txt
cat >"$T/home/shop.json" <<'END'
// The shop.
{
  "extends": "default",
  "filesystem": {
    "deny": [
      ".env*",
      "$WORKDIR/sub/keys/*.pem"
    ]
  }
}
END
PROFILE=$T/home/shop.json
ways_in "a pattern at any depth" sub/.env.local -p "$PROFILE"
ways_in "a pattern in one directory" sub/keys/a.pem -p "$PROFILE"
run -p "$PROFILE" --on-ask deny -- bash -c 'cat sub/keys/a.txt && echo new >sub/keys/b.txt && cat sub/keys/b.txt && git status --short >/dev/null && make >/dev/null 2>&1 && echo made'
equal "what does not match works" "$output" "fine
new
made"
run -p "$PROFILE" --on-ask allow -- bash -c 'echo x >a; mv a .env9; cp Makefile src/.envrc; mkdir .env.d; ln -s Makefile sub/.envlink; ls -A . src sub | grep -c env'
contains "no match can be made" "$output" "
3"
run -p "$PROFILE" --on-ask allow -- bash -c 'mv sub '"$TMPDIR"'/sub; ls -d sub; cat '"$TMPDIR"'/sub/.env.local; mkdir '"$TMPDIR"'/m; mv '"$TMPDIR"'/m .; mv m n; rmdir n'
contains "no directory is carried out of reach" "$output" "mv: cannot move 'sub'"
lacks "and nothing comes out" "$output" sesame
equal "the rule is in the record" "$(log_rows "sorted(set(r['by'] for r in of(kind='decision') if '.env.local' in r['resolved'] and r['verdict'] == 'deny'))")" "['initial']"

scenario "nobody can grant it"
project
run_background --ui attach --deny .env -- bash -c 'cat .env; cat '"$SECRET"
id=$(wait_request secret.txt)
equal "only the other one waits" "$(pending_rows 'len(rows)')" 1
"$NONO" allow "$id" --session >/dev/null
join_background
lacks "a grant does not reach it" "$output" sesame
contains "while others are granted" "$output" "the content"
run --deny "$OUT" -a "$OUT" --read-file "$SECRET" --on-ask allow -- cat "$SECRET"
lacks "nor an option" "$output" "the content"

scenario "a race for it"
project
echo plain >race
run --deny .env --on-ask allow -- "$PYTHON" -c '
import os, threading, time
end = time.monotonic() + 1
seen = tries = 0
os.mkdir("w")
open("w/plain", "w").write("plain\n")
def flip():
    while time.monotonic() < end:
        for to in (".env", "plain"):
            try: os.symlink("../" + to if to == ".env" else to, "w/next"); os.rename("w/next", "w/l")
            except OSError: pass
t = threading.Thread(target=flip); t.start()
while time.monotonic() < end:
    tries += 1
    try: seen += "sesame" in open("w/l").read()
    except OSError: pass
t.join()
print("tries", tries > 100, "seen", seen)'
equal "a link that flips" "$output" "tries True seen 0"

scenario "nono's own places"
mkdir -p "$XDG_STATE_HOME/nono"
run -a "$T" --on-ask allow --db "$T/work/mine.db" -- bash -c 'cat '"$XDG_STATE_HOME"'/nono/audit.db '"$T"'/work/mine.db; ls -d '"$XDG_STATE_HOME"'/nono; ls '"$XDG_STATE_HOME $T/home"'; ls '"$XDG_STATE_HOME"'/nono; ls '"$T"'/run/nono; ln -s '"$T"'/work '"$T"'/home/.config; mkdir -p '"$T"'/home/.config/nono; mv '"$XDG_STATE_HOME"' '"$T"'/s'
contains "the database wherever it is" "$output" "mine.db: Permission denied"
contains "ancestors can be listed" "$output" "$XDG_STATE_HOME:
nono"
contains "not the directory itself" "$output" "cannot open directory '$XDG_STATE_HOME/nono'"
contains "nor the runtime directory" "$output" "cannot open directory '$T/run/nono'"
contains "a configuration can't be planted" "$output" "mkdir: cannot create directory"
contains "nor be linked to" "$output" "ln: failed to create symbolic link '$T/home/.config'"
contains "what lies above stays" "$output" "mv: cannot move '$XDG_STATE_HOME'"

scenario "programs, and without the floor"
project
cp /bin/true tool && ln tool src/tool2
run --deny tool --on-ask allow -- bash -c './tool && echo ran; src/tool2 && echo ran; '"$(ls /lib64/ld-linux-*.so.* /lib/ld-linux-*.so.* 2>/dev/null | head -n 1)"' ./tool && echo ran; cp tool t; git --version'
lacks "a denied program does not run" "$output" ran
contains "others do" "$output" "git version"
run --without-landlock --deny .env --on-ask allow -- bash -c 'cat .env; cat /proc/self/cwd/.env; ln .env l; mv .env m; cat Makefile | head -n 1'
lacks "without the floor" "$output" sesame
contains "and beside it" "$output" "out: src/main.c"

scenario "a name means every depth, as in a profile"
project
mkdir -p sub/deep "$T/home/own" && echo TOKEN=sesame >sub/deep/.env && echo TOKEN=sesame >sub/k.pem
echo TOKEN=sesame >top.pem && ln top.pem src/other && echo TOKEN=sesame >"$T/home/own/key"
ways_in "a name below" sub/deep/.env --deny .env
ways_in "and here" .env --deny .env
ways_in "a pattern below" sub/k.pem --deny '*.pem'
ways_in "by its other name" src/other --deny '*.pem'
for own in '~/own' '$HOME/own' '$HOME/own/k*'; do
    run -a "$T/home/own" --deny="$own" --on-ask allow -- cat "$T/home/own/key"
    lacks "$own is the home" "$output" sesame
done
run --deny='$WORKDIR/.env' --on-ask allow -- cat .env sub/deep/.env
equal "\$WORKDIR/.env is this one alone" "$(grep -c sesame <<<"$output")" 1
run --deny ./.env --on-ask allow -- cat .env sub/deep/.env
equal "and so is ./.env" "$(grep -c sesame <<<"$output")" 1
run --deny='$TMPDIR/x' -- bash -c 'echo x >$TMPDIR/x; ls $TMPDIR/x'
contains "\$TMPDIR" "$output" "cannot access '$TMPDIR/x'"
run --read='~/own' --on-ask deny -- cat "$T/home/own/key"
contains "other options take them too" "$output" sesame
run --allow-file='$HOME/own/key' --on-ask deny -- cat "$T/home/own/key"
contains "of files as well" "$output" sesame
equal "nothing is called ~" "$(find "$P" "$T/home" -name '~*')" ""

scenario "mistakes"
run --deny='~other/x' -- true
equal "another's home" "$status" 125
contains "is an error" "$output" "--deny '~other/x': the home of another user (~NAME) is not looked up"
run --read='$NOWHERE/x' -- true
contains "so is an unknown variable" "$output" "unknown variable (there are \$HOME, \$WORKDIR and \$TMPDIR)"
run --deny '' -- true
equal "an empty path" "$status" 125
contains "is named" "$output" "--deny '': not a path"
run --deny 'x/*/../y' -- true
contains "dots behind a pattern" "$output" 'no "." or ".." behind a pattern'
for pattern in '**/[' '[' 'x/[a' '[z-a]' '*/[!'; do
    run --deny "$pattern" -- true
    contains "$pattern is an error" "$status $output" "125 nono: --deny "
    contains "that says why" "$output" " a ["
done
printf '{"extends": "default", "filesystem": {\n"deny": ["[z-a]"]}}' >"$T/home/bad.json"
run -p "$T/home/bad.json" -- true
contains "file and line, too" "$output" "bad.json:2: '"
contains "of a pattern that matches nothing" "$output" "a [ ] holds no character"
run -p nowhere -- true
equal "no such profile" "$status" 125
contains "says where to look" "$output" "no profile named nowhere"
run -p "$PROFILE" -p default -- true
contains "two profiles" "$output" "given twice"
echo '{"filesystem": {"alow": []},' >"$T/home/bad.json"
run -p "$T/home/bad.json" -- true
contains "file and line" "$output" "bad.json:2:"
finish
