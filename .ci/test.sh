#!/usr/bin/env bash
# All tests under one count: lint, Go tests, then every notebook in small. One failure does not stop the rest; the last
# line is gotestsum's count. `make test` calls this after make setup; every result is kept in .tools/test/events.json.
#
# test.sh events prints the results as `go test -json` does. With BROWSER=true every notebook is also run by mouse in a
# real browser, on what the run before it left, so that most cells are quick.
set -uo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" != events ]; then
	mkdir -p .tools/test
	# Progress goes past gotestsum, which takes what a test command says on stderr for an error.
	exec .tools/bin/gotestsum --format pkgname --format-hide-empty-pkg --jsonfile .tools/test/events.json \
		--raw-command -- .ci/test.sh events 3>&2
fi
exec 2>&3
failed=0

# as_test NAME COMMAND…: a check that is no Go test, told in the words of one.
as_test() {
	local name=$1 start=$SECONDS
	shift
	{
		echo "=== RUN   $name"
		if "$@" 2>&1; then verdict=PASS; else verdict=FAIL; fi
		printf -- '--- %s: %s (%d.00s)\n%s\n' "$verdict" "$name" $((SECONDS - start)) "$verdict"
		[ "$verdict" = PASS ]
	} | go tool test2json -t -p "darkfield/$name" || failed=1
}

go_tests() { go test -timeout 40m -json "$@" || failed=1; }

# books NAME ARGUMENT…: notebooks, each of which is a test; the run directory is new, so that every step is made, and
# stays. Without a module proxy: after set-up they need no network.
books() {
	local name=$1 run=.tools/test/$1
	shift
	rm -rf "$run"
	GOPROXY=off .venv/bin/python notebooks/run.py --preset smoke --run "$run" --as-tests --at-once 2 "$@" |
		go tool test2json -t -p "darkfield/$name"
}

as_test lint make lint
# The race detector makes everything ten times slower and does not see the C++ side of GoMLX: it watches, in short, the
# packages without GoMLX that start goroutines.
go_tests -race -short ./pkg/suite ./pkg/summary ./pkg/validation ./pkg/fetch ./pkg/tracking
go_tests ./pkg/...
# Every notebook on our own universes. Beside them, for a cell leaves one of two cores waiting, those that treat a set of
# maps otherwise when it is given: on the Quijote maps.
given=
if [ -d ../shared ]; then
	as_test quijote make quijote
	books notebooks-quijote --data runs/data/quijote --only 01,02,03,04,06 >.tools/test/given.json &
	given=$!
elif [ "${CI:-}" = true ]; then
	as_test quijote sh -c 'echo "CI=true, but ../shared is not there"; exit 1'
else
	echo 'test: no ../shared: the notebooks are not run on the Quijote maps' >&2
fi
books notebooks || failed=1
[ "${BROWSER:-}" != true ] || as_test browser make browser-test RUN="$PWD/.tools/test/notebooks"
if [ -n "$given" ]; then
	wait "$given" || failed=1
	cat .tools/test/given.json
fi
rm -rf .tools/test/notebooks .tools/test/notebooks-quijote
exit "$failed"
