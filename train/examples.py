"""Make the sample films: composites of seven children's films each, and one non-film.

    python -m train.examples --data DIR        # about 5 minutes on 2 cores; writes examples/

No patient's film may be shipped, so each sample is the average of a typical film of role ``fit``
and its six nearest neighbours from six other children (``train.composite``). Where ``weights/``
holds an ensemble, it reads every candidate, and three per class whose reading agrees with the
class are kept; the weights see nothing of this. ``examples/SOURCES.md`` says what was made.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from train.composite import SOURCES, Composite, compose
from train.data import Films, load_masks, load_role
from train.split import CLASSES, read_groups

EXAMPLES = Path("examples")
CANDIDATES, KEPT = 8, 3  # per class
COMPARED_PX = 56  # the grid on which films are compared: blurs ribs, keeps hila, heart, opacities
MAX_ASPECT_RATIO = 1.10  # between a film and its neighbour


@dataclass(frozen=True, eq=False)
class Likeness:
    """How alike the films of one class are, and which child each shows."""

    score: Tensor  # float32 (N, N): mean of picture correlation and lung overlap; -inf if unfit
    child: list[int]  # (N,): films of one patient, and near-duplicates, share a number


def likeness(films: Films, masks: Tensor, trusted: Tensor, child: list[int]) -> Likeness:
    """Compare every film of a class with every other one."""
    shape = (COMPARED_PX, COMPARED_PX)
    pictures = F.interpolate(films.pixels.float(), shape, mode="area").flatten(1)  # (N, 3136)
    pictures = F.normalize(pictures - pictures.mean(dim=1, keepdim=True))
    lungs = F.interpolate(masks.float() / 255, shape, mode="area").flatten(1)
    size = lungs.square().sum(dim=1)
    overlap = 2 * lungs @ lungs.T / (size[:, None] + size[None]).clamp(min=1)
    score = (pictures @ pictures.T + overlap) / 2
    stretch = (films.aspect[:, None] / films.aspect[None]).log().abs()
    score[stretch > np.log(MAX_ASPECT_RATIO)] = -torch.inf
    score[~trusted] = score[:, ~trusted] = -torch.inf
    return Likeness(score, child)


def neighbours(alike: Likeness, film: int) -> list[int]:
    """A film and its nearest films of six other children, the film itself first."""
    chosen, seen = [film], {alike.child[film]}
    for other in alike.score[film].argsort(descending=True, stable=True).tolist():
        if len(chosen) < SOURCES and alike.child[other] not in seen:
            chosen.append(other)
            seen.add(alike.child[other])
    return chosen


def typical_sevens(alike: Likeness, count: int) -> list[list[int]]:
    """The ``count`` most alike sevens, typical film first; no child is in two of them."""
    sevens = [neighbours(alike, film) for film in range(len(alike.child))]
    closeness = torch.stack([alike.score[s[0], s[1:]].mean() for s in sevens])
    chosen: list[list[int]] = []
    used: set[int] = set()
    for film in closeness.argsort(descending=True, stable=True).tolist():
        children = {alike.child[i] for i in sevens[film]}
        if len(chosen) < count and not children & used and closeness[film] > 0:
            assert len(children) == SOURCES, "two films of one child in a composite"
            chosen.append(sevens[film])
            used |= children
    return chosen
