"""Initial weights: what torchvision's networks know survives the way into ours."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from pneumo.networks import ARCHITECTURES, THREE_CLASS
from tests.conftest import TinyNetwork
from train.pretrained import frozen_at, initialise, restore_batch_statistics, train_mode
from train.recipe import Config


def shaken(network: nn.Module) -> nn.Module:
    """Random BatchNorm layers, so that a statistic left behind is noticed."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight.data, module.running_var):
                tensor.uniform_(0.5, 1.5)
            for tensor in (module.bias.data, module.running_mean):
                tensor.normal_(0, 0.1)
    return network.eval()


def torchvision_features(network: nn.Module, x: Tensor) -> Tensor:
    """The last maps before pooling, by torchvision's own layers."""
    if isinstance(network, torchvision.models.DenseNet):
        maps: Tensor = network.features(x).relu()
        return maps
    if isinstance(network, torchvision.models.MobileNetV2):
        maps = network.features(x)
        return maps
    for name, layer in network.named_children():
        if name == "avgpool":
            break
        x = layer(x)
    return x


BODIES = ("resnet18", "resnet50", "densenet121", "mobilenet_v2")


@pytest.mark.parametrize("name", BODIES)
def test_a_grey_film_gives_the_features_that_torchvision_gives_it_in_three_colours(
    name: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    original = shaken(torchvision.models.get_model(name, weights=None))
    save_file({k: v.contiguous() for k, v in original.state_dict().items()}, tmp_path / "init")
    ours = ARCHITECTURES[name](THREE_CLASS)
    random = initialise(ours, str(tmp_path / "init"), name)
    assert random
    assert all(tensor.startswith("head.") for tensor in random)
    x = torch.randn(2, 1, 64, 64)
    with torch.no_grad():
        expected = torchvision_features(original, x.expand(2, 3, 64, 64))
        actual = ours.eval().features(x)
    torch.testing.assert_close(actual, expected, rtol=1e-3, atol=1e-3)


def test_imagenet_means_torchvisions_weights_of_the_same_body(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, str]] = []
    original = torchvision.models.resnet18()

    def download(name: str, *, weights: str) -> nn.Module:
        asked.append((name, weights))
        return original

    monkeypatch.setattr(torchvision.models, "get_model", download)
    ours = ARCHITECTURES["resnet18"](THREE_CLASS)
    initialise(ours, "imagenet", "resnet18_cbam")
    assert asked == [("resnet18", "IMAGENET1K_V1")]
    torch.testing.assert_close(ours.stages[0][0].conv1.weight, original.layer1[0].conv1.weight)


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    save_file({"features.0.0.weight": torch.zeros(32, 3, 3, 3)}, tmp_path / "mobilenet")
    for name in ("resnet18", "densenet121"):
        with pytest.raises(ValueError, match="does not fit"):
            initialise(ARCHITECTURES[name](THREE_CLASS), str(tmp_path / "mobilenet"), name)
    with pytest.raises(ValueError, match="--init none"):
        initialise(TinyNetwork(THREE_CLASS), str(tmp_path / "mobilenet"), "tiny")


def test_what_a_file_leaves_out_begins_as_he_proposed(tmp_path: Path) -> None:
    kept = torchvision.models.resnet18().state_dict()
    partial = {k: v.contiguous() for k, v in kept.items() if not k.startswith("layer4.1")}
    save_file(partial, tmp_path / "partial")
    ours = ARCHITECTURES["resnet18"](THREE_CLASS)
    initialise(ours, str(tmp_path / "partial"), "resnet18")
    torch.testing.assert_close(ours.stages[3][0].conv1.weight, kept["layer4.0.conv1.weight"])
    expected = (2 / (512 * 9)) ** 0.5  # of 512 kernels of 3 x 3
    assert ours.stages[3][1].conv1.weight.std().item() == pytest.approx(expected, rel=0.02)


def test_restored_batch_statistics_leave_the_function_as_it_was() -> None:
    torch.manual_seed(1)
    network = shaken(ARCHITECTURES["resnet18"](THREE_CLASS))
    seen, unseen = torch.randn(16, 1, 64, 64), torch.randn(3, 1, 64, 64) + 1
    with torch.no_grad():
        before, before_unseen = network(seen), network(unseen)
        broken = copy.deepcopy(network).train()(seen)
        restore_batch_statistics(network, [seen])
        after_unseen = network(unseen)
        trained = network.train()(seen)
    torch.testing.assert_close(after_unseen, before_unseen, rtol=1e-3, atol=1e-4)
    # Only now does train mode, which normalises with the batch, compute the same too.
    torch.testing.assert_close(trained, before, rtol=1e-3, atol=1e-3)
    assert (broken - before).abs().max() > 0.05


def test_the_head_learns_first_then_all_but_the_named_parts_then_everything() -> None:
    config = Config("dev", stages=((32, 5),), head_epochs=1, frozen=("stem",), frozen_epochs=3)
    network = ARCHITECTURES["resnet18"](THREE_CLASS)
    frozen = [frozen_at(config, network, epoch) for epoch in range(5)]
    assert frozen == [("stem", "stages"), ("stem",), ("stem",), (), ()]
    for names in frozen:
        train_mode(network, names)
        for name, module in network.named_modules():
            if name:
                assert module.training == (name.partition(".")[0] not in names)
        for name, parameter in network.named_parameters():
            assert parameter.requires_grad == (name.partition(".")[0] not in names)


def test_a_frozen_part_must_be_a_part_of_the_network() -> None:
    with pytest.raises(ValueError, match=r"no part is named stages\.9"):
        train_mode(ARCHITECTURES["resnet18"](THREE_CLASS), ("stages.9",))
