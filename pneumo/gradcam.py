"""Evidence maps by Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391), without hooks.

Only the head is differentiated, on features that the reading has already computed: no hook is
placed on the shared network, no parameter gets a gradient, and the map costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pneumo.networks.base import Network, log_odds

PNEUMONIA = "pneumonia"


def evidence(network: Network, features: Tensor, *, target: str = PNEUMONIA) -> Tensor:
    """Grad-CAM of (B, C, h, w) features -> (B, h, w), at least 0, in logit units.

    ``target`` is "pneumonia" for the log-odds of pneumonia, or one of ``network.classes`` for the
    log-odds of that class against the rest. The mean over the grid, before what speaks against is
    cut off, is the features' linear share in the log-odds, so maps of different grid sizes share
    one unit; for a pooled linear head and two classes the map is CAM (Zhou et al. 2016). Raises
    ValueError for an unknown target.
    """
    (found,) = Heads([network], [features]).evidence(target)
    return found


class Heads:
    """The second halves of networks of the same classes, each on features (B, C, h, w) of its own.

    What they make of them is worked out once, for the logits and for every map.
    """

    def __init__(self, networks: Sequence[Network], features: Sequence[Tensor]) -> None:
        self._networks = networks
        self._leaves = [each.detach().requires_grad_() for each in features]
        with torch.enable_grad():
            pairs = zip(networks, self._leaves, strict=True)
            self._logits = torch.cat([network.logits(leaf) for network, leaf in pairs])

    @property
    def logits(self) -> Tensor:
        """(M * B, K), network by network."""
        return self._logits.detach()

    def evidence(self, target: str = PNEUMONIA) -> list[Tensor]:
        """Each network's map (B, h, w) as `evidence` makes it, all by one backward pass."""
        with torch.enable_grad():
            score = log_odds_of(self._networks[0], self._logits, target).sum()
        slopes = torch.autograd.grad(score, self._leaves, retain_graph=True)
        return [_weighted(x.detach(), s) for x, s in zip(self._leaves, slopes, strict=True)]


def _weighted(features: Tensor, slope: Tensor) -> Tensor:
    # Summed: the head averages over the grid, so one cell's slope is 1 / (h * w) of the effect.
    weight = slope.sum(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
    return (weight * features).sum(dim=1).relu()


def log_odds_of(network: Network, logits: Tensor, target: str) -> Tensor:  # (B, K) -> (B,)
    """Log-odds of pneumonia, or of one class against the rest. Raises ValueError."""
    if target == PNEUMONIA:
        return log_odds(logits)
    if target not in network.classes:
        raise ValueError(f"no class {target!r} among {network.classes}")
    index = network.classes.index(target)
    others = [i for i in range(len(network.classes)) if i != index]
    return logits[:, index] - torch.logsumexp(logits[:, others], dim=1)
