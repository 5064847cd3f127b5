"""The reliability curve that a reading is compared with, counted on the hold-out."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from pneumo.calibration import Reliability, ReliabilityBin

EDGES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 0.99)
FILMS = 8  # in every bin at least


def curve(sick: NDArray[np.bool_], probability: NDArray[np.float64]) -> Reliability:
    """Bins over probabilities (N,) between ``EDGES``, joined until each has films.

    Equal-mass bins would be useless on the screen: nearly all films lie at the ends, and one wide
    bin in the middle would answer a probability of 20 % with the frequency of 80 %.
    """
    edges, start = [0.0], 0
    scores = np.sort(probability)
    for edge in EDGES:
        end = int(np.searchsorted(scores, edge))
        if end - start >= FILMS and len(scores) - end >= FILMS:
            edges.append(edge)
            start = end
    edges.append(1.0)
    number = np.digitize(probability, edges[1:-1])
    return Reliability(
        tuple(
            ReliabilityBin(low, high, int((number == i).sum()), int(sick[number == i].sum()))
            for i, (low, high) in enumerate(itertools.pairwise(edges))
        )
    )
