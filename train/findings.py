"""From the experiments' runs to answers: differences with intervals, and a sentence each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train import metrics, thresholds
from train.data import Films
from train.metrics import Bootstrap, Floats, Measured, Metric
from train.questions import QUESTIONS, Question
from train.selection import aspect_weights

Key = Callable[[Mapping[str, object], int], str]
BASE: dict[str, object] = {}  # no change
SENSITIVITY = 0.99  # that the threshold question asks of a threshold chosen in advance


@dataclass(frozen=True)
class Run:
    """One trained network and what it says, in the order of the roles' films."""

    changes: dict[str, object]  # against the base recipe
    seed: int
    parameters: int
    seconds: float  # of training, scoring on select after every epoch included
    said: dict[str, list[float]]  # role -> probability of pneumonia, uncalibrated


@dataclass(frozen=True)
class Variant:
    """One line of an answer: the mean over seeds, and the difference to the first line."""

    name: str
    auroc: Measured  # re-weighted for aspect
    by_seed: list[float]
    difference: Measured | None  # None for the first
    parameters: int
    minutes: float  # per run


@dataclass(frozen=True)
class Answer:
    """What the runs say to one question."""

    name: str
    asks: str
    variants: list[Variant]
    sentence: str


class Jury:
    """The films of ``select``, their weights and resamples: every variant before the same ones."""

    def __init__(self, films: Films) -> None:
        self.sick = films.label.numpy() > 0
        self.weight = aspect_weights(films)
        self.bootstrap = Bootstrap(films.patients)

    def mean(self, said: Sequence[Floats]) -> Metric:
        """The AUROC of several networks, averaged."""
        curves = [metrics.auroc(self.sick, each) for each in said]
        return lambda w: np.mean([curve(w) for curve in curves], axis=0)

    def measure(self, metric: Metric) -> Measured:
        return self.bootstrap.measure(metric, weight=self.weight)

    def variant(self, name: str, runs: Sequence[Run], first: Sequence[Run] | None) -> Variant:
        """One line; ``first`` are the runs of the line that it is held against."""
        own = self.mean([np.array(run.said["select"]) for run in runs])
        difference = None
        if first is not None:
            other = self.mean([np.array(run.said["select"]) for run in first])
            difference = self.measure(lambda w: own(w) - other(w))
        return Variant(
            name=name,
            auroc=self.measure(own),
            by_seed=[self.measure(self.mean([np.array(r.said["select"])])).value for r in runs],
            difference=difference,
            parameters=runs[0].parameters,
            minutes=float(np.mean([run.seconds for run in runs])) / 60,
        )


def sentence(variants: Sequence[Variant]) -> str:
    """What to do, as far as the intervals and the seeds carry it; in Markdown."""
    first, *others = variants
    better = [v for v in others if v.difference and _clear(v, first) > 0]
    worse = [v for v in others if v.difference and _clear(v, first) < 0]
    alike = [v for v in others if v not in better and v not in worse]
    parts = []
    if better:
        best = max(better, key=lambda v: v.auroc.value)
        parts.append(f"Prefer *{best.name}* ({_gain(best)} over *{first.name}*)")
    else:
        parts.append(f"Keep *{first.name}*: nothing here is clearly better")
    if worse:
        parts.append(f"avoid {', '.join(f'*{v.name}* ({_gain(v)})' for v in worse)}")
    if alike:
        names = ", ".join(f"*{v.name}*" for v in alike)
        parts.append(f"{names} cannot be told from *{first.name}* on these films")
    return "; ".join(parts) + "."


def _clear(variant: Variant, first: Variant) -> int:
    """1 or -1 where the interval leaves out zero and every seed agrees; else 0."""
    assert variant.difference is not None
    if variant.difference.low > 0 and min(variant.by_seed) > max(first.by_seed):
        return 1
    if variant.difference.high < 0 and max(variant.by_seed) < min(first.by_seed):
        return -1
    return 0


def _gain(variant: Variant) -> str:
    d = variant.difference
    assert d is not None
    return f"{d.value:+.3f}, {d.low:+.3f} to {d.high:+.3f}"


def answer(question: Question, runs: Mapping[str, Run], key: Key, jury: Jury) -> Answer | None:
    """The answer to one question; None while a run of it is missing."""
    of = {
        name: [runs.get(key(changes, seed)) for seed in question.seeds]
        for name, changes in question.variants.items()
    }
    done = {name: [run for run in each if run] for name, each in of.items()}
    if any(len(each) < len(question.seeds) for each in done.values()):
        return None
    first = next(iter(done.values()))
    variants = [
        jury.variant(name, each, None if each is first else first) for name, each in done.items()
    ]
    return Answer(question.name, question.asks, variants, sentence(variants))


