"""What every command that measures the shipped weights has in common."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from pneumo.errors import PneumoError
from pneumo.reader import Reader, load_reader


def add_trial_arguments(parser: argparse.ArgumentParser) -> None:
    """The ``--limit`` and ``--weights`` of a quick trial."""
    parser.add_argument("--limit", type=int, metavar="N", help="N films only: a quick trial")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="default: the shipped weights")


def spread(count: int, limit: int | None) -> list[int]:
    """At most ``limit`` of so many indices, spread evenly, so that a trial sees every kind."""
    if limit is None or limit >= count:
        return list(range(count))
    return [int(i) for i in np.linspace(0, count - 1, limit).round()]


def open_reader(
    weights: Path | None, *, device: torch.device | None = None, engine_name: str | None = None
) -> Reader:
    """The reader of a weights folder; one that cannot be used ends the program with a sentence."""
    try:
        return load_reader(weights, device=device, engine_name=engine_name)
    except PneumoError as error:
        raise SystemExit(str(error)) from error
