"""Stored sample values -> grey levels in [0, 1], by one table look-up per film."""

from __future__ import annotations

import numpy as np

CHROMA_SIDE_PX = 512  # colour is a property of the whole picture: a coarse grid shows it
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as JPEG uses it
TAILS_PERCENT = 0.5  # cut off at each end where a file does not say how it is to be shown
ENOUGH_SAMPLES = 1_000_000  # pins a percentile to far less than a grey level
DISPLAY_BITS = (8, 10, 12, 14, 16)  # sample depths that films are stored at in 16-bit files


def grey_of_bytes(samples: np.ndarray) -> np.ndarray:
    """8-bit grey (H, W) -> float32 (H, W) in [0, 1]."""
    grey: np.ndarray = np.divide(samples, np.float32(255))  # exactly 1 at 255, unlike a product
    return grey


def grey_of_words(samples: np.ndarray) -> tuple[np.ndarray, int]:
    """16-bit grey (H, W) -> float32 (H, W) in [0, 1], and the depth its values really use.

    Detectors deliver 10 to 14 bits, and many exporters write them unscaled into 16-bit files: on
    the full scale such a film would be nearly black.
    """
    largest = int(samples.max())
    depth = next(bits for bits in DISPLAY_BITS if largest < 2**bits)
    table = np.arange(2**16, dtype=np.float32) / np.float32(2**depth - 1)
    return table[samples], depth


def grey_of_colour(samples: np.ndarray) -> tuple[np.ndarray, float]:
    """8-bit colour (H, W, 3) -> float32 luma (H, W) in [0, 1], and its chroma in [0, 1].

    Chroma is the absolute difference between two channels, averaged over the three pairs.
    """
    grey = samples @ np.array(LUMA, dtype=np.float32) / np.float32(255)
    step = max(min(samples.shape[:2]) // CHROMA_SIDE_PX, 1)
    coarse = samples[::step, ::step].astype(np.int16)
    differences = np.abs(coarse - np.roll(coarse, 1, axis=2))  # R-B, G-R, B-G
    return np.clip(grey, 0, 1, out=grey), float(differences.mean() / 255)


def grey_of_numbers(samples: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """Finite numbers of unknown scale (H, W) -> float32 in [0, 1], and the two values at its ends.

    Values inside [0, 1] are taken as they are.
    """
    samples = samples.astype(np.float64)
    low, high = float(samples.min()), float(samples.max())
    if not (low >= 0 and high <= 1):
        some = samples.ravel()[:: max(samples.size // ENOUGH_SAMPLES, 1)]
        low, high = np.percentile(some, (TAILS_PERCENT, 100 - TAILS_PERCENT)).tolist()
        if low == high:
            return np.zeros(samples.shape, dtype=np.float32), (low, high)
        # In halves, so that a span wider than the largest double does not overflow.
        samples = (samples / 2.0 - low / 2) / (high / 2 - low / 2)
    return np.clip(samples, 0, 1).astype(np.float32), (low, high)


def tails(values: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """The 0.5th and 99.5th percentile of values (N,) that occur counts (N,) times."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(counts[order])
    limits = reached[-1] * np.array([TAILS_PERCENT, 100 - TAILS_PERCENT]) / 100
    low, high = values[order][np.searchsorted(reached, limits)].tolist()
    return low, high
