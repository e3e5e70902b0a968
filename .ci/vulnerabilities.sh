#!/usr/bin/env bash
# govulncheck over all packages. A machine that does not reach the database of vulnerabilities is no fault of the code.
set -uo pipefail
cd "$(dirname "$0")/.."
report=$(GOWORK=off timeout 300 .tools/bin/govulncheck ./... 2>&1)
status=$?
if [ "$status" != 0 ] && grep -qE 'fetching vulnerabilities|vuln\.go\.dev|no such host|dial tcp' <<<"$report"; then
	echo "govulncheck: skipped: database not reachable: $(grep -m 1 -E 'vuln|dial' <<<"$report")"
	exit 0
fi
echo "$report"
exit "$status"
