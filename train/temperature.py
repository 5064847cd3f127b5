"""One number per member that makes its probabilities honest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.special import log_softmax

TEMPERATURES = (0.05, 20.0)  # searched range; a member outside it is broken, not miscalibrated


def class_nll(logits: NDArray[np.float64], label: NDArray[np.int64], temperature: float) -> float:
    """Mean negative log-likelihood of logits (N, K), nats."""
    return float(-log_softmax(logits / temperature, axis=1)[np.arange(len(label)), label].mean())


def fit_temperature(logits: NDArray[np.float64], label: NDArray[np.int64]) -> float:
    """The temperature with the least NLL (Guo et al. 2017, arXiv:1706.04599)."""
    found = optimize.minimize_scalar(
        lambda log_t: class_nll(logits, label, float(np.exp(log_t))),
        bounds=tuple(np.log(TEMPERATURES)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))
