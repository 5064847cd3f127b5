"""What runs the networks: torch anywhere, or on an x86 processor OpenVINO, several times as fast.

`python -m pneumo bench` measures by how much. An engine answers for several networks in one call;
they stay separate networks, each with its own square. Networks that stand the rounding run in
bfloat16 where the device multiplies it faster than float32: CUDA, and processors with AMX or
AVX-512's bfloat16. Nothing is cached on disk.
"""

from __future__ import annotations

import ctypes
import logging
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from pneumo.graph import Shape, openvino, translate
from pneumo.networks.base import Network

TORCH, OPENVINO = "torch", "openvino"
SETTINGS: Mapping[str, Any] = {
    "PERFORMANCE_HINT": "LATENCY",
    "ENABLE_CPU_PINNING": False,  # the threads of several processes would share the first cores
}
PRECISION = "INFERENCE_PRECISION_HINT"
X86 = {"x86_64", "AMD64"}  # OpenVINO runs elsewhere too, but nobody has measured it there

log = logging.getLogger("pneumo.engine")


@dataclass(frozen=True, eq=False)
class Part:
    """What an engine runs of one network, in evaluation mode, and in which shape."""

    network: nn.Module
    shape: Shape
    method: str = "features"

    @property
    def halved(self) -> bool:
        """Whether this may run in bfloat16."""
        return isinstance(self.network, Network) and self.network.stands_bfloat16


class Engine(Protocol):
    """Safe to share by threads; the same input gives the same bits, whoever else asks."""

    name: str
    halves: bool  # whether parts that stand it run in bfloat16

    def quiet(self) -> AbstractContextManager[object]:
        """Within it torch leaves this engine the cores, as far as this thread is concerned."""

    def __call__(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """One input per part, in its shape -> each part's output, float32."""


class TorchEngine:
    """Runs the parts one after another, on CUDA those that stand it in bfloat16."""

    name = TORCH

    def __init__(self, parts: Sequence[Part], *, device: torch.device) -> None:
        self.halves = device.type == "cuda"
        self._device = device
        self._calls = [(getattr(p.network, p.method), self.halves and p.halved) for p in parts]

    def quiet(self) -> AbstractContextManager[object]:
        return nullcontext()

    @torch.no_grad()
    def __call__(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        found = []
        for (call, halved), x in zip(self._calls, inputs, strict=True):
            with torch.autocast(self._device.type, torch.bfloat16, enabled=halved):
                found.append(call(x).float())
        return found


class OpenVINOEngine:
    """Runs the parts as one graph on the processor, or as two, of which one is in bfloat16.

    ``halves`` overrides what the processor says of itself; one with AVX-512 only imitates bfloat16,
    slowly. Raises ImportError without OpenVINO, NotImplementedError for a network that
    has no translation.
    """

    name = OPENVINO

    def __init__(self, parts: Sequence[Part], *, halves: bool | None = None) -> None:
        self.halves = multiplies_bfloat16() if halves is None else halves
        coarse = [i for i, part in enumerate(parts) if self.halves and part.halved]
        fine = [i for i in range(len(parts)) if i not in coarse]
        self._graphs = [
            (mine, Graph([parts[i] for i in mine], {**SETTINGS, PRECISION: precision}))
            for mine, precision in ((coarse, "bf16"), (fine, "f32"))
            if mine
        ]

    def quiet(self) -> AbstractContextManager[object]:
        return one_torch_thread()

    def __call__(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        found: dict[int, Tensor] = {}
        for mine, graph in self._graphs:
            found |= zip(mine, graph([inputs[i] for i in mine]), strict=True)
        return [found[i] for i in range(len(inputs))]


class Graph:
    """Several parts compiled as one by OpenVINO. Safe to share by threads."""

    def __init__(self, parts: Sequence[Part], settings: Mapping[str, Any]) -> None:
        ov = openvino()
        ends = [translate(part.network, part.shape, method=part.method) for part in parts]
        model = ov.Model([result for _, result in ends], [entrance for entrance, _ in ends])
        self._compiled = ov.Core().compile_model(model, "CPU", dict(settings))
        self._outputs = range(len(ends))
        self._idle: list[Any] = []  # requests that no thread is using

    def __call__(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        request.infer([x.numpy() for x in inputs], share_inputs=True)
        # Copied, because the next reading fills the same memory.
        found = [torch.from_numpy(request.get_output_tensor(i).data.copy()) for i in self._outputs]
        self._idle.append(request)
        return found


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Torch computes in the asking thread alone; nothing changes for other threads.

    Else its helpers spin for milliseconds after each small operation, in wait of another. Where a
    library does not name what it rests on, as on Windows, they go on doing so.
    """
    # Not by torch.set_num_threads: every thread that is new to torch would take its number over.
    usual = torch.get_num_threads()  # torch settles on it at a thread's first question
    set_number = getattr(_torch_library(), "omp_set_num_threads", lambda number: None)
    set_number(1)
    try:
        yield
    finally:
        set_number(usual)


@cache
def _torch_library() -> ctypes.CDLL:
    return ctypes.CDLL(torch._C.__file__)


def multiplies_bfloat16() -> bool:
    """Whether OpenVINO finds bfloat16 in this processor, which is then faster than float32."""
    return "BF16" in openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def default_engine(device: torch.device) -> str:
    """Torch on CUDA; on a processor what ``PNEUMO_ENGINE`` says, else OpenVINO where it is x86.

    Raises ValueError for an engine of another name.
    """
    if device.type != "cpu":
        return TORCH
    if named := os.environ.get("PNEUMO_ENGINE"):
        if named not in (TORCH, OPENVINO):
            raise ValueError(f"PNEUMO_ENGINE is {named}; choose {TORCH} or {OPENVINO}")
        return named
    return OPENVINO if platform.machine() in X86 and find_spec(OPENVINO) else TORCH


def prepare(parts: Sequence[Part], *, device: torch.device, name: str) -> Engine:
    """The engine of that name for these parts; torch where a network has no translation."""
    if name == OPENVINO:
        try:
            return OpenVINOEngine(parts)
        except NotImplementedError as error:
            log.warning("%s; torch reads instead", error)
    return TorchEngine(parts, device=device)
