"""Evidence maps, held against CAM and against the pytorch-grad-cam library."""

from __future__ import annotations

import pytest
import torch
from conftest import assert_untouched
from pytorch_grad_cam import GradCAM
from torch import Tensor, nn

from pneumo.gradcam import evidence
from pneumo.networks import BINARY, THREE_CLASS, Network
from pneumo.networks.base import log_odds
from pneumo.networks.resnet import resnet18


def network(classes: tuple[str, ...], *, seed: int = 0) -> Network:
    torch.manual_seed(seed)
    return resnet18(classes).eval().requires_grad_(False)


def some_features() -> Tensor:
    """(2, 512, 3, 3), of both signs, so that every target has cells for it and against it."""
    return torch.randn(2, 512, 3, 3, generator=torch.Generator().manual_seed(1))


def test_grad_cam_equals_cam_when_the_head_is_pooled_and_linear() -> None:
    member = network(BINARY)
    features = some_features()
    weight = member.head.weight[1] - member.head.weight[0]  # pneumonia against normal
    cam = torch.einsum("c,bchw->bhw", weight, features).relu()
    assert cam.max() > 0
    torch.testing.assert_close(evidence(member, features), cam)


def test_a_cell_holds_the_log_odds_of_a_square_that_looks_like_it_everywhere() -> None:
    member = network(BINARY)
    features = some_features()[:1]
    found = evidence(member, features)[0]
    row, column = divmod(int(found.argmax()), found.shape[1])
    everywhere = features[:, :, row : row + 1, column : column + 1].expand_as(features)
    bias = member.head.bias[1] - member.head.bias[0]
    gain = log_odds(member.logits(everywhere))[0] - bias
    torch.testing.assert_close(found[row, column], gain)


@pytest.mark.parametrize("target", ["pneumonia", *THREE_CLASS])
def test_the_map_is_the_librarys_times_the_number_of_cells(target: str) -> None:
    member = network(THREE_CLASS)
    features = some_features()[:1]

    def score(logits: Tensor) -> Tensor:
        if target == "pneumonia":
            return log_odds(logits[None])[0]
        share = torch.softmax(logits, dim=0)[THREE_CLASS.index(target)]
        return torch.log(share / (1 - share))

    theirs = unscaled_library_map(member, features, score)
    assert theirs.max() > 0
    cells = features.shape[2] * features.shape[3]
    torch.testing.assert_close(evidence(member, features, target=target)[0], theirs * cells)


class Head(nn.Module):
    """The second half of a member, with its input as a layer that the library can hook."""

    def __init__(self, member: Network) -> None:
        super().__init__()
        self.member = member
        self.layer = nn.Identity()

    def forward(self, features: Tensor) -> Tensor:  # (B, C, h, w) -> (B, K)
        return self.member.logits(self.layer(features))


def unscaled_library_map(member: Network, features: Tensor, score) -> Tensor:  # type: ignore[no-untyped-def]
    """pytorch-grad-cam's map (h, w) before it stretches every map to [0, 1]."""
    head = Head(member)
    leaf = features.clone().requires_grad_()
    with GradCAM(model=head, target_layers=[head.layer]) as library:
        logits = library.activations_and_grads(leaf)
        score(logits[0]).backward()
        raw = library.get_cam_image(
            leaf,
            head.layer,
            [score],
            library.activations_and_grads.activations[0].numpy(),
            library.activations_and_grads.gradients[0].numpy(),
            eigen_smooth=False,
        )
    return torch.from_numpy(raw)[0].relu()


def test_a_map_leaves_no_trace_on_the_shared_network() -> None:
    member = network(THREE_CLASS)
    features = some_features()
    before = features.clone()
    evidence(member, features)
    assert_untouched(member)
    assert not features.requires_grad
    torch.testing.assert_close(features, before, rtol=0, atol=0)


def test_a_failed_map_leaves_no_trace_either() -> None:
    member = network(THREE_CLASS)
    with pytest.raises(ValueError, match="no class 'fungal'"):
        evidence(member, some_features(), target="fungal")
    assert_untouched(member)
    assert torch.is_grad_enabled()


def test_a_film_without_evidence_has_an_empty_map() -> None:
    member = network(BINARY)
    features = torch.zeros(1, 512, 3, 3)
    assert (evidence(member, features) == 0).all()
