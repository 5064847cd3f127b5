"""The hold-out: what was measured on films of patients that nothing was fitted on.

``Holdout`` is train/results/holdout.json as the app shows it. Its film-by-film scores must give the
confusion matrices that stand beside them; a file that contradicts itself is a ValueError.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pneumo.evidence.curves import Fourfold, Measured, Scored, draw_patients

ENSEMBLE = "ensemble"
HELD_OUT = "test"  # the role's name in the split; the official test folder is another thing
DIGITS = 6  # of the numbers on disk; a probability is one minus a rounded one, so rounded again
ROUNDING = 6e-6  # by which a score, kept to five digits, may have crossed a threshold, kept to six


@dataclass(frozen=True)
class Point:
    """An operating point of one model."""

    threshold: float
    confusion: Fourfold
    metrics: Mapping[str, Measured]


@dataclass(frozen=True)
class ThreeClass:
    confusion: tuple[tuple[int, ...], ...]  # rows truth, columns verdict
    metrics: Mapping[str, Measured]


@dataclass(frozen=True)
class Bin:
    """One equal-mass bin of the reliability curve."""

    films: int
    mean_probability: float
    share_pneumonia: float


@dataclass(frozen=True)
class Shift:
    auroc: float
    accuracy: float
    ece: float


@dataclass(frozen=True)
class Shifts:
    by_shift: Mapping[str, Shift]


@dataclass(frozen=True)
class Model:
    """The ensemble, a member, or one architecture by itself."""

    pneumonia: Mapping[str, Measured]  # auroc, auprc, brier, nll, ece, ...
    operating_points: Mapping[str, Point]
    three_class: ThreeClass
    reliability: tuple[Bin, ...]
    shifts: Shifts | None = None


@dataclass(frozen=True)
class Scores:
    """Film by film, without a name: whose film, what it is, what each model says of it."""

    patient: tuple[int, ...]
    label: tuple[int, ...]  # 0 normal
    classes: Mapping[str, tuple[tuple[float, ...], ...]]


@dataclass(frozen=True)
class Role:
    """Everything measured on one role of the split."""

    films: Mapping[str, int]  # by class, normal first
    patients: int
    refused: int
    refused_under_shift: Mapping[str, int]
    models: Mapping[str, Model]
    scores: Scores

    def __post_init__(self) -> None:
        counts = tuple(self.scores.label.count(i) for i in range(len(self.films)))
        if counts != tuple(self.films.values()) or not counts[0] or sum(counts) == counts[0]:
            raise ValueError(f"labels {counts} are not the films {dict(self.films)}")
        if ENSEMBLE not in self.models:
            raise ValueError("the ensemble is not among the models")
        for name, model in self.models.items():
            for point in model.operating_points:
                self.threshold(name, point)

    @property
    def prevalence(self) -> float:
        """Share of these films that show pneumonia: how they were gathered, not how common."""
        normal, *others = self.films.values()
        return sum(others) / (normal + sum(others))

    def threshold(self, model: str, point: str) -> float:
        """Where the rounded scores give the very confusion matrix of an operating point.

        That is the stored threshold, unless rounding carried a film across it. Raises KeyError,
        and ValueError where the scores contradict the confusion matrix.
        """
        at, scored = self.models[model].operating_points[point], self.scored(model)
        for nudge in (0.0, ROUNDING, -ROUNDING):
            if scored.called(at.threshold + nudge) == at.confusion:
                return at.threshold + nudge
        raise ValueError(f"{model}, {point}: the scores contradict the confusion matrix")

    def scored(self, model: str) -> Scored:
        """One model's films. Raises KeyError."""
        return self._scored[model]

    @functools.cached_property
    def _scored(self) -> dict[str, Scored]:
        """Every model's films: made once, since a slider asks for them at every move."""
        sick = np.array(self.scores.label) > 0
        people, patient = np.unique(self.scores.patient, return_inverse=True)
        draws = draw_patients(len(people))

        def scored(rows: tuple[tuple[float, ...], ...]) -> Scored:
            normal = np.array([row[0] for row in rows])
            return Scored(sick, np.round(1 - normal, DIGITS), patient, draws)

        return {name: scored(self.scores.classes[name]) for name in self.models}


@dataclass(frozen=True)
class Holdout:
    weights: str
    accuracy_under_shift_at: str  # the operating point whose accuracy is followed
    roles: Mapping[str, Role]

    def __post_init__(self) -> None:
        if HELD_OUT not in self.roles:
            raise ValueError(f"role {HELD_OUT} was not measured")

    @property
    def held_out(self) -> Role:
        return self.roles[HELD_OUT]
