#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A wrong value of an option: the message names the option, the value, and what is accepted.
. "$(dirname "$0")/lib.sh"
scenario "every option that takes a value"
run -- true
session=$("$NONO" ps --all --jsonl | rows 'rows[0]["session"]')
echo "me@example.org" >"$T/tmp/noise"

# The options of each command that were tried, or take any text.
declare -A seen

any() { # COMMAND OPTION...
    local command=$1 option
    shift
    for option; do
        seen["$command $option"]=1
    done
}

wrong() { # COMMAND OPTION VALUE SAYS ARGUMENT...
    local command=$1 option=$2 value=$3 says=$4 want=2
    shift 4
    seen["$command $option"]=1
    # shellcheck disable=SC2086
    output=$("$NONO" $command "--$option=$value" "$@" 2>&1 </dev/null)
    status=$?
    [ "$command" != run ] || want=125
    [ "$command" != trust ] || want=$status
    [ "$says" != file ] || want=$status says="No such file or directory"
    # The short name of --read-dir is that of --read of nono run.
    case $output in
    *"--${option%-dir}"*) [[ $output != *"$value"* || $output != *"$says"* ]] || output=named ;;
    esac
    equal "$command --$option" "$([ $status = 0 ] || echo $status) $output" "$want named"
}

number() { # COMMAND OPTION MIN MAX ARGUMENT...
    local command=$1 option=$2 min=$3 max=$4 value
    shift 4
    for value in x 1x 99999999999999999999; do
        wrong "$command" "$option" "$value" "not a number from $min to $max" "$@"
    done
}

number run ask-timeout 0 3153600000 true
number run ask-rate 1 1000000 true
number run ask-burst 1 1000000 true
number run proxy-port 1 65535 true
wrong run trust maybe "not one of deny, warn, audit" true
wrong run net maybe "not one of ask, allow, block" true
wrong run unix-sockets maybe "not one of ask, allow, block" true
wrong run exec maybe "not one of allow, ask" true
wrong run ui maybe "not one of split, attach, tmux, plain, none" true
wrong run on-ask maybe "not one of ui, deny, allow" true
wrong run audit maybe "not one of required, besteffort" true
wrong run workdir-access maybe "not one of none, read, write, readwrite" true
wrong run allow-connect here "no port (HOST:PORT, * for any port)" true
wrong run allow-bind here "not a port, or two with - between them" true
for option in allow read write allow-file read-file write-file profile trust-signers db \
    allow-unix-socket allow-unix-socket-dir allow-unix-socket-dir-bind allow-unix-socket-subtree \
    allow-unix-socket-subtree-bind; do
    wrong run "$option" ./not/there file true
done
wrong run read /etc/passwd "not a directory (for one file: --read-file)" true
wrong run read-file /etc "is a directory (for a whole directory: --read)" true
wrong run read '$NOWHERE/x' "unknown variable (there are \$HOME, \$WORKDIR and \$TMPDIR)" true
wrong run deny '~other/x' "the home of another user (~NAME) is not looked up: write its path; a file of that name is ./" true
wrong run deny 'a*/../b' 'no "." or ".." behind a pattern' true
wrong run trust-signers "$T/tmp/noise" "noise:1: " true
wrong run profile nowhere "no profile named" true
for option in profile trust-signers db; do
    wrong run "$option" '~/x' "the shell has left the ~ as it is" true
done
any run name notify allow-unix-socket-bind

wrong why exec-mode maybe "not one of allow, ask" x
wrong why read-dir ./not/there file x
any why write-dir db
wrong allow for soon "not a length of time: 90s, 15m, 2h" 1
wrong allow reach far "not one of object, dir, subtree, port, host" 1
any allow note in
wrong deny reach far "not one of object, dir, subtree, port, host" 1
any deny for note in
number log lines 1 9223372036854775807
wrong log color maybe "not one of auto, always, never"
wrong log group maybe "not one of exe, dir, host, rule, day" --stats
wrong log pid x "not a number"
wrong log port 99999 "ports up to 65535"
wrong log host 10.0.0.0/99 "neither a host nor a network"
wrong log port x "not a number"
wrong log since x "not a time ("
wrong log until x "not a time ("
wrong log waited x "not a length of time ("
wrong log grep '[' "Invalid"
wrong log decision maybe "not one of allow, deny, expired, withdrawn"
wrong log by maybe "not one of initial, rule, user"
wrong log op maybe "not one of read, write"
wrong log risk maybe "not one of none, notice, high"
wrong log kind maybe "not one of session_start"
wrong log path '' "empty"
wrong log db '~/x' "the shell has left the ~ as it is"
any log exe host session
wrong replay speed x "not a number from 0.01 to 10000"
wrong replay idle x "not a length of time (2s, 500ms)"
wrong replay color maybe "not one of auto, always, never"
wrong replay policy nowhere "no profile named"
wrong show color maybe "not one of auto, always, never" 1
any show in db
number prune keep-days 0 100000
number prune keep-mb 1 1073741824
any prune db
wrong export format maybe "not one of sqlite, jsonl, csv, otlp, cast" "$session"
wrong export output '~/x' "the shell has left the ~ as it is" "$session"
any export checkpoint db
wrong report output /not/there file "$session"
any report db
wrong verify key x "not 64 hexadecimal digits"
wrong verify against ./not/there file
wrong verify anchor ./not/there file
any verify db
any trust key profile trust-signers
any ui notify
any "profile from-session" db
for command in ps grants revoke import; do
    any "$command" db in
done

for command in log show replay report verify export import prune; do
    fits "no line of nono $command --help is wider than a terminal" "$("$NONO" $command --help)" 80
done

# What --help names and the table does not.
for command in run why allow deny log replay show prune export report verify trust ui ps grants revoke import pending; do
    for option in $("$NONO" $command --help | grep -oE -- '--[a-z-]+ [A-Z|<'"'"'][A-Z|:>'"'"'-]*' | sed 's/^--//; s/ .*//' | sort -u); do
        case $command in
        why) [ -n "${seen["run $option"]:-}" ] && continue ;;
        replay | report | export) [ -n "${seen["log $option"]:-}" ] && continue ;;
        esac
        [ -n "${seen["$command $option"]:-}" ] || fail "$command --$option is in the table"
    done
done
finish
