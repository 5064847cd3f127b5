"""A reading made by hand, whose every number a test may know."""

from __future__ import annotations

import html
import re

import numpy as np

from pneumo.calibration import ConformalLevel, Estimate, Interval
from pneumo.decision import Decision, OperatingPoint
from pneumo.gate import Caution
from pneumo.geometry import Box
from pneumo.lungs import Lungs
from pneumo.networks import THREE_CLASS
from pneumo.radiograph import Radiograph, Source
from pneumo.reader import Reading

SCREENING = OperatingPoint(
    "screening",
    "the highest threshold whose sensitivity is at least 0.99",
    0.2,
    Interval(0.99, 0.97, 0.998),
    Interval(0.8, 0.75, 0.84),
)
BY_CLASS = (Interval(0.97, 0.94, 0.99), Interval(0.91, 0.87, 0.94), Interval(0.75, 0.68, 0.82))
LEVELS = (
    ConformalLevel(0.9, 0.28, Interval(0.89, 0.86, 0.91), BY_CLASS),
    ConformalLevel(0.95, 0.17, Interval(0.96, 0.94, 0.97), BY_CLASS),
)


def a_reading() -> Reading:
    mask = np.zeros((224, 224), bool)
    mask[40:190, 30:100] = mask[40:190, 124:194] = True
    evidence = np.zeros((224, 224), np.float32)
    evidence[150:180, 40:60] = 3.0
    film = np.tile(np.linspace(0, 1, 300, dtype=np.float32), (200, 1))
    return Reading(
        film=Radiograph(film, Source("DICOM", 12, "MONOCHROME1", "ab" * 32, inverted=True)),
        lungs=Lungs(mask, 0.97),
        estimate=Estimate(0.87, 0.81, 0.93, (0.81, 0.87, 0.93), (0.13, 0.6, 0.27), 0.01),
        operating_point=SCREENING,
        decision=Decision.SUSPECTED,
        frequency=Interval(0.93, 0.89, 0.96),
        compared_films=412,
        evidence=evidence,
        evidence_full_scale=4.0,
        cautions=(Caution.LUNGS_AT_EDGE,),
        classes=THREE_CLASS,
        member_names=("a", "b", "c"),
        training_prevalence=0.74,
        weights="tiny",
        seconds=0.42,
        boxes=(Box(0.25, 0, 0.75, 1), Box(0.1, 0.1, 0.9, 0.9), Box(0.1, 0.1, 0.9, 0.9)),
        conformal=LEVELS,
    )


def text_of(fragment: str) -> str:
    """What a person reads: without tags, entities resolved, one space between words."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", fragment)).split())
