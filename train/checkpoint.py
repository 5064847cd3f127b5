"""Weights on disk: half-precision safetensors, tensors only."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn


def save_half(network: nn.Module, path: Path) -> None:
    """Write a network's tensors, floating point ones as float16, to a safetensors file."""
    save_file(
        {
            name: (value.half() if value.is_floating_point() else value).contiguous()
            for name, value in network.state_dict().items()
        },
        path,
    )
