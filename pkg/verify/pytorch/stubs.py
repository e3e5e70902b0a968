"""Lets the CUDA build of PyTorch start without CUDA: writes empty stand-ins for the libraries that it links.

The Linux wheel of the package index links gigabytes of CUDA libraries, which a comparison on the CPU never calls. Each that
is not installed is replaced, beside PyTorch's own libraries in this virtual environment, by a small one with the same
symbols, all of which abort. On other systems nothing is missing and nothing is written. Needs a C compiler and readelf.
"""

import importlib.util
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

# Not the driver, libcuda.so: a machine with a GPU has its own, and nothing links it at the start.
CUDA = re.compile(r"lib(cu(?!da\.)|nv|nccl)")
# Symbols without a version do not say which library they are from; these prefixes are CUDA's.
PLAIN = re.compile(r"(nccl|cuFile|cusparseLt|nvshmem|cudnn|cu[A-Z])\w+$")


def readelf(option: str, library: Path) -> str:
    return subprocess.run(["readelf", "-W", option, library], check=True, capture_output=True, text=True).stdout


def wanted(libraries: list[Path]) -> tuple[set[str], dict[str, set[str]], dict[str, set[str]], set[str]]:
    """Returns the CUDA libraries that are linked, the versions of each, the symbols of each version, and the rest."""
    needed, versions, versioned, plain = set(), defaultdict(set), defaultdict(set), set()
    for library in libraries:
        needed.update(n for n in re.findall(r"NEEDED.*\[(.+)\]", readelf("-d", library)) if CUDA.match(n))
        file = ""
        for line in readelf("-V", library).splitlines():
            if match := re.search(r"File: (\S+)", line):
                file = match[1]
            elif (match := re.search(r"Name: (\S+)\s+Flags", line)) and CUDA.match(file):
                versions[file].add(match[1])
        for symbol, version in re.findall(r" UND (\w+)(?:@(\S+))?", readelf("--dyn-syms", library)):
            if version:
                versioned[version].add(symbol)
            elif PLAIN.match(symbol):
                plain.add(symbol)
    return needed, versions, versioned, plain


def build(target: Path, blocks: dict[str, set[str]]) -> None:
    """Compiles a library with the symbols of each version; the version '' is none."""
    with tempfile.TemporaryDirectory() as scratch:
        source, script = Path(scratch, "stub.c"), Path(scratch, "stub.map")
        lines = [f"void {s}(void) {{ __builtin_trap(); }}" for s in sorted(set().union(*blocks.values()))]
        source.write_text("\n".join(lines) + "\n")
        parts = [f"{v} {{ global: {' '.join(f'{s};' for s in sorted(symbols))} }};" for v, symbols in blocks.items() if v]
        script.write_text("\n".join(parts) + "\n")
        command = ["cc", "-shared", "-fPIC", "-fno-builtin", "-nostdlib", "-w", f"-Wl,-soname,{target.name}", "-o", target, source]
        subprocess.run(command + ([f"-Wl,--version-script,{script}"] if parts else []), check=True)


def main() -> None:
    home = Path(importlib.util.find_spec("torch").origin).parent
    if not sys.platform.startswith("linux"):
        return
    here = home / "lib"
    needed, versions, versioned, plain = wanted([*here.glob("*.so"), *home.glob("_C*.so")])
    installed = {p.name for p in home.parent.glob("nvidia/*/lib/*.so*")}
    for name in sorted(needed - installed - {p.name for p in here.iterdir()}):
        blocks = {v: versioned[v] for v in versions[name]} or {"": plain}
        build(here / name, blocks)
        print(f"{name}: {sum(len(s) for s in blocks.values())} symbols")


if __name__ == "__main__":
    main()
