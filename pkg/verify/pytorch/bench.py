"""PyTorch's side of make bench: a process that takes one request a line on its input and answers each with one line.

Requests and answers are JSON objects. An answer holds "seconds", the time of the work alone, or "error". Requests:

    {"do": "about"}                                          versions, and which ways to run PyTorch this machine cannot take
    {"do": "open", "network": …, "dim": 16, "side": 64, "batch": 20, "layout": ""}   a network; "" tries both layouts
    {"do": "forward", "network": …}                          one batch
    {"do": "step", "network": …}                             one training step: noise, forward, loss, backward, Adam, average
    {"do": "sample", "network": …, "maps": 50, "evaluations": 25, "measured": 5}     of so many evaluations, the first few
    {"do": "grid", "network": …, "evaluations": 100}         a term of the bound of one map at so many parameters
    {"do": "save", "network": …, "path": …}                  weights, average and Adam's state to a file
    {"do": "close"}                                          forgets all networks

A network is named by what it is: float32, tf32 (on a GPU) or bfloat16 (autocast), then, after hyphens, reordered (reordered.py)
and compiled (torch.compile). The number of threads is $OMP_NUM_THREADS, the device $DARKFIELD_TORCH_DEVICE: cpu or cuda.
"""

import json
import math
import os
import platform
import shutil
import sys
import time

DEVICE = os.environ.get("DARKFIELD_TORCH_DEVICE", "cpu")
if DEVICE == "cpu":
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # stubs.py stands in for CUDA
import torch
from diffusion import Schedule, huber
from reordered import TOLERANCE, difference, reordered
from torch import Tensor
from unet import UNet

LEARNING_RATE, EMA_DECAY = 2e-4, 0.999
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
TERM = 5


def half_log_snr(schedule: Schedule) -> list[float]:
    """Returns λ_t for t = 1…T at positions 1…T; λ_0 is infinite."""
    share = schedule.alphas_cumprod.double()
    return [math.inf, *(0.5 * torch.log(share / (1 - share))).tolist()]


def times(schedule: Schedule, steps: int) -> list[int]:
    """Returns the times that DPM-Solver++ visits, even in ln SNR from T to 1, then 0."""
    lam = half_log_snr(schedule)
    out: list[int] = []
    for i in range(steps):
        target = lam[-1] + (lam[1] - lam[-1]) * i / max(1, steps - 1)
        t = min(range(1, len(lam)), key=lambda s: abs(lam[s] - target))
        out.append(max(min(t, out[-1] - 1) if out else t, steps - i))
    return [*out, 0]


