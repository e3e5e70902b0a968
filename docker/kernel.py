"""Writes the Go kernel's description and JupyterLab's defaults into .venv. Usage: kernel.py ROOT"""

import json
import os
import shutil
import sys
from pathlib import Path


def write(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(path.name + ".new")
    scratch.write_text(json.dumps(content, indent=2) + "\n")
    scratch.replace(path)


def main(root: Path) -> None:
    share = root / ".venv/share/jupyter"
    go = Path(shutil.which("go")).parent  # a desktop's launcher may lack it in PATH
    write(
        share / "lab/settings/overrides.json",
        # No pop-up that asks for news, which would need the internet.
        # Completion waits for gopls, which takes seconds where it meets a package first.
        {
            "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
            "@jupyterlab/completer-extension:manager": {"providerTimeout": 5000},
        },
    )
    write(
        share / "kernels/gonb/kernel.json",
        {
            "display_name": "Go (GoNB)",
            "language": "go",
            "interrupt_mode": "message",
            # -go_work lets cells import darkfield/pkg/… without touching go.mod.
            "argv": [f"{root}/.tools/bin/gonb", "--kernel", "{connection_file}", "-raw_error", f"-go_work={root}"],
            "env": {
                "PATH": os.pathsep.join([f"{root}/.tools/bin", "${PATH}", str(go)]),  # goimports is found through PATH only
                "GOFLAGS": "-buildvcs=false -ldflags=-w",  # no tables for a debugger: a cell links in half the time
                "GOTOOLCHAIN": "local",
                "GOWORK": "",  # the cells' own work space, whatever the user's shell says
                # as backend.TuneAllocator says
                "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=2:glibc.malloc.tcache_count=1000",
            },
        },
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
