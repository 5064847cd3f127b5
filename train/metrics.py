"""DESIGN's metrics with 95 % intervals, from labels and predicted probabilities.

Every metric is a function of per-film weights (R, N): one row of ones gives the value, a thousand
rows of bootstrap counts give its interval, and the same function takes the weights that make
aspect ratio say nothing. Resampling draws patients, not films: films of one child are not
independent. The tests hold each metric against scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Metric = Callable[[Floats], Floats]  # weights (R, N) -> values (R,)

RESAMPLES = 1000
ECE_BINS = 15
SEED = 0
SMALLEST = 1e-7  # probability; a certain miss costs 16 nats, not infinity


@dataclass(frozen=True)
class Measured:
    """A metric's value and its 95 % interval over patients."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Confusion:
    """Films by truth and by verdict at one threshold."""

    true_positive: int
    false_negative: int
    true_negative: int
    false_positive: int


@dataclass(frozen=True)
class AtThreshold:
    """What one threshold costs, every film counted by its probability alone."""

    threshold: float
    confusion: Confusion
    metrics: dict[str, Measured]


@dataclass(frozen=True)
class Bin:
    """One equal-mass bin of the reliability curve."""

    films: int
    mean_probability: float
    share_pneumonia: float


@dataclass(frozen=True)
class ThreeClass:
    """How well normal, bacterial-type and viral-type films are told apart."""

    confusion: list[list[int]]  # rows truth, columns verdict, in the order of the classes
    metrics: dict[str, Measured]


class Bootstrap:
    """Resamples of the patients, drawn once, so that all metrics see the same ones."""

    def __init__(self, patients: Sequence[str], *, resamples: int = RESAMPLES) -> None:
        _, cluster = np.unique(np.array(patients), return_inverse=True)  # (N,)
        count = int(cluster.max()) + 1
        draws = np.random.default_rng(SEED).multinomial(
            count, np.full(count, 1 / count), size=resamples
        )
        self.weights: Floats = draws[:, cluster].astype(np.float64)  # (R, N)

    def measure(
        self, metric: Metric, *, weight: Floats | None = None, centred: bool = False
    ) -> Measured:
        """A metric with its percentile interval; ``weight`` (N,) weighs the films.

        ``centred`` moves the resamples onto the value, for a metric that is never negative and
        that counts the noise of resampling itself as error: its raw interval may miss the value.
        """
        base = np.ones(self.weights.shape[1]) if weight is None else weight
        value = float(metric(base[None])[0])
        drawn = metric(self.weights * base)  # (R,)
        # A resample without one of the classes has no AUROC; it says nothing and is left out.
        drawn = drawn[~np.isnan(drawn)]
        if centred:
            drawn = np.maximum(drawn - drawn.mean() + value, 0)
        low, high = np.quantile(drawn, [0.025, 0.975]) if drawn.size else (np.nan, np.nan)
        return Measured(value, float(low), float(high))


def auroc(sick: NDArray[np.bool_], score: Floats) -> Metric:
    """Area under the ROC curve; ties count half."""
    order, starts = _tied_groups(score)
    positive = sick[order].astype(np.float64)

    def metric(w: Floats) -> Floats:
        w = w[:, order]
        hits = np.add.reduceat(w * positive, starts, axis=1)  # (R, G), by rising score
        others = np.add.reduceat(w * (1 - positive), starts, axis=1)
        below = others.cumsum(axis=1) - others / 2
        return _ratio((hits * below).sum(axis=1), hits.sum(axis=1) * others.sum(axis=1))

    return metric


def auprc(sick: NDArray[np.bool_], score: Floats) -> Metric:
    """Average precision: the step-wise area under the precision-recall curve."""
    order, starts = _tied_groups(-score)
    positive = sick[order].astype(np.float64)

    def metric(w: Floats) -> Floats:
        w = w[:, order]
        hits = np.add.reduceat(w * positive, starts, axis=1)  # (R, G), by falling score
        every = np.add.reduceat(w, starts, axis=1).cumsum(axis=1)
        precision = np.where(hits > 0, hits.cumsum(axis=1) / np.maximum(every, 1e-300), 0)
        return _ratio((hits * precision).sum(axis=1), hits.sum(axis=1))

    return metric


def mean_of(per_film: Floats) -> Metric:
    """Weighted mean of a per-film cost or hit (N,)."""
    return lambda w: _ratio(w @ per_film, w.sum(axis=1))


def brier(sick: NDArray[np.bool_], probability: Floats) -> Metric:
    return mean_of((probability - sick) ** 2)


def nll(sick: NDArray[np.bool_], probability: Floats) -> Metric:
    """Negative log-likelihood of pneumonia or not, nats per film."""
    p = np.clip(probability, SMALLEST, 1 - SMALLEST)
    return mean_of(-np.where(sick, np.log(p), np.log(1 - p)))


def ece(sick: NDArray[np.bool_], probability: Floats, *, bins: int = ECE_BINS) -> Metric:
    """Expected calibration error over equal-mass bins, which stay fixed while resampling."""
    member = np.eye(bins)[equal_mass(probability, bins)]  # (N, B)
    gap = (sick - probability)[:, None] * member
    return lambda w: _ratio(np.abs(w @ gap).sum(axis=1), w.sum(axis=1))


