"""What runs the networks: torch anywhere, or on an x86 processor OpenVINO, several times as fast.

`python -m pneumo bench` measures by how much. An engine answers for several networks in one call;
they stay separate networks, each with its own square. Nothing is cached on disk.
"""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from pneumo.graph import Shape, openvino, translate

TORCH, OPENVINO = "torch", "openvino"
SETTINGS: Mapping[str, Any] = {
    "PERFORMANCE_HINT": "LATENCY",
    "INFERENCE_PRECISION_HINT": "f32",  # bfloat16 would move the golden answers
    "ENABLE_CPU_PINNING": False,  # the threads of several processes would share the first cores
}
X86 = {"x86_64", "AMD64"}  # OpenVINO runs elsewhere too, but nobody has measured it there

log = logging.getLogger("pneumo.engine")


@dataclass(frozen=True, eq=False)
class Part:
    """What an engine runs of one network, in evaluation mode, and in which shape."""

    network: nn.Module
    shape: Shape
    method: str = "features"


class Engine(Protocol):
    """Safe to share by threads; the same input gives the same bits, whoever else asks."""

    name: str

    def __call__(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """One input per part, in its shape -> each part's output, float32."""


class TorchEngine:
    """Runs the parts one after another, on CUDA in bfloat16 where ``halved``."""

    name = TORCH

    def __init__(self, parts: Sequence[Part], *, device: torch.device, halved: bool) -> None:
        self._calls = [getattr(part.network, part.method) for part in parts]
        self._device, self._halved = device, halved and device.type == "cuda"

    @torch.no_grad()
    def __call__(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._halved):
            return [call(x).float() for call, x in zip(self._calls, inputs, strict=True)]


class OpenVINOEngine:
    """Runs all parts as one graph on the processor, in float32 whatever else it offers.

    Raises ImportError without OpenVINO, NotImplementedError for a network that has no translation.
    """

    name = OPENVINO

    def __init__(self, parts: Sequence[Part], *, settings: Mapping[str, Any] = SETTINGS) -> None:
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


def prepare(
    parts: Sequence[Part], *, device: torch.device, name: str, halved: bool = True
) -> Engine:
    """The engine of that name for these parts; torch where a network has no translation."""
    if name == OPENVINO:
        try:
            return OpenVINOEngine(parts)
        except NotImplementedError as error:
            log.warning("%s; torch reads instead", error)
    return TorchEngine(parts, device=device, halved=halved)
