"""May the ensemble score this picture? Accept, accept with cautions, or refuse with a reason."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from pneumo.errors import UnsuitableImage
from pneumo.familiarity import Likeness, Pose
from pneumo.lungs import Lungs
from pneumo.radiograph import Radiograph

MIN_SIDE_PX = 120  # below this, consolidation is not resolvable at the members' input size
SMALL_SIDE_PX = 200  # below the training films' own 224 pixels
# Width / height; training films lie between 0.84 and 3.38.
MIN_ASPECT, MAX_ASPECT = 0.6, 3.6
MIN_CONTRAST = 0.06  # standard deviation of grey; training films: at least 0.077
MAX_CHROMA = 0.04  # mean difference between colour channels; a grey film has 0, a tint 0.02
MIN_LUNG_FRACTION = 0.06  # of the film; training films: 99.9 % above
MIN_LUNG_CERTAINTY = 0.85
MIN_HALF_FRACTION = 0.012


class Caution(StrEnum):
    """What the reader of a result should know of the film. The value is the English sentence."""

    SMALL = "The film is small: fine opacities may be lost."
    BURNED_IN = (
        "The file says that text is burned into the picture; letters can mislead the models."
    )
    LUNGS_AT_EDGE = "A lung reaches the edge of the film: part of it may be missing."
    ONE_SIDED = "The two lung fields differ much in size: check rotation, effusion or cropping."
    UNFAMILIAR = (
        "This film is unlike most of the children's films that the networks know: trust the numbers"
        " less."
    )
    MIRRORED = (
        "The heart seems to lie on the child's right side: the film may be mirrored, or it is"
        " dextrocardia; look for the side marker."
    )
    ADULT = "The file says that the patient is an adult: the networks were made for children."
    BY_PROCESSOR = (
        "The graphics card's memory was full, so the processor read this film: more slowly, and as"
        " well."
    )


POSES = {
    Pose.INVERTED: (
        "This film looks inverted: air should be dark and bone bright; invert it and upload it"
        " again."
    ),
    Pose.UPSIDE_DOWN: "This film looks upside down; turn it by 180 degrees and upload it again.",
    Pose.TURNED_LEFT: (
        "This film looks turned to the left; turn it by 90 degrees to the right and upload it"
        " again."
    ),
    Pose.TURNED_RIGHT: (
        "This film looks turned to the right; turn it by 90 degrees to the left and upload it"
        " again."
    ),
}


def require_film(film: Radiograph) -> tuple[Caution, ...]:
    """Refuse what is plainly no greyscale film, from its pixels alone. Raises UnsuitableImage."""
    height, width = film.pixels.shape
    if min(height, width) < MIN_SIDE_PX:
        raise UnsuitableImage(
            f"This picture is only {width} x {height} pixels; upload the film at its original size."
        )
    if not MIN_ASPECT <= width / height <= MAX_ASPECT:
        raise UnsuitableImage(
            "This picture is too narrow or too wide for a chest film; upload the whole film."
        )
    if film.source.chroma > MAX_CHROMA:
        raise UnsuitableImage("This is a colour picture; upload a greyscale chest film.")
    if float(np.std(film.pixels[:: max(height // 512, 1), :: max(width // 512, 1)])) < MIN_CONTRAST:
        raise UnsuitableImage(
            "This picture is blank or nearly so; upload another copy of the film."
        )
    cautions = []
    if min(height, width) < SMALL_SIDE_PX:
        cautions.append(Caution.SMALL)
    if film.source.burned_in:
        cautions.append(Caution.BURNED_IN)
    if film.source.adult:
        cautions.append(Caution.ADULT)
    return tuple(cautions)


def require_lungs(lungs: Lungs) -> tuple[Caution, ...]:
    """Refuse a picture without two lung fields. Raises UnsuitableImage."""
    if (
        lungs.fraction < MIN_LUNG_FRACTION
        or lungs.certainty < MIN_LUNG_CERTAINTY
        or min(lungs.halves) < MIN_HALF_FRACTION
    ):
        raise UnsuitableImage(
            "No pair of lungs was found; upload a frontal chest film, upright and not inverted."
        )
    cautions = []
    if lungs.mask[:, [0, -1]].any() or lungs.mask[[0, -1]].any():
        cautions.append(Caution.LUNGS_AT_EDGE)
    if max(lungs.halves) > 2.5 * min(lungs.halves):
        cautions.append(Caution.ONE_SIDED)
    return tuple(cautions)


def require_upright(pose: Pose | None) -> None:
    """Refuse a film that is stored inverted, on its head or on its side. Raises UnsuitableImage."""
    if pose is not None:
        raise UnsuitableImage(POSES[pose])


def note_side(mirrored: bool) -> tuple[Caution, ...]:
    """What to say of the side on which the heart seems to lie."""
    return (Caution.MIRRORED,) if mirrored else ()


def require_familiar(likeness: Likeness) -> tuple[Caution, ...]:
    """Refuse what is far from every film of the training. Raises UnsuitableImage."""
    if likeness.score > likeness.refuse_above:
        raise UnsuitableImage(
            "This picture is unlike the films that the networks know; upload one whole frontal"
            " chest film of a child."
        )
    return (Caution.UNFAMILIAR,) if likeness.score > likeness.warn_above else ()
