"""The machine that a bench runs on: in words, and how fast it could be at best."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from pneumo.engine import Part

SIDE = {"cpu": 1024, "cuda": 8192}  # of the square matrices whose product is timed
COPIED_BYTES = 256 * 2**20  # more than any cache holds
TRIES = 7
# What decides the speed of small networks on a processor, as Linux names it.
FEATURES = (("avx512f", "AVX-512"), ("avx512_bf16", "bfloat16"), ("amx_tile", "AMX"))


@dataclass(frozen=True)
class Limit:
    """What no program of these precisions can undercut here: each weight is read and used once."""

    computing_s: float  # of the multiply-adds, at the measured rate of a large matrix product
    fetching_s: float  # of the weights, at the measured rate of a copy

    @property
    def ms(self) -> float:
        """The larger of the two."""
        return 1e3 * max(self.computing_s, self.fetching_s)


def limit(parts: Sequence[Part], device: torch.device, *, halved: bool) -> Limit:
    """The limit for the forward pass of these parts, in bfloat16 those that run in it."""
    source = torch.ones(COPIED_BYTES // 4, device=device)
    target = torch.empty_like(source)
    a_byte_s = quickest(lambda: target.copy_(source), device) / COPIED_BYTES
    computing, fetching = 0.0, 0.0
    for kind in (torch.bfloat16, torch.float32):
        mine = [p for p in parts if (halved and p.halved) == (kind == torch.bfloat16)]
        if mine:
            computing += multiply_adds(mine, device) * a_multiply_add_s(kind, device)
            numbers = sum(p.numel() for part in mine for p in part.network.parameters())
            fetching += kind.itemsize * numbers * a_byte_s
    return Limit(computing, fetching)


def multiply_adds(parts: Sequence[Part], device: torch.device) -> int:
    """Multiply-adds of one forward pass of all parts."""
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        for part in parts:
            getattr(part.network, part.method)(torch.zeros(part.shape, device=device))
    return int(counter.get_total_flops()) // 2


def a_multiply_add_s(kind: torch.dtype, device: torch.device) -> float:
    """Seconds of one multiply-add in a large matrix product."""
    side = SIDE[device.type]
    a, b = (torch.rand(side, side, device=device).to(kind) for _ in range(2))
    return quickest(lambda: a @ b, device) / side**3


def quickest(call: Callable[[], object], device: torch.device) -> float:
    """Seconds of the quickest of a few calls: what the machine can do, not what it usually does."""
    found = []
    for _ in range(TRIES):
        started = time.perf_counter()
        call()
        settle(device)
        found.append(time.perf_counter() - started)
    return min(found)


def settle(device: torch.device) -> None:
    """Wait until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_mb(device: torch.device) -> float | None:
    """Most memory so far, in MB: of this process, or of the graphics card; None on Windows."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    if sys.platform == "win32":
        return None
    resource = import_module("resource")
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kibibytes on Linux
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)


def in_words(device: torch.device) -> str:
    """The processor or graphics card, its cores, and what it can compute in."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    told = {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    model = told.get("model name", platform.processor() or platform.machine())
    words = [model, f"{os.cpu_count()} cores"]
    if flags := told.get("flags", "").split():
        words += [f"with {name}" if flag in flags else f"no {name}" for flag, name in FEATURES]
    return ", ".join(words)
