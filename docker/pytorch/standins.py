"""standins.py SITE_PACKAGES: lets PyTorch's Linux build for CUDA start without NVIDIA's libraries.

Their wheels are some gigabytes, and on a CPU nothing of them is ever called: the loader only wants to see every library and every
name that PyTorch was linked against. For each library that is not there this compiles one that holds these names, and in which
any call ends the program. The small CUDA runtime is the real one (requirements.txt).
"""

import pathlib
import re
import subprocess
import sys
import tempfile

NVIDIA = re.compile(r"lib(cu|nv|nccl)")
# Names without a version do not say whose they are.
UNVERSIONED = re.compile(r"(nccl|nvshmem|cupti|cuFile|cusparseLt)[A-Z_]\w*|cu(?!da)[A-Z]\w*")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needs(library):
    """The libraries that a library was linked with, and {version: library} of the names that it takes from them."""
    names = re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "--dynamic", "--wide", library))
    versions, source = {}, None
    for line in output("readelf", "--version-info", "--wide", library).splitlines():
        if found := re.search(r"File: (\S+)", line):
            source = found[1]
        elif source and (found := re.search(r"Name: (\S+)\s+Flags", line)):
            versions[found[1]] = source
    return names, versions


def main(site):
    there = {path.name for path in [*site.glob("torch/lib/*.so*"), *site.glob("nvidia/**/*.so*")]}
    libraries = set()
    functions = {}  # library → version or None → names
    for library in site.glob("torch/lib/*.so"):
        names, versions = needs(library)
        missing = {name for name in names if NVIDIA.match(name) and name not in there}
        libraries |= missing
        for line in output("nm", "--dynamic", "--undefined-only", library).splitlines():
            name, _, version = line.split()[-1].partition("@")
            if versions.get(version) in missing:
                functions.setdefault(versions[version], {}).setdefault(version, set()).add(name)
            elif not version and missing and UNVERSIONED.fullmatch(name):
                functions.setdefault(min(missing), {}).setdefault(None, set()).add(name)
    target = site / "nvidia/cu13/lib"  # where PyTorch's libraries look
    target.mkdir(parents=True, exist_ok=True)
    for library in sorted(libraries):
        build(target / library, functions.get(library, {}))
    print(f"stand-ins for {len(libraries)} libraries: {' '.join(sorted(libraries))}")


def build(path, versions):
    with tempfile.TemporaryDirectory() as scratch:
        source, script = pathlib.Path(scratch, "standin.c"), pathlib.Path(scratch, "standin.map")
        names = sorted(set().union(*versions.values()))
        source.write_text("".join(f"void {name}(void) {{ __builtin_trap(); }}\n" for name in names))
        script.write_text("".join(f"{v} {{ global: {'; '.join(sorted(n))}; }};\n" for v, n in versions.items() if v))
        command = ["gcc", "-w", "-shared", "-fPIC", f"-Wl,-soname,{path.name}", "-o", path, source]
        if any(versions):
            command.append(f"-Wl,--version-script,{script}")
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
