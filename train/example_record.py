"""examples/SOURCES.md: what each sample is, how it was made, and that it shows no child."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pneumo.reader import Reading
from train.composite import MAX_GAIN, MIN_SHARED, SOURCES
from train.privacy import DETAIL_PX, GRID_PX, Closeness

NON_FILM = "not-a-film.png"


@dataclass(frozen=True)
class Example:
    """One sample film."""

    path: str
    label: str  # one of CLASSES
    kind: str  # the file format, in words
    shape: tuple[int, int]  # height and width, pixels
    reading: Reading | None
    near: Closeness


TEXT = """\
# The sample films

Made by `python -m train.examples --data DIR`, this page too; not edited by hand.

**No file here is a film of a patient.** Each film is a *composite* of k = {k} films of {k}
different children. They serve to try the program, never to judge it: their sources belong to the
films that the ensemble was trained on (role `fit`).

| file | format | pixels | expected: its {k} sources are labelled | {reading} |
|---|---|---|---|---|
{files}
| `{non_film}` | PNG, 8-bit colour | 400 x 300 | no film but a drawn test card | must be refused |

"Bacterial" and "viral" name patterns in this data set, never a cause.

## How a composite is made
1. A typical film of the class, and its six nearest neighbours of six other children: nearest in
   the correlation of the pictures and in the overlap of the lungs, of nearly the same aspect
   ratio. Films that are near-duplicates count as one child's. No child is in two composites.
2. Burned-in letters are filled with their surroundings.
3. The six are laid on the typical film by affine maps, by gradient descent on blurred pairs.
4. The seven are brought to one exposure and averaged with equal weights; what only one of them
   shows is held to the median's neighbourhood. Margins that fewer than {shared:.0f} share are cut.
5. The mean radial Fourier amplitude of the seven is restored, with a gain of at most {gain:.2f}.

{chosen}

## Is any child in it?
Largest normalised correlation of each composite, and in brackets of its detail (what is finer
than a local mean of {detail} of {grid} pixels; there children differ): with the nearest of its
own sources after registration; with the nearest of all {films} training films, cut to the same
part; and, for scale, between the two of its sources, different children, that are most alike.
A film and its copy have 1.00 (1.00).

| file | nearest source | nearest training film | two of its children |
|---|---|---|---|
{nearness}

Largest over all composites: {worst_source} with a source, {worst_film} with any training film.
Chests of one age and view look alike, so whole pictures agree; their detail tells children apart.
A composite is nearest to the typical film, whose shape it takes; even there {foreign:.0%} of the
variance of its detail is not that child's.

## Licence and attribution
The sources are chest films from D. Kermany, K. Zhang and M. Goldbaum, *Labeled Optical Coherence
Tomography (OCT) and Chest X-Ray Images for Classification*, Mendeley Data, v2 (2018),
[doi:10.17632/rscbjbr9sj.2](https://doi.org/10.17632/rscbjbr9sj.2), licensed under
[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/). Changes made: composites of seven films
each, as described above. The composites are licensed under CC BY 4.0 as well; the test card is
MIT-licensed like the code.
"""

CHOSEN = """\
Of {candidates} composites per class, those that the ensemble reads as their class were sorted by
how sure it is, and the first, the middle and the last kept. They show what the program does, not
how well it does it."""
TYPICAL = "Of each class, the three composites whose sources are most alike are kept."


def record(examples: list[Example], *, films: int, candidates: int) -> str:
    """The page. ``films`` were compared; ``candidates`` composites per class were made."""
    revisions = sorted({e.reading.weights for e in examples if e.reading})
    return TEXT.format(
        k=SOURCES,
        shared=MIN_SHARED,
        gain=MAX_GAIN,
        detail=DETAIL_PX,
        grid=GRID_PX,
        films=films,
        non_film=NON_FILM,
        reading=f"read by weights {', '.join(revisions)} as" if revisions else "reading",
        files="\n".join(_file_row(e) for e in examples),
        foreign=1 - max(e.near.sources.detail for e in examples) ** 2,
        chosen=CHOSEN.format(candidates=candidates) if revisions else TYPICAL,
        nearness="\n".join(_nearness_row(e) for e in examples),
        worst_source=_largest((e.near.sources.picture, e.near.sources.detail) for e in examples),
        worst_film=_largest((e.near.films.picture, e.near.films.detail) for e in examples),
    )


def _file_row(example: Example) -> str:
    height, width = example.shape
    said = "not read yet"
    if example.reading:
        normal, bacterial, viral = example.reading.estimate.pattern
        said = f"normal {normal:.2f}, bacterial {bacterial:.2f}, viral {viral:.2f}"
    return f"| `{example.path}` | {example.kind} | {width} x {height} | {example.label} | {said} |"


def _nearness_row(example: Example) -> str:
    near = example.near
    measured = (near.sources, near.films, near.between_children)
    columns = (f"{likeness.picture:.2f} ({likeness.detail:.2f})" for likeness in measured)
    return f"| `{example.path}` | {' | '.join(columns)} |"


def _largest(pairs: Iterable[tuple[float, float]]) -> str:
    pictures, details = zip(*pairs, strict=True)
    return f"{max(pictures):.2f} ({max(details):.2f})"
