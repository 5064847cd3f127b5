"""Fit what the gate knows of the training films, choose its limits, and measure what it refuses.

    python -m train.gate --data DIR [--foreign DIR ...] [--member NAME]

Two Gaussians (pneumo.familiarity) are fitted on role ``fit``: appearance on every film and on
slightly turned, shifted and regraded copies of it, features on every second film. Role
``calibrate`` gives the scale of the scores, the warning limit (a twentieth of its films) and the
refusal limit (one in ten thousand, on the normal curve of its scores). Which side the heart lies on
is told by a logistic regression of films of ``fit`` against their mirror images; one film in a
hundred of ``calibrate`` is mistaken for mirrored. No picture that is no chest film is fitted on;
those drawn or spoiled by train.foreign, and those in each ``--foreign`` folder, whose name is their
kind, are only asked. What the Gaussians look at, and how far out the refusal limit lies, were
settled with these kinds and the hold-out in view, so others may fare worse. Films of role ``test``
say what is refused and warned wrongly.

About 8 minutes on 2 cores, most of it the member's features, which are remembered. Writes
weights/gate.safetensors, its hash in weights/manifest.json, and train/results/gate.json. Expect
nearly every kind refused or warned of in more than 95 of 100 pictures, a piece of a film that
shows the abdomen in 80, and no whole film refused.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from scipy.stats import binomtest, norm
from torch import Tensor
from torch.nn.functional import normalize, softplus

from pneumo import gate
from pneumo.bundle import MANIFEST, Member, WeightFile, load_manifest, load_member
from pneumo.errors import UnsuitableImage
from pneumo.familiarity import (
    Familiarity,
    Gaussian,
    Likeness,
    appearance,
    sidedness,
    to_tensors,
)
from pneumo.geometry import CANONICAL_PX, GEOMETRIES, WHOLE_FILM, corners_of, sample
from pneumo.lungs import LungNetwork, Lungs
from pneumo.networks import Network
from train import record
from train.augment import Jitter, expose, jitter_corners
from train.data import Films, add_data_argument, load_role
from train.gate_trial import groups
from train.squares import LUNGS, load_lung_network, lungs_of, remembered, squares

WEIGHTS = Path("weights")
GATE = "gate.safetensors"
APPEARANCE_DIRECTIONS, FEATURE_DIRECTIONS = 128, 60
FIT_EVERY = 2  # films of ``fit`` whose features are taken: 1,695 for 512 values
COPIES = 2  # of every film, turned, shifted and regraded
MILD = Jitter(flip=0, zoom=0.05, aspect=0.08, shift=0.02, rotate=0.08, shear=0.03)
SMALL_PX = 64  # at which the copies are made
WARNED = 0.05  # of the films of ``calibrate``
REFUSED = 1e-4  # of films like them, on their normal curve
POSE_MARGIN = 1.05
RIDGE = 0.1  # on the weights that tell the heart's side; a hundredth or ten times as much: alike
MISTAKEN = 0.01  # of the films of ``calibrate``, for mirrored
REFUSALS = ("pixels", "pose", "lungs", "unfamiliar")
WARNINGS = ("warned", "mirrored")


@dataclasses.dataclass(frozen=True, eq=False)
class Witness:
    """The member whose features are used, and who tells it where the lungs are."""

    member: Member
    network: Network
    lung_network: LungNetwork

    def lungs(self, films: Films) -> list[Lungs]:
        """The lungs of every film; remembered, so asking again costs nothing."""
        return lungs_of(self.lung_network, films)

    def direction(self, films: Films) -> Tensor:
        """Pooled features of unit length (N, C)."""
        place = GEOMETRIES[self.member.geometry]
        whole = np.ones((CANONICAL_PX, CANONICAL_PX), dtype=bool)
        masks = [each.mask if each.mask.any() else whole for each in self.lungs(films)]
        pairs = zip(films.aspect.tolist(), masks, strict=True)
        corners = torch.stack([corners_of(place(aspect, mask)) for aspect, mask in pairs])

        @torch.no_grad()
        def ask() -> dict[str, Tensor]:
            parts = squares(films, corners, self.member.size_px, 32)
            return {"pooled": torch.cat([self.network.features(x).mean((2, 3)) for x in parts])}

        said = remembered("pooled", self.network, films.pixels, corners, make=ask)
        return normalize(said["pooled"], dim=1)


def seen(films: Tensor, look: Callable[[Tensor], Tensor] = appearance) -> Tensor:
    """Appearance or another look (N, 256) at canonical films, uint8 (N, 1, 224, 224)."""
    return torch.cat([look(x.float() / 255) for x in films.split(256)])


def copies(films: Tensor, seed: int) -> Tensor:
    """Appearance of the same films, a little turned, shifted and regraded."""
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for x in films.split(256):
        corners = corners_of(WHOLE_FILM).expand(len(x), 2, 3).clone()
        moved = sample(x.float() / 255, jitter_corners(corners, MILD, generator), SMALL_PX)
        parts.append(appearance(expose(moved, MILD, generator)))
    return torch.cat(parts)


def gaussian(x: Tensor, count: int) -> Gaussian:
    """The probabilistic principal components of rows (N, D)."""
    mean = x.mean(dim=0)
    away = x - mean
    variances, directions = torch.linalg.eigh(away.T @ away / len(x))
    rest = variances[:-count].mean()
    return Gaussian(mean, directions[:, -count:].flip(1), variances[-count:].flip(0), rest)


def upright_heart(x: Tensor) -> Tensor:
    """Weights (D,) that tell rows (N, D) from their negatives: a logistic regression, no bias."""
    weights = torch.zeros(x.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = softplus(-(x @ weights)).mean() + RIDGE * weights.square().mean()
        value.backward()
        return value

    optimizer.step(loss)
    return weights.detach()


def fit(witness: Witness, data: Path) -> Familiarity:
    """Everything that the gate file holds, from roles ``fit`` and ``calibrate``."""
    films, other = load_role(data, "fit"), load_role(data, "calibrate")
    some = films.subset(torch.arange(0, len(films), FIT_EVERY))
    every = [seen(films.pixels), *(copies(films.pixels, seed) for seed in range(COPIES))]
    appears = gaussian(torch.cat(every), APPEARANCE_DIRECTIONS)
    features = gaussian(witness.direction(some), FEATURE_DIRECTIONS)
    heart, unset = upright_heart(seen(films.pixels, sidedness)), torch.tensor(1.0)
    raw = Familiarity(
        appears,
        features,
        witness.member.weights.sha256,
        centre=torch.zeros(2),
        spread=torch.ones(2),
        warn_above=unset,
        refuse_above=unset,
        pose_margin=unset,
        heart_side=heart,
        mirrored_below=unset,
    )
    logs = raw.each_way(seen(other.pixels), witness.direction(other))
    scaled = dataclasses.replace(raw, centre=logs.mean(dim=0), spread=logs.std(dim=0))
    scores = ((logs - scaled.centre) / scaled.spread).amax(dim=1)
    return dataclasses.replace(
        scaled,
        warn_above=torch.quantile(scores, 1 - WARNED),
        refuse_above=torch.tensor(norm.isf(REFUSED), dtype=torch.float32),
        pose_margin=torch.tensor(POSE_MARGIN),
        mirrored_below=torch.quantile(seen(other.pixels, sidedness) @ heart, MISTAKEN),
    )


def outcome(known: Familiarity, film: Tensor, lungs: Lungs, score: float, passed: bool) -> str:
    """What the gate does first with one canonical picture, uint8 (1, 224, 224)."""
    if not passed:
        return "pixels"
    picture = film[None].float() / 255
    if known.pose(picture):
        return "pose"
    try:
        gate.require_lungs(lungs)
    except UnsuitableImage:
        return "lungs"
    likeness = Likeness(score, float(known.warn_above), float(known.refuse_above))
    try:
        if gate.require_familiar(likeness):
            return "warned"
    except UnsuitableImage:
        return "unfamiliar"
    return "mirrored" if known.mirrored(picture) else "accepted"


def measure(witness: Witness, known: Familiarity, films: Films, passed: list[bool]) -> object:
    """How many pictures of one kind each check refuses, and how many are warned of."""
    scores = known.each_way(seen(films.pixels), witness.direction(films)).amax(dim=1)
    rows = zip(films.pixels, witness.lungs(films), scores.tolist(), passed, strict=True)
    found = Counter(outcome(known, *row) for row in rows)
    refused = sum(found[name] for name in REFUSALS)
    warned = sum(found[name] for name in WARNINGS)
    return {
        "pictures": len(films),
        **{name: found[name] for name in (*REFUSALS, *WARNINGS)},
        "refused": share(refused, len(films)),
        "refused_or_warned": share(refused + warned, len(films)),
    }


def share(hits: int, count: int) -> dict[str, float]:
    """A share with its Wilson interval."""
    bounds = binomtest(hits, count).proportion_ci(0.95, method="wilson")
    return {"value": hits / count, "low": float(bounds.low), "high": float(bounds.high)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_data_argument(parser)
    parser.add_argument("--foreign", nargs="*", type=Path, default=[], metavar="DIR")
    parser.add_argument("--member", metavar="NAME", help="default: the first of a centre crop")
    arguments = parser.parse_args()
    path = WEIGHTS / MANIFEST
    manifest = load_manifest(path)
    able = [m for m in manifest.members if arguments.member in (m.name, None)]
    member = next(m for m in able if arguments.member or m.geometry == "centre_crop")
    network = load_member(WEIGHTS, member, manifest.classes)
    witness = Witness(member, network, load_lung_network(LUNGS))
    known = fit(witness, arguments.data)
    save_file(to_tensors(known), WEIGHTS / GATE)
    bound = WeightFile(GATE, record.sha256_of(WEIGHTS / GATE))
    manifest = dataclasses.replace(manifest, gate=bound)
    path.write_text(json.dumps(dataclasses.asdict(manifest), indent=1) + "\n")
    result: dict[str, dict[str, object]] = {}
    for name, kinds in groups(arguments.data, arguments.foreign).items():
        result[name] = {}
        for kind, (films, passed) in kinds.items():
            result[name][kind] = measure(witness, known, films, passed)
            print(kind, result[name][kind], flush=True)
    record.write(
        record.RESULTS / "gate.json",
        {
            "schema": "pneumo.gate/1",
            "weights": manifest.revision,
            "gate": bound.sha256,
            "member": member.name,
            "warn_above": float(known.warn_above),
            "refuse_above": float(known.refuse_above),
            "groups": result,
        },
    )


if __name__ == "__main__":
    main()
