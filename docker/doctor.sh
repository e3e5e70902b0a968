#!/usr/bin/env bash
# Shows what darkfield finds on this machine; ends with status 1 when something it needs is missing.
set -uo pipefail
cd "$(dirname "$0")/.."
status=0

show() { printf '%-10s %s\n' "$1" "$2"; }
missing() {
	show "$1" "MISSING: $2"
	status=1
}

problem=$(docker/check.sh 2>&1) && show machine 'has what make setup needs' || missing machine "${problem#setup: }"
command -v go >/dev/null && show Go "$(go env GOVERSION), $(command -v go)"
command -v "${PYTHON:-python3}" >/dev/null && show Python "$("${PYTHON:-python3}" --version), $(command -v "${PYTHON:-python3}")"
command -v go >/dev/null && compiler=$(go env CC) && command -v "$compiler" >/dev/null && show compiler "$("$compiler" --version | head -n 1)"
show cores "$(getconf _NPROCESSORS_ONLN), memory $(awk '/^MemTotal/ {printf "%.0f GiB", $2 / 1048576}' /proc/meminfo 2>/dev/null || echo unknown)"

if [ ! -d .venv ] && [ ! -x .tools/bin/darkfield ]; then
	show darkfield 'not set up yet: run make setup'
	exit $status
fi
if [ -x .venv/bin/jupyter ]; then
	show packages "$(.venv/bin/python -c 'from importlib.metadata import version as v; print("jupyterlab", v("jupyterlab"), "nbclient", v("nbclient"), "numpy", v("numpy"))')"
	kernel=.venv/share/jupyter/kernels/gonb/kernel.json
	if [ -f "$kernel" ] && grep -q "\"$PWD/.tools/bin/gonb\"" "$kernel"; then show kernel "$kernel"; else missing kernel 'run make setup'; fi
else
	missing packages 'no .venv: run make setup'
fi
for tool in gonb goimports darkfield; do
	[ -x ".tools/bin/$tool" ] && show "$tool" ".tools/bin/$tool" || missing "$tool" 'run make setup'
done

if [ -f .tools/pjrt/AUTO ]; then
	show plugin "left to GoMLX's installer (PJRT=auto)"
elif [ -e .tools/pjrt/pjrt_c_api_cpu_plugin.so ]; then
	show plugin "$(readlink -f .tools/pjrt/pjrt_c_api_cpu_plugin.so | sed "s#^$PWD/##")"
else
	missing plugin 'run make setup'
fi
programs=${DARKFIELD_PROGRAMS:-.tools/programs}
if [ "$programs" = off ]; then
	show programs 'not kept (DARKFIELD_PROGRAMS=off)'
elif [ -d "$programs" ]; then
	show programs "$programs, $(find "$programs" -name '*.xla' | wc -l) compiled, $(du -sh "$programs" | cut -f1)"
fi
show backend "GOMLX_BACKEND=${GOMLX_BACKEND:-xla:cpu (default)}"
if [ -e .tools/pjrt/pjrt_c_api_cuda_plugin.so ]; then
	show CUDA "$(readlink -f .tools/pjrt/pjrt_c_api_cuda_plugin.so | sed "s#^$PWD/##")"
	if [ -x .tools/bin/darkfield ]; then
		# lines of "name  value", or the one reason why there is none
		.tools/bin/darkfield dev gpu 2>&1 | sed -e 's/^darkfield: backend: //' -e '/^plugin /d' -e 's/^/           /'
	fi
else
	show CUDA 'not set up; for a GPU of NVIDIA: make setup PJRT=cuda13'
fi
gpu=$(nvidia-smi --query-gpu=name,memory.total --format=csv,noheader 2>/dev/null | head -n 4 | paste -sd ';') || gpu=
show GPU "${gpu:-none seen (nvidia-smi)}"
exit $status
