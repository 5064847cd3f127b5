"""What a member is asked, and what a wrong answer costs.

Every task is one or two questions about the same logits (B, K), each a choice among two or three
answers. Targets are class probabilities (B, K): mixing blends them, smoothing spreads them.

``three_class``   one question: normal, bacterial or viral?
``binary``        one question: normal or pneumonia?
``hierarchical``  two: normal or pneumonia? and, given pneumonia, bacterial or viral?

The hierarchy needs no network of its own, by the chain rule of probability. The softmax of three
logits n, b, v already holds P(pneumonia), whose log-odds are logsumexp(b, v) - n, and
P(bacterial | pneumonia), whose log-odds are b - v; their product is the softmax's P(bacterial).
So a hierarchical member is read like any other. What differs is the training: each question has
its own weights and its own mean, the second over films with pneumonia only. With ``type_weight``
equal to the batch's share of pneumonia, and neither weights nor smoothing, the sum is
cross-entropy over three classes again.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from train.recipe import Config


@dataclass(frozen=True, eq=False)
class Question:
    """One choice, put to the films of a batch."""

    logits: Tensor  # (B, A), one per answer
    target: Tensor  # (B, A), probabilities of the answers; their sum is ``asked``
    asked: Tensor  # (B, 1) in [0, 1]: how much of each film the question is about
    importance: float


def questions(config: Config, logits: Tensor, target: Tensor) -> list[Question]:
    """What the task asks of logits and targets (B, K)."""
    everyone = torch.ones_like(logits[:, :1])
    if config.task != "hierarchical":
        return [Question(logits, target, everyone, 1.0)]
    sick = target[:, 1:].sum(dim=1, keepdim=True)  # (B, 1)
    pneumonia = torch.stack([logits[:, 0], torch.logsumexp(logits[:, 1:], dim=1)], dim=1)
    return [
        Question(pneumonia, torch.cat([target[:, :1], sick], dim=1), everyone, 1.0),
        Question(logits[:, 1:], target[:, 1:], sick, config.type_weight),
    ]


def answer_weights(config: Config, target: Tensor) -> list[Tensor]:
    """Weights (A,) of each question's answers, from all training targets (N, K).

    ``inverse`` gives every answer the same total weight, 1 per film on average. For ``bce`` the
    first answer keeps weight 1 and the second is weighed against it: PyTorch's ``pos_weight``.
    """
    weights = []
    for question in questions(config, torch.zeros_like(target), target):
        count = question.target.sum(dim=0)  # (A,)
        if config.class_weights == "none":
            weights.append(torch.ones_like(count))
        elif (count == 0).any():
            raise ValueError("inverse class weights need training films of every class")
        elif config.loss == "bce":
            weights.append(count[0] / count)
        else:
            weights.append(count.sum() / (len(count) * count))
    return weights


def loss(config: Config, logits: Tensor, target: Tensor, weights: list[Tensor]) -> Tensor:
    """The cost of logits (B, K) for targets (B, K), a scalar."""
    total = torch.zeros((), device=logits.device)
    for question, weight in zip(questions(config, logits, target), weights, strict=True):
        total = total + question.importance * cost(question, weight, config)
    return total


def cost(question: Question, weight: Tensor, config: Config) -> Tensor:
    """Mean cross-entropy of one question, or focal loss (Lin et al. 2017, arXiv:1708.02002)."""
    smoothing = config.label_smoothing
    spread = question.asked * (smoothing / len(weight))
    target = (1 - smoothing) * question.target + spread
    log_p = F.log_softmax(question.logits, dim=1)
    terms = log_p * target * weight  # (B, A)
    if config.loss == "focal":
        terms = terms * (1 - log_p.exp()) ** config.focal_gamma
    # A batch without pneumonia is not asked for the type: its sum is 0, and so must the mean be.
    return -terms.sum() / question.asked.sum().clamp(min=1e-6)
