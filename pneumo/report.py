"""A reading, or the refusal of one, as versioned JSON and as a few lines of text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from pneumo import sentences
from pneumo.decision import Decision
from pneumo.errors import PneumoError
from pneumo.reader import Reading

if TYPE_CHECKING:
    from pneumo.comparison import Opinion

SCHEMA = "pneumo.reading/1"
COMPARISON = "pneumo.comparison/1"


def as_json(reading: Reading, *, file: str) -> dict[str, object]:
    """One reading under schema pneumo.reading/1; shares in [0, 1], rounded to 6 digits."""
    estimate = reading.estimate
    return {
        "schema": SCHEMA,
        "file": file,
        "status": "read",
        "reason": None,
        "probability": _share(estimate.probability),
        "confidence": None if reading.confidence is None else _share(reading.confidence),
        "range": [_share(estimate.low), _share(estimate.high)],
        "members": [
            {"name": name, "probability": _share(probability)}
            for name, probability in zip(reading.member_names, estimate.members, strict=True)
        ],
        "pattern": {
            name: _share(share)
            for name, share in zip(reading.classes, estimate.pattern, strict=True)
        },
        "decision": reading.decision.value,
        "operating_point": reading.operating_point.name,
        "warnings": [caution.value for caution in reading.cautions],
        "gate": _gate(reading),
        "image_sha256": reading.film.source.sha256,
        "weights": reading.weights,
        "seconds": round(reading.seconds, 3),
    }


def refusal_as_json(error: PneumoError, *, file: str, sha256: str | None) -> dict[str, object]:
    """One refusal, with the keys of a reading; ``sha256`` is None where there were no bytes."""
    return {
        "schema": SCHEMA,
        "file": file,
        "status": "refused",
        "reason": str(error),
        "probability": None,
        "confidence": None,
        "range": None,
        "members": None,
        "pattern": None,
        "decision": None,
        "operating_point": None,
        "warnings": [],
        "gate": None,
        "image_sha256": sha256,
        "weights": None,
        "seconds": None,
    }


def comparison_as_json(answer: dict[str, object], opinions: Iterable[Opinion]) -> dict[str, object]:
    """A reading or a refusal as JSON with every row's own answer: schema pneumo.comparison/1."""
    models = [
        {
            "name": opinion.name,
            "title": opinion.title,
            "architecture": opinion.architecture,
            "parameters": opinion.parameters,
            "probability": _share(opinion.estimate.probability),
            "decision": opinion.decision.value,
            "threshold": _share(opinion.operating_point.threshold),
            "pattern": [_share(share) for share in opinion.estimate.pattern],
            "seconds": round(opinion.seconds, 4),
        }
        for opinion in opinions
    ]
    return {**answer, "schema": COMPARISON, "models": models}


def as_text(reading: Reading, *, file: str) -> str:
    """One reading as aligned lines for a terminal."""
    estimate, point = reading.estimate, reading.operating_point
    rows = [
        (
            "decision",
            f"{sentences.headline(reading)} ({sentences.POINT_NAMES[point.name].lower()})",
        ),
        (
            "probability",
            f"{_percent(estimate.probability)} of pneumonia "
            f"(members {_percent(estimate.low)} to {_percent(estimate.high)})",
        ),
        ("confidence", _confidence(reading)),
        (
            "pattern",
            ", ".join(
                f"{sentences.PATTERN_NAMES[name].lower()} {_percent(share)}"
                for name, share in zip(reading.classes, estimate.pattern, strict=True)
            ),
        ),
        *(("warning", caution.value) for caution in reading.cautions),
    ]
    return "\n".join([file, *(f"  {label:<13}{text}" for label, text in rows)])


def refusal_as_text(error: PneumoError, *, file: str) -> str:
    """One refusal, laid out like a reading."""
    return f"{file}\n  {'refused':<13}{error}"


def _confidence(reading: Reading) -> str:
    if reading.confidence is None:
        return "none: the members contradict each other, so no decision is claimed"
    seen = reading.frequency
    suspected = reading.decision is Decision.SUSPECTED
    low, high = (seen.low, seen.high) if suspected else (1 - seen.high, 1 - seen.low)
    return (
        f"{_percent(reading.confidence)} that the decision is right "
        f"({_percent(low)} to {_percent(high)}; {reading.compared_films} held-out films read alike)"
    )


def _gate(reading: Reading) -> dict[str, float] | None:
    """The score of the film's likeness to the training films, with the limits it was held to."""
    if reading.likeness is None:
        return None
    return {name: round(value, 4) for name, value in asdict(reading.likeness).items()}


def _share(value: float) -> float:
    return round(float(value), 6)


def _percent(share: float) -> str:
    return f"{sentences.percent(share)} %"
