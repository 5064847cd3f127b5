"""How unlike the training films a film is, seen in two ways, each as one Gaussian.

*Appearance* is the whole film at 16 x 16 pixels: a chest is laid out like no other picture, and a
chest upside down unlike one upright. *Features* are what one member sees, pooled and at unit length
(Mueller and Hein 2025, arXiv:2505.18032). Under each, the training films are a Gaussian with a few
directions of their own variance and one variance for the rest (Tipping and Bishop 1999), and the
distance of a film is Mahalanobis's. Nothing here has seen a picture that is no chest film.

A third look tells on which side the heart lies: a linear one, at the film less its mirror image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

import torch
from torch import Tensor
from torch.nn import functional as F

GRID_PX = 16
FLAT = 1e-2  # keeps a film without contrast from being divided by nothing
VIEWS = ("appearance", "features")
NUMBERS = (
    *("centre", "spread", "warn_above", "refuse_above"),
    *("pose_margin", "heart_side", "mirrored_below"),
)


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A probabilistic principal component analysis: k directions out of D."""

    mean: Tensor  # (D,)
    directions: Tensor  # (D, k), orthonormal
    variances: Tensor  # (k,), along each direction
    rest: Tensor  # (), along every other

    def __post_init__(self) -> None:
        size, kept = self.directions.shape
        if self.mean.shape != (size,) or self.variances.shape != (kept,) or self.rest.shape != ():
            raise ValueError(f"a Gaussian of {size} values in {kept} directions does not fit")
        if not (self.variances > 0).all() or not self.rest > 0:
            raise ValueError("a variance must be positive")

    def distance(self, x: Tensor) -> Tensor:  # (B, D) -> (B,)
        """Mahalanobis distance per value: about 1 for the films that it was fitted on."""
        away = x - self.mean
        along = away @ self.directions  # (B, k)
        other = (away.square().sum(dim=1) - along.square().sum(dim=1)).clamp(min=0)
        squared = (along.square() / self.variances).sum(dim=1) + other / self.rest
        return (squared / len(self.mean)).sqrt()


class Pose(StrEnum):
    """How a film may have been stored other than upright, with air dark."""

    INVERTED = "inverted"
    UPSIDE_DOWN = "upside_down"
    TURNED_LEFT = "turned_left"
    TURNED_RIGHT = "turned_right"


# What undoes each, on pictures (B, 1, h, w) in [0, 1].
UPRIGHT: dict[Pose, Callable[[Tensor], Tensor]] = {
    Pose.INVERTED: lambda small: 1 - small,
    Pose.UPSIDE_DOWN: lambda small: small.rot90(2, (2, 3)),
    Pose.TURNED_LEFT: lambda small: small.rot90(3, (2, 3)),
    Pose.TURNED_RIGHT: lambda small: small.rot90(1, (2, 3)),
}


@dataclass(frozen=True)
class Likeness:
    """One film's score: its larger distance, in standard deviations above the usual film's.

    Above ``warn_above`` the film is read with a caution, above ``refuse_above`` not at all.
    """

    score: float
    warn_above: float
    refuse_above: float


