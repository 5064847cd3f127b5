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
    (found,) = evidence_of_each([network], [features], target=target)
    return found


def evidence_of_each(
    networks: Sequence[Network], features: Sequence[Tensor], *, target: str = PNEUMONIA
) -> list[Tensor]:
    """The evidence of several networks of the same classes, by one backward pass through heads."""
    leaves = [each.detach().requires_grad_() for each in features]  # (B, C, h, w)
    with torch.enable_grad():
        logits = [n.logits(leaf) for n, leaf in zip(networks, leaves, strict=True)]
        score = log_odds_of(networks[0], torch.cat(logits), target)  # (B * members,)
        slopes = torch.autograd.grad(score.sum(), leaves)
    return [_weighted(leaf.detach(), slope) for leaf, slope in zip(leaves, slopes, strict=True)]


def _weighted(features: Tensor, slope: Tensor) -> Tensor:
    # The head averages over the grid, so the slope of one cell is 1 / (h * w) of the whole effect.
    cells = features.shape[2] * features.shape[3]
    weight = slope.mean(dim=(2, 3), keepdim=True) * cells  # (B, C, 1, 1)
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
