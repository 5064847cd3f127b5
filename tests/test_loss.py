"""Tasks and losses, held against PyTorch's and torchvision's own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

from train.loss import answer_weights, loss, questions
from train.recipe import Config

CHANCE = torch.Generator().manual_seed(4)
LOGITS = 3 * torch.randn(12, 3, generator=CHANCE)
LABEL = torch.tensor([0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2])
TARGET = F.one_hot(LABEL, 3).float()
SICK = (LABEL > 0).long()


def recipe(**changes: object) -> Config:
    return Config("dev", **{"label_smoothing": 0.0, **changes})  # type: ignore[arg-type]


def cost(config: Config, logits: Tensor, target: Tensor) -> Tensor:
    return loss(config, logits, target, answer_weights(config, target))


def test_the_default_is_cross_entropy_with_smoothed_labels_on_mixed_targets() -> None:
    mixed = 0.7 * TARGET + 0.3 * TARGET.flip(0)
    expected = F.cross_entropy(LOGITS, mixed, label_smoothing=0.05)
    torch.testing.assert_close(cost(Config("dev"), LOGITS, mixed), expected)


@pytest.mark.parametrize("task", ["three_class", "hierarchical"])
def test_focal_loss_is_cross_entropy_at_gamma_zero(task: str) -> None:
    plain = cost(recipe(task=task), LOGITS, TARGET)
    flat = cost(recipe(task=task, loss="focal", focal_gamma=0.0), LOGITS, TARGET)
    torch.testing.assert_close(flat, plain)
    assert cost(recipe(task=task, loss="focal"), LOGITS, TARGET) < plain


def test_focal_loss_of_two_classes_is_torchvisions() -> None:
    ours = cost(recipe(task="binary", loss="focal"), LOGITS[:, :2], F.one_hot(SICK, 2).float())
    odds = LOGITS[:, 1] - LOGITS[:, 0]
    expected = sigmoid_focal_loss(odds, SICK.float(), alpha=-1, gamma=2.0, reduction="mean")
    torch.testing.assert_close(ours, expected)


def test_bce_weighs_pneumonia_as_pytorchs_pos_weight() -> None:
    config = recipe(task="binary", loss="bce", class_weights="inverse")
    ours = cost(config, LOGITS[:, :2], F.one_hot(SICK, 2).float())
    expected = F.binary_cross_entropy_with_logits(
        LOGITS[:, 1] - LOGITS[:, 0], SICK.float(), pos_weight=torch.tensor(3 / 9)
    )
    torch.testing.assert_close(ours, expected)


def test_inverse_weights_give_every_class_the_same_say() -> None:
    config = recipe(class_weights="inverse")
    (weights,) = answer_weights(config, TARGET)
    torch.testing.assert_close(weights * TARGET.sum(dim=0), torch.full((3,), 4.0))
    by_film = F.cross_entropy(LOGITS, LABEL, reduction="none")
    each = torch.stack([by_film[k == LABEL].mean() for k in range(3)])
    torch.testing.assert_close(cost(config, LOGITS, TARGET), each.mean())


def test_inverse_weights_refuse_a_class_that_nobody_has() -> None:
    with pytest.raises(ValueError, match="every class"):
        answer_weights(recipe(class_weights="inverse"), TARGET[:8])


def test_the_hierarchys_two_answers_multiply_to_the_softmax_that_reading_takes() -> None:
    first, second = questions(recipe(task="hierarchical"), LOGITS, TARGET)
    pneumonia, kind = first.logits.softmax(dim=1), second.logits.softmax(dim=1)
    product = torch.cat([pneumonia[:, :1], pneumonia[:, 1:] * kind], dim=1)
    torch.testing.assert_close(product, LOGITS.softmax(dim=1))


def test_the_hierarchy_is_three_class_cross_entropy_when_types_weigh_their_share() -> None:
    share = float(SICK.float().mean())
    ours = cost(recipe(task="hierarchical", type_weight=share), LOGITS, TARGET)
    torch.testing.assert_close(ours, F.cross_entropy(LOGITS, LABEL))


def test_the_hierarchy_asks_for_the_type_of_films_with_pneumonia_only() -> None:
    config = recipe(task="hierarchical", label_smoothing=0.1)
    types = F.cross_entropy(LOGITS[3:, 1:], LABEL[3:] - 1, label_smoothing=0.1)
    odds = torch.stack([LOGITS[:, 0], LOGITS[:, 1:].logsumexp(dim=1)], dim=1)
    pneumonia = F.cross_entropy(odds, SICK, label_smoothing=0.1)
    torch.testing.assert_close(cost(config, LOGITS, TARGET), pneumonia + types)


def test_a_batch_of_healthy_children_teaches_nothing_about_types() -> None:
    logits = LOGITS[:3].clone().requires_grad_()
    config = recipe(task="hierarchical", label_smoothing=0.1)
    total = loss(config, logits, TARGET[:3], answer_weights(config, TARGET))
    (slope,) = torch.autograd.grad(total, logits)
    assert torch.isfinite(slope).all()
    # What remains reaches both types in proportion to their probability: it asks for pneumonia.
    kind = logits[:, 1:].softmax(dim=1)
    torch.testing.assert_close(slope[:, 1] * kind[:, 1], slope[:, 2] * kind[:, 0])


def test_bce_of_three_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="yes-or-no"):
        recipe(loss="bce")