@dataclass(frozen=True, eq=False)
class Familiarity:
    """The training films as two Gaussians, and how far films that it never saw lie from them."""

    appearance: Gaussian
    features: Gaussian
    member_sha256: str  # of the weight file of the member whose features these are
    centre: Tensor  # (2,): mean of the logarithm of each distance
    spread: Tensor  # (2,): its standard deviation
    warn_above: Tensor  # ()
    refuse_above: Tensor  # ()
    pose_margin: Tensor  # (): how many times nearer a film must lie once turned or inverted
    heart_side: Tensor  # (256,): weights of `sidedness`; above 0 the heart lies where it should
    mirrored_below: Tensor  # (): the weighted sum below which a film is warned of

    def scores(self, picture: Tensor, features: Tensor) -> Tensor:  # -> (B,)
        """Scores of canonical pictures (B, 1, 224, 224) and the member's maps (B, C, h, w)."""
        return self.each_way(appearance(picture), direction(features)).amax(dim=1)

    def each_way(self, seen: Tensor, felt: Tensor) -> Tensor:  # (B, 256), (B, C) -> (B, 2)
        """The score of appearance and that of features."""
        distances = [self.appearance.distance(seen), self.features.distance(felt)]
        return (torch.stack(distances, dim=1).log() - self.centre) / self.spread

    def likeness(self, picture: Tensor, features: Tensor) -> Likeness:
        """The score of one film, with its limits."""
        score = float(self.scores(picture, features)[0])
        return Likeness(score, float(self.warn_above), float(self.refuse_above))

    def pose(self, picture: Tensor) -> Pose | None:
        """How one canonical picture (1, 1, 224, 224) is stored; None where it is upright."""
        small = shrunk(picture)
        ways = [small, *(undo(small) for undo in UPRIGHT.values())]
        distances = self.appearance.distance(standardised(torch.cat(ways)))
        upright, *others = distances.tolist()
        nearest = min(others)
        score = (math.log(nearest) - float(self.centre[0])) / float(self.spread[0])
        # Two ways of holding what is no chest film at all are no nearer to one another.
        if nearest * float(self.pose_margin) > upright or score > float(self.refuse_above):
            return None
        return list(UPRIGHT)[others.index(nearest)]

    def mirrored(self, picture: Tensor) -> bool:
        """Whether the heart seems to lie on the child's right in one picture (1, 1, 224, 224)."""
        return bool(sidedness(picture)[0] @ self.heart_side < self.mirrored_below)


def shrunk(picture: Tensor) -> Tensor:  # (B, 1, 224, 224) -> (B, 1, 16, 16)
    """Canonical pictures as seen from afar."""
    return F.adaptive_avg_pool2d(picture.cpu(), GRID_PX)


def standardised(small: Tensor) -> Tensor:  # (B, 1, 16, 16) -> (B, 256)
    """Small pictures without their exposure and contrast."""
    values = small.flatten(1)
    away = values - values.mean(dim=1, keepdim=True)
    return away / (away.square().mean(dim=1, keepdim=True).sqrt() + FLAT)


def appearance(picture: Tensor) -> Tensor:  # (B, 1, 224, 224) -> (B, 256)
    """What the appearance Gaussian looks at."""
    return standardised(shrunk(picture))


def sidedness(picture: Tensor) -> Tensor:  # (B, 1, 224, 224) -> (B, 256)
    """What a film shows less what its mirror image shows: mirrored, it changes its sign."""
    small = shrunk(picture)
    return standardised(small) - standardised(small.flip(3))


def direction(features: Tensor) -> Tensor:  # (B, C, h, w) -> (B, C)
    """What the feature Gaussian looks at: pooled features at unit length."""
    return F.normalize(features.mean(dim=(2, 3)).cpu(), dim=1)


def to_tensors(familiarity: Familiarity) -> dict[str, Tensor]:
    """What a gate file holds."""
    tensors = {
        f"{view}.{field.name}": getattr(getattr(familiarity, view), field.name).contiguous()
        for view in VIEWS
        for field in fields(Gaussian)
    }
    tensors |= {name: getattr(familiarity, name).contiguous() for name in NUMBERS}
    # Features mean nothing but in the network that they were taken from.
    sha = bytes.fromhex(familiarity.member_sha256)
    return tensors | {"member_sha256": torch.tensor(list(sha), dtype=torch.uint8)}


def from_tensors(tensors: Mapping[str, Tensor]) -> Familiarity:
    """The familiarity that a gate file holds. Raises KeyError or ValueError."""
    names = [field.name for field in fields(Gaussian)]
    wanted = {f"{view}.{name}" for view in VIEWS for name in names} | {*NUMBERS, "member_sha256"}
    if tensors.keys() != wanted:
        raise KeyError(f"missing or unknown {sorted(tensors.keys() ^ wanted)}")
    seen, felt = (Gaussian(**{n: tensors[f"{view}.{n}"] for n in names}) for view in VIEWS)
    sha = bytes(tensors["member_sha256"].tolist()).hex()
    return Familiarity(seen, felt, sha, **{name: tensors[name] for name in NUMBERS})
