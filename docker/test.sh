#!/usr/bin/env bash
# All tests: set-up, lint, Go tests, then every notebook in small. One failure does not stop the rest; the last line is the count.
set -uo pipefail
cd "$(dirname "$0")/.."

results=.tools/test/results.json
mkdir -p .tools/test
: >"$results"
summarise() { "${PYTHON:-python3}" docker/summarise.py "$@"; }

# These link no GoMLX, whose C++ side the race detector does not see, and are the ones with goroutines of our own.
racy='cosmology fft field nbody camels fetch suite summary likelihood tracking validation'

# stage NAME COMMAND…: a check that is not a Go test.
stage() {
	local name=$1 status=0 start=$SECONDS
	shift
	echo "== $name"
	"$@" || status=$?
	summarise record "$results" checks "$name" "$status"
	[ "$status" = 0 ] && echo "ok   $name ($((SECONDS - start)) s)" || echo "FAIL $name (status $status, $((SECONDS - start)) s)"
	return "$status"
}

# go_tests NAME ARGUMENT…: an exit status that no failed test explains counts as a failure of its own.
go_tests() {
	local name=$1 before status
	shift
	echo "== $name"
	before=$(grep -c '"fail"' "$results")
	go test -timeout 40m -json "$@" 2>&1 | summarise follow "$results"
	status=${PIPESTATUS[0]}
	if [ "$status" != 0 ] && [ "$(grep -c '"fail"' "$results")" = "$before" ]; then
		summarise record "$results" checks "$name" "$status"
	fi
}

# books ARGUMENT…: the notebooks, each of which counts as a test; the run directory is new, so that every step is made.
# Without a module proxy: after set-up they need no network.
books() {
	local run=.tools/test/run before status=0
	rm -rf "$run"
	before=$(grep -c '"fail"' "$results")
	GOPROXY=off .venv/bin/python notebooks/run.py --preset smoke --run "$run" --report "$results" "$@" || status=$?
	if [ "$status" != 0 ] && [ "$(grep -c '"fail"' "$results")" = "$before" ]; then
		summarise record "$results" checks "notebooks $*" "$status"
	fi
	[ "$status" = 130 ] && exit 130
	rm -rf "$run"
}

stage setup make setup || {
	summarise close "$results"
	exit 1
}
stage lint make lint

race=() plain=()
for package in $(go list ./pkg/... 2>/dev/null); do
	room=${package#darkfield/pkg/}
	case " $racy " in *" $room "*) race+=("$package") ;; *) plain+=("$package") ;; esac
done
# The race detector makes simulations ten times slower: the long ones run without it.
go_tests 'Go tests with the race detector' -race -short "${race[@]}"
go_tests 'Go tests' "${plain[@]}" ./pkg/suite ./pkg/nbody

echo '== notebooks, toy universes'
books
echo '== notebooks, Quijote maps'
if [ -d ../shared ]; then
	stage quijote make quijote && books --data runs/data/quijote
elif [ "${CI:-}" = true ]; then
	echo 'test: CI=true, but ../shared is not there' >&2
	summarise record "$results" checks 'notebooks, Quijote maps' 1
else
	echo 'skipped: ../shared is not there'
	summarise record "$results" checks 'notebooks, Quijote maps' skip
fi

summarise close "$results"
