#!/bin/sh
# Shares a file or folder, and waits until that is done: curl.sh API.JSON PATH
# API.JSON is api.json in the daemon's state directory.
set -eu
[ $# = 2 ] || { echo "usage: $0 API.JSON PATH" >&2; exit 2; }

# A daemon that was killed leaves its api.json behind, and somebody else may listen there by now: as
# long as it runs it holds the file "lock" beside it.
lock=$(dirname "$1")/lock
[ -e "$lock" ] || { echo "no daemon runs there" >&2; exit 3; }
grep -q "FLOCK.*:$(stat -c %i "$lock") " /proc/locks || { echo "no daemon runs there" >&2; exit 3; }

value() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }
url=$(value url <"$1")
token=$(value token <"$1")
path=$(printf '%s' "$2" | sed 's/[\\"]/\\&/g')

# With "wait" the answer comes when the files are hashed.  The token goes by standard input, for
# everybody on the machine can read the arguments of a program.
call='{"jsonrpc": "2.0", "id": 1, "method": "bt.add_path", "params": {"path": "'$path'", "wait": true}}'
answer=$(printf 'Authorization: Bearer %s\n' "$token" |
    curl --silent --show-error --fail --header @- --header 'Content-Type: application/json' \
        --data-raw "$call" "$url")
case $answer in
    *'"error":'*)
        printf '%s\n' "$answer" | value message >&2
        exit 1
        ;;
esac
printf '%s\n' "$answer" | value hash
