"""Pins the groups of docker/pyproject.toml anew: every version, and the hashes of the wheels for Linux on x86-64.

Writes docker/requirements.txt, one resolution for all groups, and docker/uv.txt, uv's own entry, which pip reads before
uv is there. Wheels of other systems and source archives are left out: nothing is ever built from source, and they would
make the list ten times as long. Addresses are left out, too: whoever installs names the package index.
"""

import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
UV = HERE.parent / ".tools/uv/bin/uv"
# Name-version[-build]-python-abi-platform.whl, of an ordinary CPython 3 or of every one.
WHEEL = re.compile(r"-(?:py3|py2\.py3|cp3\d+)-(?:none|abi3|cp3\d+)-(?:any|\S*manylinux\S*_x86_64|linux_x86_64)\.whl$")
# The limits of the installation as a whole, which need not stand in every line.
ALWAYS = re.compile(r"platform_machine == 'x86_64' and sys_platform == 'linux'")


def uv(folder: str, *words: str) -> str:
    return subprocess.run([UV, *words], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


def entries(exported: str, usable: set[str]):
    """The requirements of an export, each with only those hashes that are usable."""
    for line in exported.replace("\\\n", "").splitlines():
        requirement, *hashes = [word.strip() for word in line.split("--hash=")]
        requirement, _, marker = requirement.partition(" ; ")
        marker = re.sub(rf"\s*and\s*{ALWAYS.pattern}|{ALWAYS.pattern}\s*and\s*|^{ALWAYS.pattern}$", "", marker).strip()
        kept = [h for h in hashes if h in usable]
        if not kept:
            raise SystemExit(f"lock: {requirement} has no wheel for Linux on x86-64")
        yield " \\\n    ".join([requirement + (f" ; {marker}" if marker else ""), *(f"--hash={h}" for h in kept)])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(HERE / "pyproject.toml", folder)
        uv(folder, "lock", "--quiet", "--upgrade")
        exported = uv(folder, "export", "--quiet", "--frozen", "--all-groups", "--no-annotate", "--no-header")
        lock = tomllib.loads((Path(folder) / "uv.lock").read_text())
    wheels = (wheel for package in lock["package"] for wheel in package.get("wheels", []))
    usable = {wheel["hash"] for wheel in wheels if WHEEL.search(wheel["url"].rsplit("/", 1)[1])}
    lines = list(entries(exported, usable))
    for name, kept in {"requirements.txt": lines, "uv.txt": [line for line in lines if line.startswith("uv==")]}.items():
        scratch = HERE / f"{name}.new"
        scratch.write_text("\n".join(kept) + "\n")
        os.replace(scratch, HERE / name)
        print(f"lock: docker/{name}: {len(kept)} packages")


if __name__ == "__main__":
    main()
