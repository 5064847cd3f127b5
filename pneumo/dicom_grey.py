"""From stored DICOM samples to grey levels as a viewer shows them (PS3.3, C.11.1, C.11.2).

A film has at most 65,536 different codes, so the whole path is computed once for each code, in
double precision, and the film is looked up in that table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

from pneumo.dicom_frame import Frame
from pneumo.dicom_header import DAMAGED, number, word
from pneumo.errors import UnreadableImage
from pneumo.greyscale import tails

SEVERAL_WINDOWS = "This file names several windows; the first was used."
USELESS_WINDOW = "The window in this file cannot be used; the film's own range was shown instead."
NO_WINDOW = "This file names no window; the film's own range was shown."
CONTRADICTION = "This file contradicts itself about polarity; check that air is dark."
BAD_TABLE = "The grey scale table of this DICOM file is damaged; export the film again."


@dataclass(frozen=True)
class _Shown:
    """Grey levels (N,) in [0, 1], the window behind them and what is to be told."""

    grey: np.ndarray
    window: tuple[float, float] | None = None  # centre and width, modality units
    notes: tuple[str, ...] = ()


def shown_grey(
    dataset: Dataset, frame: Frame
) -> tuple[np.ndarray, tuple[float, float] | None, tuple[str, ...]]:
    """Grey (H, W) float32 in [0, 1], air dark; the window used; notes. Raises UnreadableImage."""
    codes = np.arange(2**frame.bits)
    stored = np.where(codes >= 2 ** (frame.bits - 1), codes - 2**frame.bits, codes)
    if not frame.signed:
        stored = codes
    padded = _padding(dataset, stored)
    values = _modality_values(dataset, stored)
    shown = _by_file(dataset, values, frame.bits)
    if shown is None or _is_blank(shown.grey, frame, padded):
        counts = np.bincount(frame.samples.ravel(), minlength=codes.size)
        counts[padded] = 0
        told = NO_WINDOW if shown is None and "WindowCenter" not in dataset else USELESS_WINDOW
        shown = _by_tails(values, counts, told)
    # The window is defined on modality values, so it must come before the inversion.
    grey = 1 - shown.grey if frame.photometric == "MONOCHROME1" else shown.grey
    grey[padded] = 0  # padding is no film; black, as a viewer shows it
    shape = word(dataset, "PresentationLUTShape")
    odd = shape == ("IDENTITY" if frame.photometric == "MONOCHROME1" else "INVERSE")
    notes = (*shown.notes, CONTRADICTION) if odd else shown.notes
    return grey.astype(np.float32)[frame.samples], shown.window, notes


def _modality_values(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """Stored values (N,) -> modality values (N,), float64."""
    if _has_table(dataset, "ModalityLUTSequence"):
        table, first, _ = _table(dataset, "ModalityLUTSequence")
        mapped: np.ndarray = table[np.clip(stored - first, 0, table.size - 1)].astype(np.float64)
        return mapped
    slope = number(dataset, "RescaleSlope") if "RescaleSlope" in dataset else 1.0
    intercept = number(dataset, "RescaleIntercept") if "RescaleIntercept" in dataset else 0.0
    if not slope or intercept is None:
        raise UnreadableImage(BAD_TABLE)
    with np.errstate(over="ignore", invalid="ignore"):
        values: np.ndarray = stored * slope + intercept
    if not np.isfinite(values).all():
        raise UnreadableImage(BAD_TABLE)
    return values


def _by_file(dataset: Dataset, values: np.ndarray, bits: int) -> _Shown | None:
    """As the file asks to be shown; None where it does not say, or says it unusably."""
    if _has_table(dataset, "VOILUTSequence"):
        table, first, depth = _table(dataset, "VOILUTSequence")
        index = np.clip(np.round(values - first), 0, table.size - 1).astype(np.intp)
        told = (SEVERAL_WINDOWS,) if len(dataset.VOILUTSequence) > 1 else ()
        return _Shown(np.clip(table[index] / (2**depth - 1), 0, 1), notes=told)
    centre, width = number(dataset, "WindowCenter"), number(dataset, "WindowWidth")
    if centre is not None and width is not None and width > 0:
        several = number(dataset, "WindowCenter", index=1) not in (None, centre)
        grey = _windowed(values, centre, width, word(dataset, "VOILUTFunction") or "LINEAR")
        return _Shown(grey, (centre, width), (SEVERAL_WINDOWS,) if several else ())
    if bits <= 8 and "WindowCenter" not in dataset:
        # Eight bits without a window are screen grey already, as in a PNG of the same film.
        low, high = values.min(), values.max()
        if low == high:  # a slope lost beside a huge intercept, or a table of one grey
            raise UnreadableImage(BAD_TABLE)
        return _Shown((values - low) / (high - low))
    return None


def _windowed(values: np.ndarray, centre: float, width: float, function: str) -> np.ndarray:
    """Values (N,) -> [0, 1] by a window (PS3.3, C.11.2.1.2 and C.11.2.1.3)."""
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -700, 700)))
    if function != "LINEAR_EXACT":  # LINEAR, also where the word is unknown
        centre, width = centre - 0.5, max(width - 1, 1e-9)  # of width 1: a step
    return np.clip((values - centre) / width + 0.5, 0, 1)


def _by_tails(values: np.ndarray, counts: np.ndarray, told: str) -> _Shown:
    """From the 0.5th to the 99.5th percentile of the film itself."""
    if not counts.any():
        return _Shown(np.zeros(values.size), notes=(told,))
    low, high = tails(values, counts)
    if low == high:
        return _Shown(np.zeros(values.size), notes=(told,))
    grey = np.clip((values - low) / (high - low), 0, 1)
    return _Shown(grey, ((low + high) / 2, high - low), (told,))


def _is_blank(grey: np.ndarray, frame: Frame, padded: np.ndarray) -> bool:
    """Does this scale show one grey only, though the film has more?"""
    low, high = int(frame.samples.min()), int(frame.samples.max())
    seen = grey[low : high + 1][~padded[low : high + 1]]
    return low < high and (seen.size == 0 or float(np.ptp(seen)) == 0)


def _padding(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """Which stored values (N,) stand for no film (PS3.3, C.7.5.1.1.2); bool (N,)."""
    value = number(dataset, "PixelPaddingValue")
    if value is None:
        return np.zeros(stored.size, dtype=bool)
    limit = number(dataset, "PixelPaddingRangeLimit")
    ends = (value, value if limit is None else limit)
    return (stored >= min(ends)) & (stored <= max(ends))


def _has_table(dataset: Dataset, sequence: str) -> bool:
    try:
        return bool(dataset.get(sequence))
    except DAMAGED as error:
        raise UnreadableImage(BAD_TABLE) from error


def _table(dataset: Dataset, sequence: str) -> tuple[np.ndarray, int, int]:
    """The first table of a sequence: its entries (N,), the first value mapped, bits per entry."""
    try:
        item = dataset[sequence].value[0]
        size, first, depth = (int(v) for v in item.LUTDescriptor)
        entries = item.LUTData
        size = size % 2**16 or 2**16  # 0 stands for 65,536 (PS3.3, C.11.1.1)
        if isinstance(entries, bytes):
            order = "<" if dataset.original_encoding[1] else ">"
            entries = np.frombuffer(entries, dtype="u1" if len(entries) == size else f"{order}u2")
        table = np.asarray(entries).astype(np.int64).ravel()[:size] % 2**16
    except DAMAGED as error:
        raise UnreadableImage(BAD_TABLE) from error
    if table.size != size or not 8 <= depth <= 16:
        raise UnreadableImage(BAD_TABLE)
    return table, first, depth