def wait() -> None:
    """Waits for what the GPU has been given."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()


class Bench:
    """One network with all that its training needs."""

    def __init__(self, name: str, dim: int, side: int, batch: int, layout: str):
        words = name.split("-")
        self.half, self.dim, self.side, self.batch = words[0] == "bfloat16", dim, side, batch
        if DEVICE == "cuda":  # for the whole process, which measures one network of a GPU
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = words[0] == "tf32"
        torch.manual_seed(1)
        self.network = reordered(UNet(dim)) if "reordered" in words else UNet(dim)
        self.run = self.network
        if "compiled" in words:
            torch._dynamo.reset()  # or the compiler takes another width for a shape that varies, and makes slower code
            self.run = torch.compile(self.network, dynamic=False)
        self.schedule = Schedule()
        self.x0, self.theta = torch.randn(batch, 1, side, side).clamp(-1, 1), torch.rand(batch, 2)
        self.optimiser = None
        # The compiler chooses layouts itself, and bfloat16 is faster in this one on every processor so far.
        known = "compiled" in words or self.half and DEVICE == "cpu"
        self.layout = layout or ("contiguous" if known else self.faster())

    def faster(self) -> str:
        """Returns the memory layout with the faster training step: the second one, for the first one warms up."""
        took = {}
        for layout in LAYOUTS:
            self.lay(layout)
            took[layout] = [self.step(), self.step()][1]
        return min(took, key=took.get)

    def lay(self, layout: str) -> None:
        """Puts weights into a layout; the optimiser starts anew, for its moments follow the weights."""
        self.layout, self.optimiser = layout, None
        self.network.to(memory_format=LAYOUTS[layout])

    def predict(self, x: Tensor, index: Tensor, theta: Tensor) -> Tensor:
        x = x.contiguous(memory_format=LAYOUTS[self.layout])
        with torch.autocast(DEVICE, torch.bfloat16, enabled=self.half):
            return self.run(x, index, theta).float()

    def prepare(self) -> None:
        parameters = list(self.network.parameters())
        self.optimiser = torch.optim.Adam(parameters, lr=LEARNING_RATE, fused=True)
        self.average = [p.detach().clone() for p in parameters]

    def step(self) -> float:
        if self.optimiser is None:
            self.prepare()
        start = time.perf_counter()
        index = torch.randint(len(self.schedule.betas), (self.batch,))
        eps = torch.randn_like(self.x0)
        x = self.schedule.noised(self.x0, index, eps)
        self.optimiser.zero_grad(set_to_none=True)
        loss = huber(eps, self.predict(x, index.float(), self.theta))
        loss.backward()
        self.optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.average, list(self.network.parameters()), 1 - EMA_DECAY)
        value = loss.item()
        wait()
        took = time.perf_counter() - start
        if not math.isfinite(value):
            raise ValueError(f"the loss is {value}")
        return took

    @torch.no_grad()
    def forward(self) -> float:
        index = torch.full((self.batch,), 10.0)
        start = time.perf_counter()
        self.predict(self.x0, index, self.theta)
        wait()
        return time.perf_counter() - start

    @torch.no_grad()
    def sample(self, maps: int, evaluations: int, measured: int) -> float:
        """DPM-Solver++ (2M) with fresh noise, as in pkg/diffusion/dpm.go."""
        start = time.perf_counter()
        lam, visited = half_log_snr(self.schedule), times(self.schedule, evaluations)
        share = [1.0, *self.schedule.alphas_cumprod.double().tolist()]
        for first in range(0, maps, self.batch):
            n = min(self.batch, maps - first)
            x, before = torch.randn(n, 1, self.side, self.side), None
            for i, t in enumerate(visited[:measured]):
                eps = self.predict(x, torch.full((n,), float(t - 1)), self.theta[:n])
                clean = (x - math.sqrt(1 - share[t]) * eps) / math.sqrt(share[t])
                u = visited[i + 1]
                step = lam[u] - lam[t]
                target = clean
                if before is not None and u > 0:
                    target = clean + step / (2 * (lam[t] - lam[visited[i - 1]])) * (clean - before)
                kept = math.sqrt((1 - share[u]) / (1 - share[t])) * math.exp(-step)
                added = -math.sqrt(share[u]) * math.expm1(-2 * step)
                deviation = math.sqrt((1 - share[u]) * -math.expm1(-2 * step))
                x = kept * x + added * target + deviation * torch.randn_like(x)
                before = clean
        wait()
        return time.perf_counter() - start

    @torch.no_grad()
    def grid(self, evaluations: int) -> float:
        start = time.perf_counter()
        thetas = torch.rand(evaluations, 2)
        eps = torch.randn(1, 1, self.side, self.side)
        x = self.schedule.noised(self.x0[:1], torch.tensor([TERM]), eps)
        terms = []
        for theta in thetas.split(self.batch):
            n = len(theta)
            predicted = self.predict(x.expand(n, -1, -1, -1), torch.full((n,), float(TERM)), theta)
            terms.append((predicted - eps).square().sum(dim=(1, 2, 3), dtype=torch.float64))
        torch.cat(terms).min().item()
        return time.perf_counter() - start

    def save(self, path: str) -> float:
        start = time.perf_counter()
        torch.save({"weights": self.network.state_dict(), "average": self.average, "adam": self.optimiser.state_dict()}, path)
        return time.perf_counter() - start


def no_compiler() -> str:
    """Returns why torch.compile cannot work here, or nothing."""
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        return "torch.compile needs a C++ compiler (g++), which is not installed"
    try:
        import torch._inductor.compile_fx  # noqa: F401
    except ImportError as error:
        return f"torch.compile does not start: {error}"
    return ""


def no_half() -> str:
    """Returns why bfloat16 is no rival here, or nothing."""
    with open("/proc/cpuinfo") as file:
        flags = next((set(line.split()) for line in file if line.startswith("flags")), set())
    return "" if flags & {"avx512_bf16", "amx_bf16"} else "the processor has no bfloat16 (AVX512_BF16 or AMX)"


def about() -> dict:
    start = time.perf_counter()
    if DEVICE == "cuda":
        return {"seconds": 0, "version": f"PyTorch {torch.__version__}, Python {platform.python_version()}, {torch.cuda.get_device_name()}"}
    worst = difference(8, 16)
    if not worst <= TOLERANCE:
        raise ValueError(f"reordered attention differs from the ordinary one by {worst:.2g}: run pkg/verify/pytorch/reordered.py")
    return {
        "seconds": time.perf_counter() - start,
        "version": f"PyTorch {torch.__version__}, Python {platform.python_version()}, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}",
        "lacks": {word: why for word, why in {"compiled": no_compiler(), "bfloat16": no_half()}.items() if why},
    }


class Worker:
    def __init__(self) -> None:
        self.networks: dict[str, Bench] = {}

    def answer(self, do: str, network: str = "", **rest) -> dict:
        if do == "about":
            return about()
        if do == "close":
            start = time.perf_counter()
            self.networks.clear()
            return {"seconds": time.perf_counter() - start}
        if do == "open":
            start = time.perf_counter()
            self.networks[network] = bench = Bench(network, **rest)
            return {"seconds": time.perf_counter() - start, "layout": bench.layout}
        if network not in self.networks:
            raise ValueError(f"no network {network!r} is open")
        return {"seconds": getattr(self.networks[network], do)(**rest)}


def main() -> None:
    # What a library prints goes to standard error, so that only answers are on standard output.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())))
    torch.set_default_device(DEVICE)
    worker = Worker()
    for line in sys.stdin:
        try:
            answer = worker.answer(**json.loads(line))
        except Exception as error:  # whatever went wrong, the other side must hear of it
            answer = {"error": f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
