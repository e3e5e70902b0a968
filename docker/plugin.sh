#!/usr/bin/env bash
# plugin.sh wheel|auto: puts the XLA plugin of the Python wheel where pkg/backend looks for it, or leaves it to GoMLX's installer.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .tools/pjrt
rm -f .tools/pjrt/AUTO .tools/pjrt/*.stamp .tools/pjrt/pjrt_c_api_cpu_plugin.so
case $1 in
wheel)
	plugin=$(echo .venv/lib/python3.*/site-packages/fastatomstruct_xla_cpu/libpjrt_cpu.so)
	[ -f "$plugin" ] || {
		echo "setup: the wheel fastatomstruct-xla-cpu holds no libpjrt_cpu.so: see docker/requirements.in" >&2
		exit 1
	}
	ln -s "../../$plugin" .tools/pjrt/pjrt_c_api_cpu_plugin.so
	;;
auto)
	: >.tools/pjrt/AUTO
	echo "setup: PJRT=auto: GoMLX fetches the plugin on first use (needs the open internet; untried)"
	;;
*)
	echo "setup: PJRT=$1 is unknown: choose wheel or auto" >&2
	exit 1
	;;
esac
touch ".tools/pjrt/$1.stamp"
