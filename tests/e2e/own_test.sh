#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# I7: what nono reads at its next start cannot be made, changed or replaced by the sandbox, whatever
# links lead there.
. "$(dirname "$0")/lib.sh"

POLICY='{"filesystem":{"allow":["/usr","/bin","/lib","/lib64","/etc","/var"]}}'
plant() { # DIRECTORY
    echo "mkdir -p $1/profiles && echo '$POLICY' >$1/profiles/default.json"
}

# A home of its own for each; the next session must refuse as before.
attack() { # NAME PREPARE COMMAND [VARIABLE=VALUE]
    local name=$1 HOME=$T/homes/$scenario
    export HOME
    mkdir -p "$HOME/proj"
    cd "$HOME/proj" || exit 1
    eval "$2"
    (unset XDG_STATE_HOME XDG_CONFIG_HOME
        [ -z "${4:-}" ] || export "${4//@HOME/$HOME}"
        timeout 60 "$NONO" run --ui none --on-ask deny -a "$HOME" -- bash -c "$3" >"$T/tmp/out" 2>&1)
    output=$(unset XDG_STATE_HOME XDG_CONFIG_HOME
        timeout 60 "$NONO" run --ui none --on-ask deny -- cat "$SECRET" 2>&1)
    lacks "$name" "$output" "$(cat "$SECRET")"
    contains "$name: it was tried" "$(cat "$T/tmp/out")" "Permission denied"
    cd "$T/work" || exit 1
}

scenario "nothing is there yet"
attack "a profile is planted" : "$(plant '~/.config/nono')"

scenario "links lead to the configuration"
links='cd ..; mkdir -p dot/config/nono dot/local/state; ln -s dot/config .config; ln -s dot/local .local; cd proj'
attack "the link is moved away" "$links" "mv ~/.config ~/x1 && $(plant '~/.config/nono')"

scenario "the link is replaced by another"
attack "by another link" "$links" "ln -s proj ~/n; mv -T ~/n ~/.config; $(plant '~/proj/nono')"

scenario "what the link leads to is moved"
attack "its directory" "$links" "mv ~/dot ~/x1 && $(plant '~/dot/config/nono')"

scenario "the record moves away"
attack "the state" "$links" "mv ~/.local ~/x2"
equal "the link is there" "$(readlink "$T/homes/$scenario/.local")" dot/local

scenario "a link that leads nowhere"
attack "at its end" 'ln -s dot/config ~/.config' "$(plant '~/dot/config/nono')"

scenario "a link that leads nowhere, removed"
attack "in its place" 'ln -s dot/config ~/.config' "rm ~/.config; $(plant '~/.config/nono')"

scenario "the profiles are a link"
attack "what it leads to" 'mkdir -p ~/.config/nono ~/dot/profiles; ln -s ../../dot/profiles ~/.config/nono/profiles' \
    "echo '$POLICY' >~/dot/profiles/default.json"

scenario "a profile is a link"
attack "what it leads to" 'mkdir -p ~/.config/nono/profiles ~/dot; echo "{\"extends\":\"default\"}" >~/dot/d.json; ln -s ../../../dot/d.json ~/.config/nono/profiles/default.json' \
    "echo '$POLICY' >~/dot/d.json; rm -f ~/dot/d.json; mv ~/dot/d.json ~/x; echo '$POLICY' >~/n; mv ~/n ~/dot/d.json"

scenario "a session that looks elsewhere itself"
attack "the usual place" 'mkdir -p ~/xc' "$(plant '~/.config/nono')" "XDG_CONFIG_HOME=@HOME/xc"

scenario "the signers are a link"
attack "what it leads to" 'mkdir -p ~/.config/nono ~/dot; echo "# none" >~/dot/as; ln -s ../../dot/as ~/.config/nono/allowed_signers' \
    'echo "# evil" >>~/dot/as'
equal "it is as it was" "$(cat "$T/homes/$scenario/dot/as")" "# none"

scenario "links on the way to the database"
mkdir -p real
ln -s real way
run --on-ask deny --db way/x.db -- bash -c 'rm way; mv way y; mv real z; cat way/x.db; echo done'
contains "it goes on" "$output" done
equal "they are as they were" "$(readlink way)" real
equal "and the record is whole" "$("$NONO" log --db way/x.db --jsonl | grep -c '"kind":"decision"' | sed 's/^[1-9].*/some/')" some

scenario "what is no link is protected by its directory, and not looked at"
if can command -v strace; then
    mkdir -m 700 run run/nono
    "$PYTHON" -c 'import socket; socket.socket(socket.AF_UNIX).bind("run/nono/other.sock")'
    ln -s "$OUT" run/nono/link
    # Under a tracer there is no looking for leaks.
    XDG_RUNTIME_DIR=$PWD/run ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 \
        strace -qq -o trace -e trace=%file "$NONO" why --read "$SECRET" >/dev/null
    contains "a link is" "$(cat trace)" "$PWD/run/nono/link"
    lacks "a socket of another session" "$(cat trace)" "$PWD/run/nono/other.sock"
fi
finish
