"""Does this machine give the answer that these weights gave when they were made?

``selftest.json`` lies beside the manifest and holds one sample film's reading: a program that
decodes, crops, computes or calibrates otherwise, on this processor or with these libraries, is
found out before it reads a patient's film. ``python -m train.selftest`` writes it.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path

from pneumo.bundle import from_json
from pneumo.errors import BrokenBundle, PneumoError
from pneumo.reader import Reader, Reading

SELFTEST = "selftest.json"
TOLERANCE = 0.01  # of a probability: what may lie between two kinds of processor


@dataclass(frozen=True)
class Answer:
    """What the weights said of one film."""

    weights: str  # revision
    film: str  # name of the sample
    film_sha256: str
    members: tuple[float, ...]  # P(pneumonia) by each member, calibrated, in the manifest's order
    probability: float  # of the ensemble
    tolerance: float

    @classmethod
    def of(cls, reading: Reading, *, film: str) -> Answer:
        members = tuple(round(float(p), 6) for p in reading.estimate.members)
        probability = round(float(reading.estimate.probability), 6)
        sha256 = reading.film.source.sha256
        return cls(reading.weights, film, sha256, members, probability, TOLERANCE)

    def differs(self, other: Answer) -> float:
        """The largest difference of two answers to one film; infinite where they do not compare."""
        if self.weights != other.weights or len(self.members) != len(other.members):
            return math.inf
        pairs = zip(
            (*self.members, self.probability), (*other.members, other.probability), strict=True
        )
        return max(abs(a - b) for a, b in pairs)


def load_answer(folder: Path) -> Answer:
    """The stored answer of a weights folder. Raises BrokenBundle."""
    try:
        answer = from_json(Answer, json.loads((folder / SELFTEST).read_text()))
    except (OSError, TypeError, ValueError, KeyError) as error:
        raise BrokenBundle(
            "These weights have no self-test that can be used; write it with"
            " `python -m train.selftest`, or install Pneumo anew."
        ) from error
    assert isinstance(answer, Answer)
    return answer


def require_same_answer(reader: Reader, *, films: Path) -> Answer:
    """Read the sample and compare; the answer given now. Raises BrokenBundle."""
    stored = load_answer(reader.bundle.folder)
    if stored.weights != reader.manifest.revision:
        raise BrokenBundle(
            f"The self-test belongs to weights {stored.weights} and these are"
            f" {reader.manifest.revision}; write it anew with `python -m train.selftest`."
        )
    try:
        data = (films / Path(stored.film).name).read_bytes()
    except OSError as error:
        raise BrokenBundle(
            f"The self-test's film, {stored.film}, is missing; install Pneumo anew."
        ) from error
    if hashlib.sha256(data).hexdigest() != stored.film_sha256:
        raise BrokenBundle(f"The self-test's film, {stored.film}, was altered; install it anew.")
    try:
        given = Answer.of(reader.read(data), film=stored.film)
    except PneumoError as error:
        raise BrokenBundle(
            "The self-test failed: its film was refused, so nothing is served; install Pneumo anew."
        ) from error
    difference = given.differs(stored)
    if not difference <= stored.tolerance:
        raise BrokenBundle(
            f"The self-test failed: this machine's answer is {difference:.3f} off the stored one,"
            " so nothing is served; install the pinned versions of requirements.txt."
        )
    return given
