"""Initial weights from ImageNet, and how they are kept from the first shocks of training."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import torch
import torchvision
from safetensors.torch import load_file
from torch import Tensor, nn

from pneumo.networks import Network
from pneumo.networks.cnn import CNN
from pneumo.networks.densenet import DenseNet
from pneumo.networks.mobilenet import MobileNet
from pneumo.networks.resnet import ResNet
from train.recipe import Config

HEADS = ("fc", "classifier")  # of ImageNet's thousand classes


def initialise(network: Network, init: str, architecture: str) -> list[str]:
    """Fill a body from ``none``, ``imagenet`` (downloads) or a file; returns what stays random.

    A file is safetensors with torchvision's key names. The grey film stands in for all three
    colours, so the stem's kernels are summed over them. Raises ValueError where names do not fit.
    """
    scatter(network)  # what a file leaves out stays so
    if init == "none":
        return sorted(dict(network.named_parameters()))
    if init == "imagenet":
        # "resnet18_cbam" starts from the body that it adds to.
        plain = architecture.removesuffix("_cbam")
        source = torchvision.models.get_model(plain, weights="IMAGENET1K_V1").state_dict()
    else:
        source = load_file(Path(init))
    renamed = {
        name_here(network, name): value.float()
        for name, value in source.items()
        if name.partition(".")[0] not in HEADS
    }
    for name, value in renamed.items():
        if value.ndim == 4 and value.shape[1] == 3:
            renamed[name] = value.sum(dim=1, keepdim=True)
    report = network.load_state_dict(renamed, strict=False)
    if report.unexpected_keys or not renamed:
        raise ValueError(f"{init} does not fit {architecture}: {report.unexpected_keys[:3]}")
    return [k for k in report.missing_keys if not k.endswith("num_batches_tracked")]


def scatter(network: Network) -> None:
    """He's random weights (arXiv:1502.01852) for a body's convolutions, which torch's do not suit.

    They keep the size of what passes a plain chain, and in a residual body that of its gradients,
    both as usual. torchvision has seen to its DenseNet.
    """
    match network:
        case CNN():
            parts, mode = [network.body], "fan_in"
        case ResNet():
            parts, mode = [network.stem, network.stages], "fan_out"
        case MobileNet():
            parts, mode = [network.body], "fan_out"
        case _:
            return
    for layer in (layer for part in parts for layer in part.modules()):
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode=mode, nonlinearity="relu")


def name_here(network: Network, name: str) -> str:
    """This project's name of a tensor of torchvision's ResNets, DenseNets or MobileNets."""
    first, _, rest = name.partition(".")
    if isinstance(network, DenseNet | MobileNet):
        return f"body.{rest}" if first == "features" else name
    if not isinstance(network, ResNet):
        raise ValueError("initial weights are known for torchvision's bodies; use --init none")
    if first.startswith("layer"):
        return f"stages.{int(first[5:]) - 1}.{rest}"
    return {"conv1": f"stem.0.{rest}", "bn1": f"stem.1.{rest}"}.get(first, name)


@torch.no_grad()
def restore_batch_statistics(network: nn.Module, batches: list[Tensor]) -> None:
    """Give folded BatchNorm layers real statistics without changing what the network computes.

    A folded layer computes y = a x + b with invented running statistics; in train mode it would
    normalise and break the network. With the batch's own mean m and variance v set as running
    statistics, weight a * sqrt(v + eps) and bias b + a * m give the same y.
    """
    layers = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    sums: dict[nn.BatchNorm2d, list[tuple[Tensor, Tensor]]] = {layer: [] for layer in layers}

    def record(layer: nn.BatchNorm2d, inputs: tuple[Tensor]) -> None:
        x = inputs[0]
        sums[layer].append((x.mean(dim=(0, 2, 3)), (x * x).mean(dim=(0, 2, 3))))

    hooks = [layer.register_forward_pre_hook(record) for layer in layers]
    network.eval()
    for x in batches:
        network(x)
    for hook in hooks:
        hook.remove()
    for layer in layers:
        mean = torch.stack([m for m, _ in sums[layer]]).mean(dim=0)
        square = torch.stack([s for _, s in sums[layer]]).mean(dim=0)
        var = (square - mean * mean).clamp(min=1e-6)
        a = layer.weight / (layer.running_var + layer.eps).sqrt()
        b = layer.bias - a * layer.running_mean
        layer.weight.copy_(a * (var + layer.eps).sqrt())
        layer.bias.copy_(b + a * mean)
        layer.running_mean.copy_(mean)
        layer.running_var.copy_(var)


def frozen_at(config: Config, network: Network, epoch: int) -> tuple[str, ...]:
    """Names of the parts that do not learn in an epoch: first all but the head, then as told."""
    if epoch < config.head_epochs:
        return tuple(name for name, _ in network.named_children() if name != "head")
    return config.frozen if epoch < config.frozen_epochs else ()


def train_mode(network: Network, frozen: Collection[str]) -> None:
    """Train mode, except that frozen parts keep their weights and their BatchNorm statistics.

    Raises ValueError where a name is no part of the network.
    """
    parts = dict(network.named_modules())
    if unknown := sorted(set(frozen) - parts.keys()):
        raise ValueError(f"no part is named {unknown[0]}; there are {', '.join([*parts][1:9])} …")
    network.train().requires_grad_(True)
    for name in frozen:
        parts[name].eval().requires_grad_(False)
