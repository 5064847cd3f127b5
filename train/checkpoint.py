"""Weights on disk: what is shipped, and what a training resumes from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from train.processes import Place

Epoch = dict[str, float]  # one entry of a run's history


class Stateful(Protocol):
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> object: ...


def save_half(network: nn.Module, path: Path) -> None:
    """Write a network's tensors, floating point ones as float16, to a safetensors file."""
    save_file(
        {
            name: (value.half() if value.is_floating_point() else value).contiguous()
            for name, value in network.state_dict().items()
        },
        path,
    )


def save_progress(
    path: Path,
    parts: Sequence[Stateful],
    generator: torch.Generator,
    history: list[Epoch],
    place: Place,
) -> None:
    """Write everything that the next epoch depends on; called by every process together."""
    chance = [place.of_all(state) for state in _chance(generator)]
    if not place.leads:
        return
    unfinished = path.with_suffix(".part")
    states = [part.state_dict() for part in parts]
    torch.save({"states": states, "chance": chance, "history": history}, unfinished)
    unfinished.replace(path)  # atomic: a run that is killed here still has the epoch before


def load_progress(
    path: Path, parts: Sequence[Stateful], generator: torch.Generator, place: Place
) -> list[Epoch]:
    """Take up a run where ``save_progress`` left it; returns its history, empty for a new run.

    Ends the program where the run was made by other processes: its data order would not go on.
    """
    if not path.exists():
        return []
    saved = torch.load(path, weights_only=True, map_location="cpu")
    if "chance" not in saved or len(saved["chance"][0]) != place.world:
        raise SystemExit(
            f"{path} comes from another version or another number of processes; resume it as it "
            "began, or choose another --name."
        )
    for part, state in zip(parts, saved["states"], strict=True):
        part.load_state_dict(state)
    states = [of_all[place.rank] for of_all in saved["chance"]]
    generator.set_state(states[0])
    torch.set_rng_state(states[1])
    if generator.device.type == "cuda":
        torch.cuda.set_rng_state(states[2], generator.device)
    history: list[Epoch] = saved["history"]
    return history


def _chance(generator: torch.Generator) -> list[Tensor]:
    """States of the augmentation's generator and of the defaults, which dropout draws from."""
    states = [generator.get_state(), torch.get_rng_state()]
    if generator.device.type == "cuda":
        states.append(torch.cuda.get_rng_state(generator.device))
    return states
