"""What was measured with exactly the weights in use: train/results/*.json, read strictly.

A file that is absent, of another schema, of other weights, or at odds with itself becomes
``Missing`` with a sentence that says so; no number of it is ever shown. The schema's number pins
what a key means, so keys that nothing shows are left alone, and a missing or mistyped one is an
error.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import logging
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pneumo.evidence.curves import Measured
from pneumo.evidence.holdout import Holdout

FOLDER = Path(__file__).parents[2] / "train" / "results"
log = logging.getLogger("pneumo.evidence.results")


@dataclass(frozen=True)
class Missing:
    """Why there is nothing to show."""

    sentence: str


@dataclass(frozen=True)
class Share:
    """How many of how many films; NaN where there are no films."""

    hits: int
    films: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class RiskAt:
    coverage: float  # share of films kept
    risk: float  # share of wrong verdicts among them


@dataclass(frozen=True)
class Referral:
    """Referring the least certain films first, by one way of ranking them."""

    area: Measured
    accuracy_kept_by_share_referred: Mapping[str, Measured]
    curve: tuple[RiskAt, ...]


@dataclass(frozen=True)
class Rule:
    """What the shipped rule refers at one operating point."""

    referred: Share
    wrong_among_kept: Share
    wrong_among_referred: Share


@dataclass(frozen=True)
class Condition:
    films: int
    wrong: Share
    referring_by: Mapping[str, Referral]
    shipped_rule: Mapping[str, Rule]


@dataclass(frozen=True)
class Uncertainty:
    weights: str
    operating_point: str  # whose verdicts are right or wrong
    disagreement_limit: float  # nats
    conditions: Mapping[str, Condition]


@dataclass(frozen=True)
class Alone:
    """A nuisance as the only thing known of a film."""

    auroc: Measured
    median_normal: float
    median_pneumonia: float


@dataclass(frozen=True)
class Effect:
    """What altering the nuisance does to one model's answers."""

    mean_absolute_change: Measured
    flipped: Mapping[str, Share]  # by operating point
    auroc_after: Measured


@dataclass(frozen=True)
class Altered:
    words: str
    touches_lungs: bool
    models: Mapping[str, Effect]


@dataclass(frozen=True)
class Nuisance:
    alone: Mapping[str, Alone]
    altered: Mapping[str, Altered]


@dataclass(frozen=True)
class Audit:
    weights: str
    films: Mapping[str, int]
    auroc_unaltered: Mapping[str, Measured]
    nuisances: Mapping[str, Nuisance]


@dataclass(frozen=True)
class AtPoint:
    sensitivity: Share
    specificity: Share


@dataclass(frozen=True)
class Group:
    """Films of another origin; nothing is measured on an empty group."""

    films: int
    pneumonia: int
    refused: Share | None = None
    probability: Mapping[str, Measured] | None = None
    operating_points: Mapping[str, AtPoint] | None = None


@dataclass(frozen=True)
class External:
    weights: str
    population: str
    groups: Mapping[str, Group]


@dataclass(frozen=True)
class Results:
    holdout: Holdout | Missing
    uncertainty: Uncertainty | Missing
    audit: Audit | Missing
    external: External | Missing


T = TypeVar("T")


def load_results(folder: Path = FOLDER, *, weights: str) -> Results:
    """Read what was measured with these weights (a manifest's revision); raises nothing."""

    def read(kind: type[T], schema: str, command: str) -> T | Missing:
        return _read(kind, folder, schema=schema, weights=weights, command=command)

    return Results(
        holdout=read(Holdout, "pneumo.holdout/2", "train.evaluate --role test"),
        uncertainty=read(Uncertainty, "pneumo.uncertainty/1", "train.uncertainty"),
        audit=read(Audit, "pneumo.audit/1", "train.audit"),
        external=read(External, "pneumo.external/1", "train.external"),
    )


def _read(kind: type[T], folder: Path, *, schema: str, weights: str, command: str) -> T | Missing:
    path = folder / f"{schema.removeprefix('pneumo.').partition('/')[0]}.json"
    remedy = f"python -m {command} measures them."
    try:
        stored = json.loads(path.read_text())
        if stored["schema"] != schema:
            raise ValueError(f"schema {stored['schema']}, this program reads {schema}")
        if stored["weights"] != weights:
            return Missing(
                f"{path.name} was measured with weights {stored['weights']}, not with {weights}, "
                f"which are in use; {remedy}"
            )
        return typing.cast(T, parse(kind, stored))
    except FileNotFoundError:
        return Missing(f"{path.name} is not there: these weights were not measured; {remedy}")
    except (OSError, TypeError, ValueError, KeyError) as error:
        log.warning("%s cannot be used: %s", path, error)
        return Missing(f"{path.name} is damaged or of another version; {remedy}")


def parse(kind: Any, value: Any) -> Any:
    """A (nested, frozen) dataclass from JSON. Raises TypeError, ValueError or KeyError.

    Null where a number belongs is NaN, as ``train.record`` writes it.
    """
    if dataclasses.is_dataclass(kind):
        return _parse_fields(typing.cast(type, kind), value)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return tuple(parse(arguments[0], item) for item in _typed(list, value))
    if origin is Mapping:
        return {key: parse(arguments[1], item) for key, item in _typed(dict, value).items()}
    if origin is types.UnionType:
        return None if value is None else parse(arguments[0], value)
    if kind is float and (value is None or type(value) is int):
        return math.nan if value is None else float(value)
    return _typed(kind, value)


def _parse_fields(kind: type, value: Any) -> Any:
    known, hints = _typed(dict, value), _hints(kind)
    needed = {f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING}
    if absent := needed - known.keys():
        raise KeyError(f"{kind.__name__} lacks {', '.join(sorted(absent))}")
    return kind(**{name: parse(hint, known[name]) for name, hint in hints.items() if name in known})


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _typed(kind: type[T], value: Any) -> T:
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, got {value!r:.80}")
    return value
