#!/usr/bin/env bash
# step.sh NAME COMMAND…: runs the command with its output in a log, prints one line with the seconds it took, and on failure
# the end of the log and one line that says what to do.
set -uo pipefail
name=$1
shift
mkdir -p .tools/log
log=.tools/log/${name%% *}.log
start=$SECONDS
printf 'setup: %s …\n' "$name"
if "$@" >>"$log" 2>&1; then
	printf 'setup: %s: done in %d s\n' "$name" $((SECONDS - start))
	: >"$log"
	exit 0
fi
tail -n 25 "$log" >&2
if tail -n 60 "$log" | grep -qiE 'name resolution|no such host|dial tcp|network is unreachable|connection refused|connecttimeout|proxyerror|newconnectionerror|no matching distribution found'; then
	printf 'setup: %s: the package index was not reached: check the network and the proxy settings, then run make setup again (log: %s)\n' "$name" "$log" >&2
else
	printf 'setup: %s failed: the lines above say why; correct that and run make setup again (log: %s)\n' "$name" "$log" >&2
fi
exit 1
