"""The stopwatch of `python -m pneumo bench`: what is timed, on what, and how."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from pneumo import gate, gradcam, machine, overlay
from pneumo.engine import prepare
from pneumo.geometry import GEOMETRIES, canonical
from pneumo.lungs import find_lungs
from pneumo.radiograph import decode
from pneumo.reader import Reader

FILMS = 8  # that threads read
STARTS = 3
Calls = Mapping[str, Callable[[], object]]

# Reads one film from standard input, as a new process must.
START = """
import sys
from pneumo import load_reader
load_reader().read(sys.stdin.buffer.read())
"""


def medians(calls: Calls, *, rounds: int) -> dict[str, float]:
    """Median milliseconds of each call; they take turns, each warmed up by one call of its own."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            call()  # somebody else has just filled the caches
            started = time.perf_counter()
            call()
            found[name].append(1e3 * (time.perf_counter() - started))
    return {name: median(times) for name, times in found.items()}


def whole(reader: Reader, data: bytes) -> object:
    """A reading and its coloured map."""
    reading = reader.read(data)
    return overlay.layer(reading.evidence, full_scale=reading.evidence_full_scale)


def squares_of(reader: Reader, data: bytes) -> list[Tensor]:
    """What the members are shown of a film: (1, 1, S, S) each."""
    reading = reader.read(data)
    picture = canonical(reading.film.pixels).to(reader.device)
    return reader.ensemble.squares(picture, reading.boxes)


def stages(reader: Reader, data: bytes, *, rounds: int) -> dict[str, float]:
    """Median milliseconds of each stage of a reading, if none overlapped another."""
    with reader.ensemble.quiet():
        warm = [_stages(reader, data) for _ in range(rounds + 1)][1:]
    return {stage: median(turn[stage] for turn in warm) for stage in warm[0]}


def _stages(reader: Reader, data: bytes) -> dict[str, float]:
    watch = _Watch()
    film = decode(data)
    picture = canonical(film.pixels).to(reader.device)
    watch.lap("decode")
    lungs = find_lungs(lambda small: reader.outline([small])[0], picture)
    watch.lap("lungs")
    gate.require_film(film)
    gate.require_lungs(lungs)
    reader._pose(picture)
    watch.lap("gate")
    boxes = [GEOMETRIES[m.geometry](film.aspect, lungs.mask) for m in reader.manifest.members]
    features = reader.ensemble(reader.ensemble.squares(picture, boxes))
    watch.lap("forward")
    reader._likeness(picture, features)
    watch.lap("gate")
    heads = gradcam.Heads(reader.members, features)
    reader._estimate(heads)
    watch.lap("forward")
    evidence = reader._evidence(heads, boxes)
    watch.lap("evidence")
    overlay.layer(evidence, full_scale=reader.manifest.evidence_full_scale)
    watch.lap("overlay")
    return watch.ms


class _Watch:
    """Milliseconds by stage, of which one may have several laps."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.ms[stage] = self.ms.get(stage, 0.0) + 1e3 * (now - self._last)
        self._last = now


def batch(reader: Reader, films: int) -> dict[str, float]:
    """The members' bare forward pass on so many films at once."""
    parts = reader.ensemble.parts(films=films)
    engine = prepare(parts, device=reader.device, name=reader.ensemble.name)
    squares = [torch.rand(part.shape, device=reader.device) for part in parts]

    def forward() -> None:
        engine(squares)
        machine.settle(reader.device)

    ms = medians({"batch": forward}, rounds=3)["batch"]
    return {"films": films, "forward_ms": ms, "ms_per_film": ms / films}


def threads(reader: Reader, film: bytes, count: int) -> dict[str, float]:
    """Whole readings by several threads that share the reader."""
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(lambda _: whole(reader, film), range(count)))
        started = time.perf_counter()
        list(pool.map(lambda _: whole(reader, film), range(FILMS)))
        seconds = time.perf_counter() - started
    return {"threads": count, "films_per_s": FILMS / seconds}


def startup_s(reader: Reader, film: bytes) -> float:
    """Median seconds from the start of a new process to the end of its first reading."""
    known = {
        "PNEUMO_WEIGHTS": str(reader.bundle.folder),
        "PNEUMO_DEVICE": str(reader.device),
        "PNEUMO_ENGINE": reader.ensemble.name,
    }
    found = []
    for _ in range(STARTS):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", START],
            input=film,
            env={**os.environ, **known},
            check=True,
            cwd=Path(__file__).parents[1],
        )
        found.append(time.perf_counter() - started)
    return median(found)
