#!/usr/bin/env bash
# govulncheck over all packages. A machine that does not reach the database of vulnerabilities is no fault of the code.
set -uo pipefail
cd "$(dirname "$0")/.."
report=$(GOWORK=off timeout 300 .tools/bin/govulncheck ./... 2>&1)
status=$?
if [ "$status" != 0 ] && grep -qE 'fetching vulnerabilities|no such host|dial tcp' <<<"$report"; then
	echo 'govulncheck: skipped: database not reachable'
	exit 0
fi
echo "$report"
exit "$status"
