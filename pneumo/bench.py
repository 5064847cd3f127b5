"""How long a reading takes on this machine, beside what others would take: ratios in one run.

``ours_ms`` is everything from a film's bytes to its reading and the coloured map, and
``baseline_a_ms`` is the same by `rivals.BaselineA`. ``forward_ms``, ``onnxruntime_ms`` and
``openvino_ms`` are the members' bare forward pass on squares that are there already, and
``limit_ms`` is what the machine could do at best. Each is the median of calls that take turns, so
that a slow minute of the machine is everybody's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pneumo import machine, rivals, stopwatch
from pneumo.engine import OPENVINO, Part
from pneumo.errors import PneumoError
from pneumo.reader import Reader

SCHEMA = "pneumo.bench/1"
FILM = Path(__file__).parents[1] / "examples" / "normal-1.png"
ROUNDS = 15
BATCHES = {"cpu": (1, 4, 16), "cuda": (1, 32, 256)}
AT_ONCE = (1, 2)  # threads that read whole films
TIMES = ("ours_ms", "baseline_a_ms", "forward_ms", "onnxruntime_ms", "openvino_ms", "limit_ms")


def device_of(name: str | None) -> torch.device | None:
    """The device of that name. Raises PneumoError where there is none."""
    if name == "cuda" and not torch.cuda.is_available():
        raise PneumoError("There is no CUDA device here; leave out --device cuda.")
    return torch.device(name) if name else None


def measure(reader: Reader, film: bytes, *, rounds: int) -> dict[str, Any]:
    """Everything as JSON; null where something could not be measured, and ``notes`` says why.

    Raises a PneumoError where the reader refuses the film.
    """
    device, parts = reader.device, reader.ensemble.parts()
    squares = stopwatch.squares_of(reader, film)
    stages = stopwatch.stages(reader, film, rounds=rounds)
    peak = machine.peak_mb(device)  # before anybody else takes memory
    calls, notes = contenders(reader, film, parts, squares)
    found: dict[str, float | None] = dict.fromkeys(TIMES)
    found |= stopwatch.medians(calls, rounds=rounds)
    found["limit_ms"] = machine.limit(parts, device, halved=reader.ensemble.halves).ms
    return {
        "schema": SCHEMA,
        "device": device.type,
        "members": len(parts),
        **found,
        "peak_mb": peak,
        "ratios": ratios(found),
        "startup_s": stopwatch.startup_s(reader, film),
        "stages": stages,
        "batches": [stopwatch.batch(reader, n) for n in BATCHES[device.type]],
        "threads": [stopwatch.threads(reader, film, n) for n in AT_ONCE],
        "notes": notes,
        "engine": reader.ensemble.name,
        "bfloat16": reader.ensemble.halves,
        "machine": machine.in_words(device),
        "rounds": rounds,
        "weights": reader.manifest.revision,
        "created": datetime.now(UTC).date().isoformat(),
    }


def contenders(
    reader: Reader, film: bytes, parts: Sequence[Part], squares: Sequence[Tensor]
) -> tuple[stopwatch.Calls, dict[str, str]]:
    """What is timed, by its key in the result, and why others are missing."""

    def forward() -> None:
        reader.ensemble(squares)
        machine.settle(reader.device)

    calls: dict[str, Callable[[], object]] = {
        "ours_ms": partial(stopwatch.whole, reader, film),
        "baseline_a_ms": partial(rivals.BaselineA(reader).read, film),
        "forward_ms": forward,
    }
    notes = {}
    for name, packages, make in (
        ("onnxruntime", ("onnxruntime", "onnx", "onnxscript"), rivals.in_onnxruntime),
        ("openvino", (OPENVINO,), rivals.in_openvino),
    ):
        if reader.device.type != "cpu":
            notes[name] = f"{name} is measured on the processor only."
        elif not rivals.installed(*packages):
            notes[name] = f"Not measured: {' or '.join(packages)} is not installed."
        else:
            calls[f"{name}_ms"] = partial(make(parts), squares)
    return calls, notes


def ratios(found: Mapping[str, float | None]) -> dict[str, float | None]:
    """How many times as long: what a bench is for, since milliseconds are one machine's."""
    ours, limit = found["ours_ms"], found["limit_ms"]
    bare = [t for t in (found["onnxruntime_ms"], found["openvino_ms"]) if t is not None]
    over = {
        "baseline_a_to_ours": (found["baseline_a_ms"], ours),
        "ours_to_best_bare_forward": (ours, min(bare) if bare else None),
        "ours_to_limit": (ours, limit),
        "forward_to_limit": (found["forward_ms"], limit),
    }
    return {name: a / b if a and b else None for name, (a, b) in over.items()}


def rounded(found: Any) -> Any:
    """The same with four significant digits: no clock tells more."""
    if isinstance(found, dict):
        return {key: rounded(value) for key, value in found.items()}
    if isinstance(found, list):
        return [rounded(value) for value in found]
    return float(f"{found:.4g}") if isinstance(found, float) else found


def in_words(found: Mapping[str, Any]) -> list[str]:
    """What was measured, a line each."""
    lines = [f"{found['machine']}; {found['members']} members by {engine_in_words(found)}"]
    for key in TIMES:
        name = key.removesuffix("_ms").replace("_", " ")
        lines.append(f"{name:<24}{_number(found[key]):>10} ms")
    lines += [f"  {stage:<22}{ms:>10.2f} ms" for stage, ms in found["stages"].items()]
    lines += [f"{n.replace('_', ' '):<28}{_number(r):>6}" for n, r in found["ratios"].items()]
    for each in found["batches"]:
        lines.append(f"forward of {each['films']:<13}{each['ms_per_film']:>10.2f} ms a film")
    for each in found["threads"]:
        lines.append(f"{each['threads']} reading at once{each['films_per_s']:>18.1f} films/s")
    lines.append(f"{'start to first reading':<24}{found['startup_s']:>10.2f} s")
    lines.append(f"{'memory at most':<24}{_number(found['peak_mb']):>10} MB")
    return [*lines, *found["notes"].values()]


def engine_in_words(found: Mapping[str, Any]) -> str:
    """What runs the members, and at which precision."""
    precision = "bfloat16 where they stand it" if found["bfloat16"] else "float32"
    return f"{found['engine']} in {precision}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
