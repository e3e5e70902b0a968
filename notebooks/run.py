"""Runs the notebooks in order, each in a fresh kernel, and begins no other once one has failed.

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

# What a notebook reads that others make: the maps of 01 and the network that 02 trains.
NEEDS = {"01": (), "02": ("01",), "07": (), "10": ("01",)}
NEEDS_OF_OTHERS = ("01", "02")
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


class Interrupted(Exception):
    """Ctrl-C."""


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
        self.label = path.name[:2]
        self.notebook = nbformat.read(path, as_version=4)
        self.client = NotebookClient(
            self.notebook,
            timeout=None,
            kernel_name="gonb",
            resources={"metadata": {"path": str(HERE)}},
            record_timing=False,
        )
        self.interrupted, self.task = False, None

    async def run(self, target: Path, listen) -> None:
        """Runs all cells and saves the executed copy, whatever happens; listen is called once the kernel is there."""
        self.task, self._listen = asyncio.current_task(), listen
        self.client.reset_execution_trackers()
        try:
            with KERNEL_LOG.open("a") as log:  # GoNB tells much about itself
                await self._cells(self.client, log)
        except asyncio.CancelledError:
            raise Interrupted from None
        finally:
            save(self.notebook, target)

    async def _cells(self, client: NotebookClient, log) -> None:
        async with client.async_setup_kernel(stderr=log):
            self._listen()  # the client has set handlers of its own
            asked = await ensure_async(client.kc.kernel_info())
            reply = await client.async_wait_for_reply(asked)
            if reply:
                self.notebook.metadata["language_info"] = reply["content"]["language_info"]
            cells = self.notebook.cells
            for index, cell in enumerate(cells):
                if cell["cell_type"] == "code":
                    await self._cell(index, cell, len(cells))
                if self.interrupted:
                    raise Interrupted

    async def _cell(self, index: int, cell: dict, total: int) -> None:
        start = time.monotonic()
        source = cell["source"].strip()
        try:
            await self.client.async_execute_cell(cell, index, execution_count=self.client.code_cells_executed + 1)
        except CellExecutionError as error:
            if self.interrupted:
                raise Interrupted from None
            raise Failure(index + 1, source, explain(error, cell)) from None
        except DeadKernelError as error:
            raise Failure(index + 1, source, f"the kernel died: {error}") from None
        if wrong := complaint(cell):
            raise Failure(index + 1, source, wrong)
        say(f"  {self.label}  cell {index + 1:2d}/{total}  {time.monotonic() - start:7.1f} s  {title(source)}")

    def stop(self) -> None:
        """Asks the cell to stop; ends everything when it does not, or when asked again."""
        if self.interrupted or not self.task:
            if self.task:
                self.task.cancel()
            return
        self.interrupted = True
        if self.client.km:
            self._asked = asyncio.ensure_future(self.client.km.interrupt_kernel())
        asyncio.get_running_loop().call_later(INTERRUPT_GRACE, self.task.cancel)


def title(source: str) -> str:
    """The line of a cell that says most, short enough for a terminal: its first comment, or its first statement."""
    rest = re.sub(r"^import (\(.*?^\)|.*?$)", "", source, flags=re.MULTILINE | re.DOTALL)
    lines = [line.strip() for line in rest.splitlines() if line.strip() and not line.startswith("%")]
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


class Work:
    """Runs several notebooks, some at once."""

    def __init__(self, paths: list[Path], run: Path, at_once: int, keep_in: Path | None):
        self.waiting, self.run, self.at_once, self.keep_in = list(paths), run, at_once, keep_in
        self.total = len(paths)
        self.begin = time.monotonic()
        self.done, self.running, self.status = set(), {}, 0

    def ready(self) -> Path | None:
        """The first notebook whose needs are met; those that are not to be run are taken as met."""
        pending = {path.name[:2] for path in self.waiting + list(self.running)}
        for path in self.waiting:
            if not pending.intersection(NEEDS.get(path.name[:2], NEEDS_OF_OTHERS)):
                return path
        return None

    def stop(self) -> None:
        """Ctrl-C."""
        if not self.waiting and not self.running:
            return
        say("interrupted: cells may write their checkpoints …")
        self.waiting, self.status = [], 130
        for runner in self.running.values():
            runner.stop()

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.stop)

    async def all(self) -> int:
        self.listen()
        tasks = set()
        while self.waiting or tasks:
            while len(tasks) < self.at_once and (path := self.ready()):
                self.waiting.remove(path)
                self.running[path] = Runner(path)
                tasks.add(asyncio.create_task(self.one(path)))
            finished, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                task.result()
        return self.status

    async def one(self, path: Path) -> None:
        start = time.monotonic()
        target = self.run / "notebooks" / path.name
        say(f"{path.name} …")
        verdict, remarks = "FAIL", []
        try:
            await self.running[path].run(target, self.listen)
            if self.keep_in:
                keep(target, self.keep_in / path.name)
            self.done.add(path)
            verdict = "PASS"
        except Failure as failure:
            code = "\n".join("    " + line for line in failure.source.splitlines())
            remarks = [f"FAILED: {path.name}, cell {failure.number}\n{code}\n{failure.error}\nThe notebook as far as it came: {target}\n"]
            say(remarks[0])
            self.waiting, self.status = [], self.status or 1
        except Interrupted:
            remarks = ["interrupted"]
            say(f"stopped in {path.name}; the same command goes on from what is on disk")
        finally:
            del self.running[path]
            self.listen()  # the client has removed the handlers with its kernel
        seconds = time.monotonic() - start
        if verdict == "PASS":
            say(f"{path.name}: done in {seconds:.1f} s; {len(self.done)} of {self.total} in {time.monotonic() - self.begin:.0f} s")
        tell(f"=== RUN   {path.name}", *remarks, f"--- {verdict}: {path.name} ({seconds:.2f}s)")


def keep(executed: Path, target: Path) -> None:
    """Copies an executed notebook, with the hash of the shipped weights, by which a test knows when it is stale."""
    notebook = nbformat.read(executed, as_version=4)
    weights = sorted((ROOT / "data/pretrained").glob("*.safetensors"))
    for cell in notebook.cells:
        cell["source"] = cell["source"].replace("](executed/", "](")  # the copies link to each other
    notebook = nbformat.reads(nbformat.writes(notebook).replace(f"{ROOT}/", ""), as_version=4)  # no paths of this machine
    notebook.metadata["darkfield"] = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in weights}
    save(notebook, target)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="quick", help="smoke, quick, standard or paper (default: %(default)s)")
    parser.add_argument("--data", default="", help="a CMD directory (default: simulated boxes, made in the run directory)")
    parser.add_argument("--run", default="", help="the run directory (default: runs/<preset>[-<name of the data>])")
    parser.add_argument("--only", default="", help="numbers of notebooks, for example 04,06 (default: all)")
    parser.add_argument("--at-once", type=int, default=1, help="how many notebooks run at once: 2 keep two cores busy where cells are short (default: %(default)s)")
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
    say(f"{label}: {len(paths)} notebooks, results in {run}")
    work = Work(paths, run, max(1, chosen.at_once), Path(chosen.keep) if chosen.keep else None)
    status = asyncio.run(work.all())
    tell("PASS" if status == 0 else "FAIL")
    if status == 0:
        say(f"{label}: all {len(paths)} done in {time.monotonic() - work.begin:.0f} s; executed notebooks in {run / 'notebooks'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
