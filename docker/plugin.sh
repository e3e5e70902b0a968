#!/usr/bin/env bash
# plugin.sh wheel|openxla|auto|cuda13|cuda12: puts an XLA plugin where pkg/backend looks for it. For the CPU that is one
# of two Python wheels, or GoMLX's installer fetches it (auto); one for CUDA lies beside that of the CPU.
set -euo pipefail
cd "$(dirname "$0")/.."
pjrt=.tools/pjrt
mkdir -p $pjrt

# link NAME FILE: a link, which pkg/backend follows: a plugin finds its libraries from where it really lies.
link() {
	[ -f "$2" ] || {
		echo "setup: there is no $2: the package that brings it has changed, see docker/pyproject.toml" >&2
		exit 1
	}
	ln -sfn "../../$2" "$pjrt/$1"
}

case $1 in
wheel | openxla | auto) rm -f $pjrt/AUTO $pjrt/{wheel,openxla,auto}.stamp $pjrt/pjrt_c_api_cpu_plugin.so ;;
cuda13 | cuda12) rm -f $pjrt/cuda*.stamp $pjrt/pjrt_c_api_cuda_plugin.so ;;
*)
	echo "setup: PJRT=$1 is unknown: choose wheel, openxla, cuda13, cuda12 or auto" >&2
	exit 1
	;;
esac
case $1 in
wheel) link pjrt_c_api_cpu_plugin.so .venv/lib/python3.*/site-packages/fastatomstruct_xla_cpu/libpjrt_cpu.so ;;
openxla) link pjrt_c_api_cpu_plugin.so .tools/venv/openxla/lib/python3.*/site-packages/xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so ;;
auto)
	: >$pjrt/AUTO
	echo "setup: PJRT=auto: GoMLX fetches the plugin on first use (needs the open internet; untried)"
	;;
*)
	link pjrt_c_api_cuda_plugin.so .tools/venv/"$1"/lib/python3.*/site-packages/jax_plugins/xla_"$1"/xla_cuda_plugin.so
	echo "setup: PJRT=$1: GOMLX_BACKEND=xla:cuda computes on the GPU; make doctor shows whether it can"
	;;
esac
touch "$pjrt/$1.stamp"
