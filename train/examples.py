"""Make the sample films: composites of seven children's films each, and one non-film.

    python -m train.examples --data DIR        # about 4 minutes on 2 cores; writes examples/

No patient's film may be shipped, so each sample is the average of a typical film of role ``fit``
and its six nearest neighbours from six other children (``train.composite``). Where ``weights/``
holds an ensemble, it reads every candidate, and three per class whose reading agrees with the
class are kept; the weights see nothing of this. ``examples/SOURCES.md`` says what was made.
"""

from __future__ import annotations

import argparse
import csv
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from pneumo import PneumoError, Reader, Reading, load_reader
from pneumo.bundle import MANIFEST
from pneumo.decision import Decision
from train.composite import SOURCES, Composite, compose
from train.data import Films, add_data_argument, film_paths, load_films, load_masks, load_role
from train.example_record import NON_FILM, Example, record
from train.privacy import closeness, comparable
from train.sample_files import colour_card, monochrome1, png, png16
from train.split import CLASSES, SPLIT_CSV

EXAMPLES, WEIGHTS = Path("examples"), Path("weights")
CANDIDATES, KEPT = 8, 3  # per class
SPECIAL = {
    "normal-3": (png16, "png", "PNG, 16-bit grey"),
    "bacterial-3": (monochrome1, "dcm", "DICOM MONOCHROME1, 12-bit"),
}
COMPARED_PX = 56  # the grid on which films are compared: blurs ribs, keeps hila, heart, opacities
MAX_ASPECT_RATIO = 1.10  # between a film and its neighbour


@dataclass(frozen=True, eq=False)
class Resemblance:
    """How alike the films of one class are, and which child each shows."""

    score: Tensor  # float32 (N, N): mean of picture correlation and lung overlap; -inf if unfit
    child: list[int]  # (N,): films of one patient, and near-duplicates, share a number


def resemblance(films: Films, masks: Tensor, trusted: Tensor, child: list[int]) -> Resemblance:
    """Compare every film of a class with every other one."""
    shape = (COMPARED_PX, COMPARED_PX)
    pictures = F.interpolate(films.pixels.float(), shape, mode="area").flatten(1)  # (N, 3136)
    pictures = F.normalize(pictures - pictures.mean(dim=1, keepdim=True))
    lungs = F.interpolate(masks.float() / 255, shape, mode="area").flatten(1)
    size = lungs.square().sum(dim=1)
    overlap = 2 * lungs @ lungs.T / (size[:, None] + size[None]).clamp(min=1)
    score = (pictures @ pictures.T + overlap) / 2
    stretch = (films.aspect[:, None] / films.aspect[None]).log().abs()
    score[stretch > math.log(MAX_ASPECT_RATIO)] = -torch.inf
    score[~trusted] = score[:, ~trusted] = -torch.inf
    return Resemblance(score, child)


def neighbours(alike: Resemblance, film: int) -> list[int]:
    """A film and its nearest films of six other children, the film itself first."""
    chosen, seen = [film], {alike.child[film]}
    for other in alike.score[film].argsort(descending=True, stable=True).tolist():
        if len(chosen) < SOURCES and alike.child[other] not in seen:
            chosen.append(other)
            seen.add(alike.child[other])
    return chosen


def typical_sevens(alike: Resemblance, count: int, *, used: set[int]) -> list[list[int]]:
    """The ``count`` most alike sevens, typical film first; no child is in two of them.

    ``used`` children are left out, and those of the chosen sevens are added to them.
    """
    sevens = [neighbours(alike, film) for film in range(len(alike.child))]
    mean_score = torch.stack([alike.score[s[0], s[1:]].mean() for s in sevens])
    chosen: list[list[int]] = []
    for film in mean_score.argsort(descending=True, stable=True).tolist():
        children = {alike.child[i] for i in sevens[film]}
        if len(chosen) < count and not children & used and mean_score[film] > 0:
            if len(children) != SOURCES:
                raise ValueError(f"the seven show only {len(children)} children")
            chosen.append(sevens[film])
            used |= children
    return chosen


