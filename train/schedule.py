"""How the learning rate runs over the steps of a training."""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR, ReduceLROnPlateau

from train.recipe import Config

ONE_CYCLE_RISE, COSINE_RISE = 0.2, 0.05  # shares of all steps until the peak
PLATEAU_FACTOR = 0.3


class Schedule:
    """One of three schedules, told of every step and of every epoch's select NLL."""

    def __init__(self, config: Config, optimizer: Optimizer, steps: int) -> None:
        self.inner: LRScheduler
        if config.schedule == "one_cycle":
            self.inner = OneCycleLR(
                optimizer, config.peak_rate, total_steps=steps, pct_start=ONE_CYCLE_RISE
            )
        elif config.schedule == "cosine":
            rise = max(1, round(COSINE_RISE * steps))
            self.inner = LambdaLR(optimizer, lambda step: cosine(step, rise=rise, steps=steps))
        else:
            self.inner = ReduceLROnPlateau(
                optimizer, factor=PLATEAU_FACTOR, patience=config.plateau
            )

    def after_step(self) -> None:
        if not isinstance(self.inner, ReduceLROnPlateau):
            self.inner.step()

    def after_epoch(self, nll: float) -> None:
        if isinstance(self.inner, ReduceLROnPlateau):
            self.inner.step(nll)

    def state_dict(self) -> dict[str, object]:
        return self.inner.state_dict()

    def load_state_dict(self, state: dict[str, object]) -> None:
        self.inner.load_state_dict(state)


def cosine(step: int, *, rise: int, steps: int) -> float:
    """Share of the peak rate: a straight rise, then half a cosine down to 0 at ``steps``."""
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rise) / max(1, steps - rise))))
