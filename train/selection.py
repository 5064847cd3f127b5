"""What an epoch is judged by: the weight average on role ``select``."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional as F

from pneumo.networks.base import log_odds
from train.data import Films


@torch.no_grad()
def predict(network: nn.Module, batches: list[Tensor], *, bf16: bool = True) -> Tensor:
    """Logits (N, K) in evaluation mode, on the CPU whatever the network's device."""
    network.eval()
    device = next(network.parameters()).device
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        return torch.cat([network(x.to(device)).float() for x in batches]).cpu()


def aspect_weights(films: Films) -> np.ndarray:
    """Weights under which aspect ratio says nothing about the label.

    Within each tenth of the aspect ratios, normal and pneumonia films get equal total weight.
    """
    aspect, sick = films.aspect.numpy(), films.label.numpy() > 0
    tenth = np.digitize(aspect, np.quantile(aspect, np.linspace(0, 1, 11)[1:-1]))
    weight = np.zeros(len(films))
    for t in range(10):
        for kind in (False, True):
            here = (tenth == t) & (sick == kind)
            both = ((tenth == t) & sick).any() and ((tenth == t) & ~sick).any()
            if here.any() and both:
                weight[here] = 1 / here.sum()
    return weight


def score(films: Films, logits: Tensor) -> dict[str, float]:
    """AUROC for pneumonia plain and re-weighted for aspect, accuracy over the classes, NLL.

    ``logits`` is (N, K); with two classes, bacterial and viral count as pneumonia.
    """
    sick, odds = films.label.numpy() > 0, log_odds(logits).numpy()
    label = films.label.clamp(max=logits.shape[1] - 1)
    accuracy = "accuracy" if logits.shape[1] == 2 else "accuracy_three_class"
    return {
        "auroc": float(roc_auc_score(sick, odds)),
        "auroc_reweighted": float(roc_auc_score(sick, odds, sample_weight=aspect_weights(films))),
        accuracy: float((logits.argmax(1) == label).float().mean()),
        "nll": float(F.cross_entropy(logits, label)),
    }