@dataclass(frozen=True, eq=False)
class Candidate:
    """A composite that may become a sample, and how the ensemble reads it, where there is one."""

    label: int  # index into CLASSES
    composite: Composite
    reading: Reading | None

    @property
    def agreement(self) -> float:
        """The probability that the reading gives to the class; 0 where another one leads."""
        if self.reading is None:
            return 0.0
        pattern = self.reading.estimate.pattern
        expected = Decision.SUSPECTED if self.label else Decision.NOT_SUSPECTED
        leads = max(pattern) == pattern[self.label] and self.reading.decision is expected
        return pattern[self.label] if leads else 0.0


def candidates(
    films: Films, masks: Tensor, trusted: Tensor, reader: Reader | None
) -> list[Candidate]:
    """The composites of every class, the most typical first."""
    with SPLIT_CSV.open(newline="") as file:
        group = {row["path"]: int(row["group"]) for row in csv.DictReader(file)}
    made: list[Candidate] = []
    used: set[int] = set()
    for label, name in enumerate(CLASSES):
        index = torch.nonzero(films.label == label)[:, 0]
        same, lungs = films.subset(index), masks[index]
        alike = resemblance(same, lungs, trusted[index], [group[p] for p in same.paths])
        for seven in typical_sevens(alike, CANDIDATES, used=used):
            aspect = float(same.aspect[seven[0]])
            composite = compose(same.pixels[seven].float() / 255, lungs[seven], aspect=aspect)
            made.append(Candidate(label, composite, read(reader, composite)))
            print(f"{name}: {len(made)}, agreement {made[-1].agreement:.3f}", flush=True)
    return made


def read(reader: Reader | None, composite: Composite) -> Reading | None:
    """What the ensemble says of a composite; None without an ensemble, or where it refuses."""
    try:
        return reader.read(png(composite.pixels.numpy())) if reader else None
    except PneumoError as refusal:
        print(f"refused: {refusal}")
        return None


def keep(made: list[Candidate], *, read: bool) -> list[Candidate]:
    """Three candidates of one class: the most typical, or the surest, a middling, the least sure.

    All that were read are read as their class. Three films at 99 % would teach nothing of doubt.
    """
    if not read:
        return made[:KEPT]
    agreeing = sorted((c for c in made if c.agreement), key=lambda c: -c.agreement)
    if len(agreeing) < KEPT:
        raise SystemExit(f"only {len(agreeing)} composites of {CLASSES[made[0].label]} are read so")
    return [agreeing[0], agreeing[len(agreeing) // 2], agreeing[-1]]


def write(kept: list[Candidate], everything: Tensor) -> list[Example]:
    """Write the samples of one class and compare each with every film (N, 112, 112)."""
    written = []
    for number, candidate in enumerate(kept, start=1):
        film = candidate.composite.pixels.numpy()
        name = f"{CLASSES[candidate.label]}-{number}"
        encode, suffix, kind = SPECIAL.get(name, (png, "png", "PNG, 8-bit grey"))
        (EXAMPLES / f"{name}.{suffix}").write_bytes(encode(film))
        near = closeness(candidate.composite, everything)
        height, width = film.shape
        label = CLASSES[candidate.label]
        written.append(
            Example(f"{name}.{suffix}", label, kind, (height, width), candidate.reading, near)
        )
    return written


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_data_argument(parser)
    data = parser.parse_args().data
    torch.manual_seed(0)
    reader = load_reader(WEIGHTS) if (WEIGHTS / MANIFEST).exists() else None
    films = load_role(data, "fit")
    masks, trusted = load_masks(data, films.paths)
    made = candidates(films, masks, trusted, reader)
    everything = comparable(load_films(data, film_paths(data)))
    EXAMPLES.mkdir(exist_ok=True)
    examples: list[Example] = []
    for label in range(len(CLASSES)):
        kept = keep([c for c in made if c.label == label], read=reader is not None)
        examples += write(kept, everything)
    (EXAMPLES / NON_FILM).write_bytes(colour_card())
    (EXAMPLES / "SOURCES.md").write_text(
        record(examples, films=len(everything), candidates=CANDIDATES)
    )


if __name__ == "__main__":
    main()