def equal_mass(probability: Floats, bins: int) -> NDArray[np.int64]:
    """Bin numbers (N,): equally many films per bin by rank, equal probabilities never parted."""
    edges = np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf")
    return np.asarray(np.digitize(probability, edges, right=True), dtype=np.int64)


def at_threshold(
    sick: NDArray[np.bool_], probability: Floats, threshold: float, bootstrap: Bootstrap
) -> AtThreshold:
    """Confusion matrix and its metrics, "pneumonia" being at or above the threshold."""
    called = probability >= threshold
    cells = np.stack(
        [sick & called, sick & ~called, ~sick & ~called, ~sick & called], axis=1
    ).astype(np.float64)  # (N, 4): true positive, false negative, true negative, false positive

    def of_counts(formula: Callable[..., Floats]) -> Measured:
        return bootstrap.measure(lambda w: formula(*(w @ cells).T))

    return AtThreshold(
        threshold=threshold,
        confusion=Confusion(*cells.sum(axis=0).astype(int).tolist()),
        metrics={name: of_counts(formula) for name, formula in FOURFOLD.items()},
    )


def mcc(tp: Floats, fn: Floats, tn: Floats, fp: Floats) -> Floats:
    """Matthews correlation coefficient; 0 where one column or row is empty, as in scikit-learn."""
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return np.where(product > 0, (tp * tn - fp * fn) / np.sqrt(np.maximum(product, 1e-300)), 0)


# Each from the four weighted counts: true positive, false negative, true negative, false positive.
FOURFOLD: dict[str, Callable[[Floats, Floats, Floats, Floats], Floats]] = {
    "accuracy": lambda tp, fn, tn, fp: (tp + tn) / (tp + fn + tn + fp),
    "balanced_accuracy": lambda tp, fn, tn, fp: (_ratio(tp, tp + fn) + _ratio(tn, tn + fp)) / 2,
    "sensitivity": lambda tp, fn, tn, fp: _ratio(tp, tp + fn),
    "specificity": lambda tp, fn, tn, fp: _ratio(tn, tn + fp),
    "precision": lambda tp, fn, tn, fp: _ratio(tp, tp + fp),
    "f1": lambda tp, fn, tn, fp: _ratio(2 * tp, 2 * tp + fn + fp),
    "mcc": mcc,
}


def of_probability(
    sick: NDArray[np.bool_], probability: Floats, bootstrap: Bootstrap
) -> dict[str, Measured]:
    """The metrics of a probability of pneumonia (N,) that need no threshold."""
    kinds = {"auroc": auroc, "auprc": auprc, "brier": brier, "nll": nll, "ece": ece}
    return {
        name: bootstrap.measure(kind(sick, probability), centred=kind is ece)
        for name, kind in kinds.items()
    }


def reliability_curve(
    sick: NDArray[np.bool_], probability: Floats, *, bins: int = ECE_BINS
) -> list[Bin]:
    """The bins that ``ece`` adds up, without empty ones."""
    number = equal_mass(probability, bins)
    inside = [number == b for b in range(bins) if (number == b).any()]
    return [Bin(int(i.sum()), float(probability[i].mean()), float(sick[i].mean())) for i in inside]


def of_classes(
    label: NDArray[np.int64], classes: Floats, names: Sequence[str], bootstrap: Bootstrap
) -> ThreeClass:
    """Metrics of class probabilities (N, K) against class numbers (N,)."""
    kinds = len(names)
    verdict = classes.argmax(axis=1)
    cells = np.eye(kinds * kinds)[label * kinds + verdict]  # (N, K * K), truth by verdict
    curves = [auroc(label == k, classes[:, k]) for k in range(kinds)]

    def table(w: Floats) -> Floats:  # (R, K, K)
        return (w @ cells).reshape(-1, kinds, kinds)

    def macro_f1(w: Floats) -> Floats:
        t = table(w)
        hits = np.einsum("rkk->rk", t)
        return _ratio(2 * hits, t.sum(axis=1) + t.sum(axis=2)).mean(axis=1)

    def recall(k: int) -> Metric:
        return lambda w: _ratio(table(w)[:, k, k], table(w)[:, k].sum(axis=1))

    metrics = {
        "accuracy": bootstrap.measure(mean_of((verdict == label).astype(np.float64))),
        "macro_f1": bootstrap.measure(macro_f1),
        "macro_auroc": bootstrap.measure(lambda w: np.mean([c(w) for c in curves], axis=0)),
    } | {f"recall_{name}": bootstrap.measure(recall(k)) for k, name in enumerate(names)}
    return ThreeClass(table(np.ones((1, len(label))))[0].astype(int).tolist(), metrics)


def _tied_groups(score: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The order of rising score, and where in it each run of equal scores starts."""
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return order, starts


def _ratio(part: Floats, whole: Floats) -> Floats:
    """part / whole, not a number where the whole is empty."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
