"""Three numbers per member that make its probabilities honest, fitted on ``calibrate``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.special import expit

from pneumo.calibration import MemberCalibration, log_odds, softmax

LOG_TEMPERATURES = (-3.0, 3.0)  # a member outside 0.05 to 20 is broken, not miscalibrated
SMALLEST = 1e-12  # probability


def class_nll(classes: NDArray[np.float64], label: NDArray[np.int64]) -> float:
    """Mean negative log-likelihood of class probabilities (N, K), nats."""
    true = classes[np.arange(len(label)), label]
    return float(-np.log(np.maximum(true, SMALLEST)).mean())


def fit(logits: NDArray[np.float64], label: NDArray[np.int64]) -> MemberCalibration:
    """The calibration with the least NLL, from logits (N, K) and class numbers (N,).

    Label smoothing and mixing leave a member shy *and* shifted: a temperature alone, which turns
    the log-odds about zero, cannot mend the shift. Bacterial and viral films are told apart far
    less surely than ill and well ones, so their odds have a temperature of their own.
    """
    sick, odds = label > 0, log_odds(logits)

    def of_pneumonia(x: NDArray[np.float64]) -> float:
        p = expit(odds * np.exp(-x[0]) + x[1])
        return class_nll(np.stack([1 - p, p], axis=1), sick.astype(np.int64))

    best = optimize.minimize(of_pneumonia, np.zeros(2), bounds=[LOG_TEMPERATURES, (-10.0, 10.0)])
    return MemberCalibration(
        temperature=float(np.exp(best.x[0])),
        bias=float(best.x[1]),
        pattern_temperature=_temperature(logits[sick, 1:], label[sick] - 1),
    )


def _temperature(logits: NDArray[np.float64], label: NDArray[np.int64]) -> float:
    """The temperature with the least NLL (Guo et al. 2017, arXiv:1706.04599); 1 for one class."""
    if logits.shape[1] < 2:
        return 1.0
    found = optimize.minimize_scalar(
        lambda x: class_nll(softmax(logits * np.exp(-x)), label),
        bounds=LOG_TEMPERATURES,
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))
