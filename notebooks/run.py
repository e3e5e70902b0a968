"""Runs the notebooks from first to last, each in a fresh kernel, and stops at the first that fails.

Executed copies go to <run>/notebooks/, also of the one that failed. `make reproduce` calls this with .venv's Python.
"""

import argparse
import asyncio
import hashlib
import os
import re
import signal
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
# Jupyter's own files stay in the project, whoever starts this script. It reads these variables when it is imported.
for variable, folder in (("CONFIG", "config"), ("DATA", "data"), ("RUNTIME", "runtime")):
    os.environ.setdefault(f"JUPYTER_{variable}_DIR", str(ROOT / ".tools/jupyter" / folder))

import nbformat  # noqa: E402
from nbclient import NotebookClient  # noqa: E402
from nbclient.exceptions import CellExecutionError, DeadKernelError  # noqa: E402
from nbclient.util import ensure_async  # noqa: E402

INTERRUPT_GRACE = 8  # seconds a cell has to write its checkpoint after Ctrl-C
NOTHING_TO_SHOW = "nothing to show"  # what a figure cell prints where the data have nothing for it
AS_TESTS = "--as-tests" in sys.argv
KERNEL_LOG = ROOT / ".tools/log/kernel.log"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
TRACEBACK = re.compile(r"^(panic:|fatal error:|goroutine \d+ \[|Traceback )", re.MULTILINE)


class Failure(Exception):
    """A cell that did not do what it should."""

    def __init__(self, number: int, source: str, error: str):
        super().__init__(error)
        self.number, self.source, self.error = number, source, error


def texts(output: dict):
    """The texts of one output, as they are shown."""
    if output["output_type"] == "stream":
        yield output["text"]
    for kind, content in output.get("data", {}).items():
        if kind.startswith("text/"):
            yield content if isinstance(content, str) else "".join(content)


def complaint(cell: dict) -> str | None:
    """What is wrong with the outputs of a cell that ran through."""
    shown = "\n".join(text for output in cell["outputs"] for text in texts(output))
    if "exit status" in shown:
        return "an output speaks of an exit status: some program that the cell started has failed"
    for output in cell["outputs"]:
        if output["output_type"] == "stream" and output["name"] == "stderr" and TRACEBACK.search(output["text"]):
            return "stderr holds a traceback:\n" + output["text"]
    if "figure" in cell["metadata"].get("tags", []):
        has_image = any(output.get("data", {}).get("image/png") for output in cell["outputs"])
        if not has_image and NOTHING_TO_SHOW not in shown:
            return f'the cell is tagged "figure", but shows no image/png and does not say "{NOTHING_TO_SHOW}"'
    return None


def save(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Writes the notebook under its name at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.new")
    try:
        nbformat.write(notebook, scratch)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def explain(error: CellExecutionError, cell: dict) -> str:
    """The error of a cell, and what its program wrote to stderr: for a panic that is all there is."""
    written = "".join(o["text"] for o in cell["outputs"] if o["output_type"] == "stream" and o["name"] == "stderr")
    return COLOURS.sub("", f"{written}{error.ename}: {error.evalue or error.traceback}")


class Runner:
    """Runs one notebook; knows how to stop it."""

    def __init__(self, path: Path):
        self.notebook = nbformat.read(path, as_version=4)
        self.client = NotebookClient(
            self.notebook,
            timeout=None,
            kernel_name="gonb",
            resources={"metadata": {"path": str(HERE)}},
            record_timing=False,
        )
        self.interrupted = False

    async def run(self) -> None:
        client = self.client
        client.reset_execution_trackers()
        with KERNEL_LOG.open("a") as log:  # GoNB tells much about itself
            await self._cells(client, log)

    async def _cells(self, client: NotebookClient, log) -> None:
        async with client.async_setup_kernel(stderr=log):
            self._listen(asyncio.get_running_loop(), asyncio.current_task())
            asked = await ensure_async(client.kc.kernel_info())
            reply = await client.async_wait_for_reply(asked)
            if reply:
                self.notebook.metadata["language_info"] = reply["content"]["language_info"]
            cells = self.notebook.cells
            for index, cell in enumerate(cells):
                if cell["cell_type"] == "code":
                    await self._cell(index, cell, len(cells))
                if self.interrupted:
                    raise KeyboardInterrupt

    async def _cell(self, index: int, cell: dict, total: int) -> None:
        start = time.monotonic()
        source = cell["source"].strip()
        try:
            await self.client.async_execute_cell(cell, index, execution_count=self.client.code_cells_executed + 1)
        except CellExecutionError as error:
            if self.interrupted:
                raise KeyboardInterrupt from None
            raise Failure(index + 1, source, explain(error, cell)) from None
        except DeadKernelError as error:
            raise Failure(index + 1, source, f"the kernel died: {error}") from None
        if wrong := complaint(cell):
            raise Failure(index + 1, source, wrong)
        say(f"  cell {index + 1:2d}/{total}  {time.monotonic() - start:7.1f} s  {title(source)}")

    def _listen(self, loop: asyncio.AbstractEventLoop, task: asyncio.Task) -> None:
        """Ctrl-C asks the cell to stop, and ends everything when it does not, or when pressed again."""

        def stop() -> None:
            if self.interrupted:
                task.cancel()
                return
            self.interrupted = True
            say("interrupted: the cell may write its checkpoint …")
            self._asked = asyncio.ensure_future(self.client.km.interrupt_kernel())
            loop.call_later(INTERRUPT_GRACE, task.cancel)

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)


