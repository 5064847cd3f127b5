"""README's section of speed, from what `python -m pneumo bench --json` wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pneumo.bench import engine_in_words
from train.pages.tables import table

NAMES = {
    "ours_ms": "**bytes to reading and coloured map**",
    "baseline_a_ms": "the same, eager float32, Grad-CAM of pytorch-grad-cam for each member",
    "forward_ms": "the members' bare forward pass, as here",
    "openvino_ms": "the same in OpenVINO, one member after another",
    "onnxruntime_ms": "the same in ONNX Runtime, one member after another",
    "limit_ms": "its limit: multiply-adds at the measured rate of a large matrix product, or "
    "weights at that of copying, whichever takes longer",
}


def section(bench: Mapping[str, Any]) -> str:
    """One machine's speed: what a film takes, beside what others would take in the same run."""
    ours = bench["ours_ms"]
    rows = [
        [words, f"{bench[key]:.1f}", f"{bench[key] / ours:.2f}"]
        for key, words in NAMES.items()
        if bench[key] is not None
    ]
    return "\n\n".join(
        [
            f"Speed, measured {bench['created']} by `python -m pneumo bench` on "
            f"{bench['machine']}: {bench['members']} members by {engine_in_words(bench)}, one "
            f"film at a time, medians of {bench['rounds']} rounds in which all take turns.",
            table(["one film", "ms", "times ours"], rows),
            stages(bench),
            *bench["notes"].values(),
        ]
    )


def stages(bench: Mapping[str, Any]) -> str:
    """Stage by stage, then what many films, a start and the memory cost."""
    parts = ", ".join(f"{stage} {ms:.1f}" for stage, ms in bench["stages"].items())
    batches = ", ".join(f"{b['ms_per_film']:.1f} for {b['films']}" for b in bench["batches"])
    threads = ", ".join(f"{t['films_per_s']:.1f} by {t['threads']}" for t in bench["threads"])
    memory = f"; at most {bench['peak_mb']:,.0f} MB of memory" if bench["peak_mb"] else ""
    return (
        f"Milliseconds by stage, each by itself: {parts}; members that need no lungs look while "
        f"these are found. Forward pass per film, by films at once: {batches}. "
        f"Whole readings per second, by threads: {threads}. From the start of the process to its "
        f"first reading {bench['startup_s']:.1f} s{memory}."
    )


def under_load(load: Mapping[str, Any]) -> str:
    """What several clients at once saw, and what the memory did meanwhile."""
    memory = ", ".join(
        f"{mib:,} MiB after {int(count):,}" for count, mib in load["memory_mib"].items()
    )
    return (
        f"Under load, measured {load['measured']} by `python -m tests.load` on "
        f"{load['processors']} cores: {load['clients']} clients at once, each with a film of its "
        f"own, for {load['seconds']} s: {load['readings']:,} readings, {load['errors']} errors, "
        f"{load['mixed']} answers to another's film; half within {load['median_s']:.2f} s, 95 of "
        f"100 within {load['p95_s']:.2f} s. Memory of server and clients: {memory} readings."
    )


def long_batch(batch: Mapping[str, Any]) -> str:
    """What a film of a long batch took, and what the memory did meanwhile."""
    marks = ", ".join(
        f"{m['ms_per_film']:.0f} ms a film and {m['memory_mib']:,} MiB up to {m['films']:,}"
        for m in batch["marks"]
    )
    return (
        f"A long batch, measured {batch['measured']} by `python -m tests.long_batch` on "
        f"{batch['processors']} cores, two films at once: {marks}."
    )