def members(base: Sequence[Run], jury: Jury) -> Answer:
    """What averaging more networks of the base recipe buys: the mean over every choice of them."""
    said = np.array([run.said["select"] for run in base])  # (S, N)
    variants: list[Variant] = []
    alone = jury.mean(list(said))
    for count in range(1, len(base) + 1):
        together = [
            said[list(c)].mean(axis=0) for c in itertools.combinations(range(len(base)), count)
        ]
        own = jury.mean(together)
        gain = None if count == 1 else jury.measure(lambda w, own=own: own(w) - alone(w))
        variants.append(
            Variant(
                name=f"{count} network{'s' if count > 1 else ''}",
                auroc=jury.measure(own),
                by_seed=[jury.measure(jury.mean([each])).value for each in together],
                difference=gain,
                parameters=count * base[0].parameters,
                minutes=count * float(np.mean([run.seconds for run in base])) / 60,
            )
        )
    last = variants[-1]
    text = (
        f"Averaging {len(base)} networks gains {_gain(last)} over one; the second brings "
        f"{variants[1].auroc.value - variants[0].auroc.value:+.3f}, the last "
        f"{last.auroc.value - variants[-2].auroc.value:+.3f}."
    )
    return Answer("ensembling", "What do more members buy?", variants, text)


@dataclass(frozen=True)
class Cost:
    """What one way to choose a threshold on ``calibrate`` costs on ``select``, mean over seeds."""

    rule: str
    threshold: list[float]  # by seed
    sensitivity: Measured
    specificity: Measured
    balanced_accuracy: Measured


def threshold_rules(base: Sequence[Run], calibrate: Films, jury: Jury) -> dict[str, object]:
    """One half, Youden's, and the highest that keeps a sensitivity: chosen before, paid after."""
    sick = calibrate.label.numpy() > 0
    found = {"one half": [0.5 for _ in base], "Youden": [], "sensitivity 0.99": []}
    for run in base:
        candidates = thresholds.Candidates.of(sick, np.array(run.said["calibrate"]))
        kept = np.flatnonzero(candidates.sensitivity >= SENSITIVITY)[-1]
        found["Youden"].append(float(candidates.threshold[thresholds.balanced(candidates)]))
        found["sensitivity 0.99"].append(float(candidates.threshold[kept]))
    costs = [_cost(rule, each, base, jury) for rule, each in found.items()]
    half, *others = costs
    best = max(others, key=lambda c: c.balanced_accuracy.value)
    pays = best.balanced_accuracy.low > half.balanced_accuracy.value
    text = (
        f"{'Choose' if pays else 'It hardly matters whether you choose'} the threshold on films of "
        f"its own: balanced accuracy {best.balanced_accuracy.value:.3f} by {best.rule}, "
        f"{half.balanced_accuracy.value:.3f} at one half."
    )
    return {"name": "threshold", "asks": "Does a chosen threshold pay?", "rules": costs} | {
        "sentence": text
    }


def _cost(rule: str, chosen: Sequence[float], base: Sequence[Run], jury: Jury) -> Cost:
    pairs = [
        (np.array(r.said["select"]) >= t).astype(float) for r, t in zip(base, chosen, strict=True)
    ]

    def share(of: NDArray[np.bool_], right: bool) -> Metric:
        hits = np.mean([each == float(right) for each in pairs], axis=0)
        return lambda w: (w * of) @ hits / (w @ of)

    sensitivity, specificity = share(jury.sick, True), share(~jury.sick, False)
    measure = jury.bootstrap.measure
    return Cost(
        rule=rule,
        threshold=list(chosen),
        sensitivity=measure(sensitivity),
        specificity=measure(specificity),
        balanced_accuracy=measure(lambda w: (sensitivity(w) + specificity(w)) / 2),
    )


def answer_all(
    runs: Mapping[str, Run], key: Key, select: Films, calibrate: Films, *, base_seeds: Sequence[int]
) -> list[object]:
    """Every answer that the finished runs give."""
    jury = Jury(select)
    answers: list[object] = [answer(question, runs, key, jury) for question in QUESTIONS]
    base = [runs.get(key(BASE, seed)) for seed in base_seeds]
    done = [run for run in base if run]
    if len(done) == len(base):
        answers += [members(done, jury), threshold_rules(done, calibrate, jury)]
    return [each for each in answers if each is not None]