def title(source: str) -> str:
    """The line of a cell that says most, short enough for a terminal: its first comment, or its first statement."""
    rest = re.sub(r"^import (\(.*?^\)|.*?$)", "", source, flags=re.MULTILINE | re.DOTALL)
    lines = [line.strip() for line in rest.splitlines() if line.strip() and not line.startswith("%%")]
    comments = [line.removeprefix("//").strip() for line in lines if line.startswith("//")]
    line = next(iter(comments + lines), "imports")
    return line[:60] + ("…" if len(line) > 60 else "")


def say(line: str) -> None:
    """Tells how far the work is: on stderr where stdout is for results, see tell."""
    print(line, file=sys.stderr if AS_TESTS else sys.stdout, flush=True)


def tell(*lines: str) -> None:
    """With --as-tests, prints lines in the words of `go test -v`, which `go tool test2json` reads."""
    if AS_TESTS:
        print(*lines, sep="\n", flush=True)


def run_notebook(path: Path, target: Path) -> None:
    """Runs one notebook and saves the executed copy, whatever happens."""
    runner = Runner(path)
    try:
        asyncio.run(runner.run())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        save(runner.notebook, target)


def keep(executed: Path, target: Path) -> None:
    """Copies an executed notebook, with the hash of the shipped weights, by which a test knows when it is stale."""
    notebook = nbformat.read(executed, as_version=4)
    weights = sorted((ROOT / "data/pretrained").glob("*.safetensors"))
    notebook.metadata["darkfield"] = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in weights}
    save(notebook, target)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="quick", help="smoke, quick, standard or paper (default: %(default)s)")
    parser.add_argument("--data", default="", help="a CMD directory (default: simulated boxes, made in the run directory)")
    parser.add_argument("--run", default="", help="the run directory (default: runs/<preset>[-<name of the data>])")
    parser.add_argument("--only", default="", help="numbers of notebooks, for example 04,06 (default: all)")
    parser.add_argument("--keep", default="", help="a directory that the executed notebooks are copied to, with the weights they show")
    parser.add_argument("--as-tests", action="store_true", help="print results as go test -v does, progress on stderr")
    return parser.parse_args()


def main() -> int:
    chosen = arguments()
    data = Path(chosen.data).resolve() if chosen.data else None
    if data and not data.is_dir():
        print(f"notebooks: DATA={chosen.data} is not a directory: name one with CMD files", file=sys.stderr)
        return 1
    default = ROOT / "runs" / (f"{chosen.preset}-{data.name}" if data else chosen.preset)
    run = Path(chosen.run).resolve() if chosen.run else default
    os.environ["DARKFIELD_PRESET"] = chosen.preset
    os.environ["DARKFIELD_DATA"] = str(data or "")
    os.environ["DARKFIELD_RUN"] = str(run)
    label = f"notebooks ({chosen.preset}{', ' + data.name if data else ''})"

    paths = sorted(HERE.glob("[0-9][0-9]_*.ipynb"))
    if not paths:
        print("notebooks: there is no notebook beside run.py", file=sys.stderr)
        return 1
    if chosen.only:
        known, numbers = [path.name[:2] for path in paths], chosen.only.split(",")
        if unknown := [number for number in numbers if number not in known]:
            print(f"notebooks: --only {chosen.only}: no notebook {unknown[0]!r}, there are {', '.join(known)}", file=sys.stderr)
            return 1
        paths = [path for path in paths if path.name[:2] in numbers]
    KERNEL_LOG.parent.mkdir(parents=True, exist_ok=True)
    KERNEL_LOG.write_text("")
    begin = time.monotonic()
    say(f"{label}: {len(paths)} notebooks, results in {run}")
    for i, path in enumerate(paths, 1):
        start = time.monotonic()
        target = run / "notebooks" / path.name
        say(f"[{i}/{len(paths)}] {path.name}")
        tell(f"=== RUN   {path.name}")
        try:
            run_notebook(path, target)
        except Failure as failure:
            code = "\n".join("    " + line for line in failure.source.splitlines())
            text = f"FAILED: {path.name}, cell {failure.number}\n{code}\n{failure.error}\nThe notebook as far as it came: {target}\n"
            say(text)
            tell(text, f"--- FAIL: {path.name} ({time.monotonic() - start:.2f}s)", "FAIL")
            return 1
        except KeyboardInterrupt:
            say(f"stopped in {path.name}; the same command goes on from what is on disk")
            tell("interrupted", f"--- FAIL: {path.name} ({time.monotonic() - start:.2f}s)", "FAIL")
            return 130
        if chosen.keep:
            keep(target, Path(chosen.keep) / path.name)
        seconds = time.monotonic() - start
        say(f"[{i}/{len(paths)}] {path.name}: done in {seconds:.1f} s ({time.monotonic() - begin:.0f} s in all)")
        tell(f"--- PASS: {path.name} ({seconds:.2f}s)")
    tell("PASS")
    say(f"{label}: all {len(paths)} done in {time.monotonic() - begin:.0f} s; executed notebooks in {run / 'notebooks'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
