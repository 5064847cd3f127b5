"""What every architecture promises: its maps, its logits, and evidence from its head alone."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from pneumo import gradcam
from pneumo.networks import ARCHITECTURES, BINARY, THREE_CLASS
from pneumo.networks.attention import CBAM
from pneumo.networks.base import log_odds

MAPS = {  # channels of the last maps, and how many pixels of the film one of their cells spans
    "cnn3": (128, 4),
    "cnn5": (512, 16),
    "densenet121": (1024, 32),
    "mobilenet_v2": (1280, 32),
    "resnet18": (512, 32),
    "resnet18_cbam": (512, 32),
    "resnet50": (2048, 32),
}
PARAMETERS = {  # millions, as the docstrings say, with three classes
    "cnn3": 0.55,
    "cnn5": 5.0,
    "densenet121": 7.0,
    "mobilenet_v2": 2.2,
    "resnet18": 11.2,
    "resnet18_cbam": 11.2,
    "resnet50": 24.6,
}


def test_every_shipped_architecture_is_described_here() -> None:
    assert ARCHITECTURES.keys() - {"tiny"} == MAPS.keys() == PARAMETERS.keys()


@pytest.mark.parametrize("name", MAPS)
def test_an_architecture_keeps_its_docstrings_promises(name: str) -> None:
    network = ARCHITECTURES[name](THREE_CLASS).eval()
    channels, cell_px = MAPS[name]
    with torch.no_grad():
        features = network.features(torch.randn(2, 1, 64, 64))
        logits = network.logits(features)
    assert features.shape == (2, channels, 64 // cell_px, 64 // cell_px)
    assert logits.shape == (2, 3)
    millions = sum(p.numel() for p in network.parameters()) / 1e6
    assert millions == pytest.approx(PARAMETERS[name], rel=0.02)
    assert f"{PARAMETERS[name]:g}" in (ARCHITECTURES[name].__doc__ or "").replace("0 M", " M", 1)


@pytest.mark.parametrize("classes", [BINARY, THREE_CLASS])
@pytest.mark.parametrize("name", MAPS)
def test_a_film_is_judged_alike_alone_and_in_company(name: str, classes: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    network = ARCHITECTURES[name](classes).eval()
    films = torch.randn(3, 1, 64, 64)
    with torch.no_grad():
        together, alone = network(films), network(films[1:2])
    torch.testing.assert_close(together[1:2], alone, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", MAPS)
def test_evidence_comes_from_the_head_and_leaves_the_network_as_it_was(name: str) -> None:
    torch.manual_seed(0)
    network = ARCHITECTURES[name](THREE_CLASS).eval().requires_grad_(False)
    with torch.no_grad():
        features = network.features(torch.randn(1, 1, 64, 64))
    found = gradcam.evidence(network, features)[0]
    assert found.shape == features.shape[2:]
    assert found.min() >= 0
    # Grad-CAM by its definition: channels weighed by the mean gradient of the log-odds.
    leaf = features.clone().requires_grad_()
    (slope,) = torch.autograd.grad(log_odds(network.logits(leaf)).sum(), leaf)
    weight = slope.sum(dim=(2, 3))[0]  # (C,)
    torch.testing.assert_close(found, torch.einsum("c,chw->hw", weight, features[0]).relu())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_attention_weighs_channels_first_and_places_second() -> None:
    torch.manual_seed(0)
    block, x = CBAM(32).eval(), torch.randn(2, 32, 5, 7)
    first, _, second = block.of_channels
    with torch.no_grad():
        shared = [
            F.relu(s @ first.weight.T) @ second.weight.T for s in (x.mean((2, 3)), x.amax((2, 3)))
        ]
        channelled = x * torch.sigmoid(shared[0] + shared[1])[..., None, None]
        pair = torch.cat([channelled.mean(1, keepdim=True), channelled.amax(1, keepdim=True)], 1)
        places = torch.sigmoid(F.conv2d(pair, block.of_places.weight, padding=3))
        torch.testing.assert_close(block(x), channelled * places)
