"""Answer the questions of train.questions by training: one small network per variant and seed.

    python -m train.experiments --data DIR [--init FILE] [--question NAME ...] [--minutes M]

Every variant differs in one thing from the base recipe (a MobileNetV2 from ImageNet, 5 epochs at 48
pixels on a third of the films; for questions about small networks a cnn3 from scratch, 6 epochs at
28), is trained from at least two seeds without early stopping, and is scored on ``select``: AUROC
re-weighted so that aspect ratio says nothing. Two questions need no training of their own: what
more members buy, and what a threshold chosen in advance buys, from the base's seeds.

A run takes a minute or two on one core, all of them two hours; ``--minutes`` stops after the
run that passes it. Started again, the command goes on: finished runs lie in
train/results/experiments.json, with the answers that they give so far.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import itertools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from pneumo.networks import ARCHITECTURES
from pneumo.networks.base import log_odds
from pneumo.networks.cnn import CNN
from train import record, split
from train.data import add_data_argument, load_role
from train.findings import Run, answer_all
from train.fit import fit
from train.processes import joined
from train.questions import BASE, QUESTIONS, Question
from train.recipe import Config
from train.selection import predict
from train.squares import corners_for, squares

RESULT = record.RESULTS / "experiments.json"
BASE_SEEDS = (0, 1, 2, 3, 4)  # of the base recipe, for what more members buy
EXTRA = {  # networks that only answer a question; none is shipped
    "cnn2": partial(CNN, (32, 64), hidden=1024, dropout=0.5),
    "cnn3_narrow": partial(CNN, (16, 32, 64), hidden=1024, dropout=0.5),
    "cnn3_plain": partial(CNN, (32, 64, 128), hidden=1024, dropout=0.5, normalised=False),
    "cnn3_wide": partial(CNN, (64, 128, 256), hidden=1024, dropout=0.5),
}


def key(changes: Mapping[str, object], seed: int) -> str:
    """A short name of a variant and seed: equal recipes are one run, whoever asks for them."""
    text = json.dumps(record.plain(dict(changes)), sort_keys=True)
    return f"{hashlib.sha256(text.encode()).hexdigest()[:10]}-{seed}"


def asked(questions: Sequence[Question]) -> Iterator[tuple[Mapping[str, object], int]]:
    """Every recipe and seed that the questions need, the base first."""
    yield from (({}, seed) for seed in BASE_SEEDS)
    for question in questions:
        yield from itertools.product(question.variants.values(), question.seeds)


def train(changes: Mapping[str, Any], seed: int, *, data: Path, init: str) -> Run:
    """Train one network and ask it about ``select``, and the base about ``calibrate`` too."""
    name = f"experiments/{key(changes, seed)}"
    config = Config(**{"name": name, "data": data, "seed": seed, "init": init, **BASE, **changes})
    started = time.perf_counter()
    with joined(config.device) as place:
        network = fit(config, place)
    seconds = time.perf_counter() - started
    said = {
        role: probabilities(network, config, role)
        for role in ("select", *(["calibrate"] if not changes else []))
    }
    parameters = sum(p.numel() for p in network.parameters())
    return Run(record.plain(dict(changes)), seed, parameters, seconds, said)


@torch.no_grad()
def probabilities(network: torch.nn.Module, config: Config, role: str) -> list[float]:
    """Probability of pneumonia of every film of a role, uncalibrated."""
    films = load_role(config.data, role)
    corners = corners_for(films, config.geometry)
    seen = squares(films, corners, config.sizes[-1])
    return log_odds(predict(network, seen, bf16=False)).sigmoid().tolist()


def setting(init: str) -> dict[str, object]:
    """What all runs share beside their questions: they can be compared only under one."""
    source = record.sha256_of(Path(init)) if Path(init).is_file() else init
    base = {name: value for name, value in BASE.items() if name != "tensorboard"}
    return {"base": record.plain(base), "init": source, "split": record.sha256_of(split.SPLIT_CSV)}


def load(path: Path, init: str) -> dict[str, Run]:
    """Finished runs by key; none before the first. Ends the program where others began there."""
    if not path.exists():
        return {}
    saved = json.loads(path.read_text())
    if other := [name for name, value in setting(init).items() if saved[name] != value]:
        raise SystemExit(f"{path.name} was begun with another {other[0]}; move it away first.")
    return {name: Run(**run) for name, run in saved["runs"].items()}


def save(path: Path, runs: Mapping[str, Run], *, data: Path, init: str) -> None:
    """Write the runs and every answer that they give so far."""
    result = {
        "schema": "pneumo.experiments/1",
        **setting(init),
        "minutes": sum(run.seconds for run in runs.values()) / 60,
        "answers": answer_all(
            runs,
            key,
            load_role(data, "select"),
            load_role(data, "calibrate"),
            base_seeds=BASE_SEEDS,
        ),
        "runs": {name: dataclasses.asdict(run) for name, run in sorted(runs.items())},
    }
    record.write(path, result)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_data_argument(parser)
    parser.add_argument("--init", default="imagenet", help="as for train.fit; a file or imagenet")
    parser.add_argument("--question", nargs="+", choices=[q.name for q in QUESTIONS])
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no run after")
    arguments = parser.parse_args()
    ARCHITECTURES.update(EXTRA)
    questions = [q for q in QUESTIONS if not arguments.question or q.name in arguments.question]
    runs, started = load(RESULT, arguments.init), time.perf_counter()
    wanted = {key(changes, seed): (changes, seed) for changes, seed in asked(questions)}
    for name in [name for name in wanted if name not in runs]:
        if time.perf_counter() - started > 60 * arguments.minutes:
            break
        changes, seed = wanted[name]
        print(f"{len(runs) + 1} of {len(wanted)}: {changes or 'base'}, seed {seed}", flush=True)
        runs[name] = train(changes, seed, data=arguments.data, init=arguments.init)
        save(RESULT, runs, data=arguments.data, init=arguments.init)
    save(RESULT, runs, data=arguments.data, init=arguments.init)


if __name__ == "__main__":
    main()
