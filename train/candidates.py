"""Which trained networks belong together: every candidate and every set of them on ``select``.

    python -m train.candidates --data DIR --runs resnet18-crop-0 mobilenet-crop-0 ... [--of 3]

The plain score saturates and says little, so each candidate is asked under conditions: the films as
found, synthetic shifts, and alterations that leave the lungs untouched (train.alterations). Under
each, AUROC re-weighted so that aspect ratio says nothing; for an alteration also *crossed*: ill
films as found against well films altered, and the other way round, whichever is lower. A network
that takes the alteration for illness, or for health, loses there and nowhere else. Sets take
``--of`` runs of each of two architectures and average their log-odds, each in units of its own
spread. What is chosen by is the mean over the conditions and, beside it, the worst.

Reads role ``select`` only; about 6 minutes on 2 cores for eight candidates. Writes
train/results/candidates.json.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pneumo.calibration import log_odds
from pneumo.lungs import LungNetwork
from train import metrics, record
from train.alterations import ALTERATIONS
from train.data import Films, add_data_argument, load_role
from train.ensemble import Contender, Suitable, load_contender, outputs, suitable
from train.intervention import altered
from train.metrics import Floats
from train.selection import aspect_weights
from train.shifts import SHIFTS
from train.squares import LUNGS, load_lung_network

AS_FOUND = "as_found"
SHIFTED = ("contrast_low", "blur")  # where members lost most
ALTERED = ("margins_cut", "collimated")  # which the members of the centre crop heed
Odds = dict[str, dict[str, Floats]]  # condition -> run -> log-odds of pneumonia (N,)


@dataclass(frozen=True)
class Score:
    """What one candidate or set reaches, by condition; crossed where lungs are untouched."""

    runs: tuple[str, ...]
    by_condition: dict[str, float]
    mean: float
    worst: float


def conditions(network: LungNetwork, films: Films, data: Path) -> dict[str, Suitable]:
    """The same films under every condition: those that are never refused."""
    base = suitable(network, films)
    moved = {
        name: dataclasses.replace(films, pixels=SHIFTS[name](films.pixels)) for name in SHIFTED
    }
    moved |= {name: altered(data, base, ALTERATIONS[name].change) for name in ALTERED}
    every = {AS_FOUND: base} | {name: suitable(network, each) for name, each in moved.items()}
    kept = set.intersection(*(set(each.films.paths) for each in every.values()))
    return {name: only(each, kept) for name, each in every.items()}


def only(chosen: Suitable, paths: set[str]) -> Suitable:
    """The films of these paths."""
    index = [i for i, path in enumerate(chosen.films.paths) if path in paths]
    lungs = tuple(chosen.lungs[i] for i in index)
    return Suitable(chosen.films.subset(torch.tensor(index)), lungs, chosen.refused)


def score(runs: Sequence[str], said: Odds, sick: NDArray[np.bool_], weight: Floats) -> Score:
    """One candidate or set under every condition."""
    spread = {run: said[AS_FOUND][run].std() for run in runs}
    together = {
        name: np.mean([each[run] / spread[run] for run in runs], axis=0)
        for name, each in said.items()
    }

    def auroc(values: Floats) -> float:
        return float(metrics.auroc(sick, values)(weight[None])[0])

    found = together[AS_FOUND]
    reached = {name: auroc(values) for name, values in together.items()}
    for name in ALTERED:
        ill_altered = np.where(sick, together[name], found)
        well_altered = np.where(sick, found, together[name])
        reached[f"{name}_crossed"] = min(auroc(ill_altered), auroc(well_altered))
    values = list(reached.values())
    return Score(tuple(runs), reached, float(np.mean(values)), min(values))


def sets(runs: Sequence[Contender], count: int) -> list[tuple[str, ...]]:
    """Every choice of so many runs of each of two architectures."""
    kinds: dict[str, list[str]] = {}
    for run in runs:
        kinds.setdefault(run.architecture, []).append(run.name)
    return [
        (*one, *other)
        for a, b in itertools.combinations(kinds.values(), 2)
        for one in itertools.combinations(a, count)
        for other in itertools.combinations(b, count)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_data_argument(parser)
    parser.add_argument("--runs", nargs="+", required=True, help="folders below checkpoints/")
    parser.add_argument("--of", type=int, default=3, help="runs of each architecture in a set")
    arguments = parser.parse_args()
    runs = [load_contender(name) for name in arguments.runs]
    films = load_role(arguments.data, "select")
    chosen = conditions(load_lung_network(LUNGS), films, arguments.data)
    said: Odds = {}
    for name, each in chosen.items():
        print(f"{name}: {len(each.films)} films", flush=True)
        said[name] = {run.name: log_odds(outputs(run, each).logits) for run in runs}
    kept = chosen[AS_FOUND].films
    sick, weight = kept.label.numpy() > 0, aspect_weights(kept)
    alone = [score([run.name], said, sick, weight) for run in runs]
    together = [score(names, said, sick, weight) for names in sets(runs, arguments.of)]
    ranked = sorted(together, key=lambda s: s.mean, reverse=True)
    record.write(
        record.RESULTS / "candidates.json",
        {"schema": "pneumo.candidates/1", "films": len(kept), "alone": alone, "sets": ranked},
    )
    for each in (*alone, *ranked[:5]):
        print(f"mean {each.mean:.4f}  worst {each.worst:.4f}  {' '.join(each.runs)}")


if __name__ == "__main__":
    main()
