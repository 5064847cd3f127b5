"""Initial weights: ImageNet through torchvision, or a safetensors file with its key names."""

from __future__ import annotations

from pathlib import Path

import torch
import torchvision
from safetensors.torch import load_file
from torch import Tensor, nn

from pneumo.networks import Network
from pneumo.networks.resnet import ResNet

IMAGENET_STEM = ("conv1", "bn1")


def initialise(network: Network, init: str) -> list[str]:
    """Fill a ResNet from ``none``, ``imagenet`` (downloads) or a file; returns what stays random.

    The grey film stands in for all three colours, so the stem's kernels are summed over them.
    """
    if init == "none":
        return sorted(dict(network.named_parameters()))
    if not isinstance(network, ResNet):
        raise ValueError(f"--init {init} is known for ResNets only")
    source = (
        torchvision.models.resnet18(weights="IMAGENET1K_V1").state_dict()
        if init == "imagenet"
        else load_file(Path(init))
    )
    renamed: dict[str, Tensor] = {}
    for name, value in source.items():
        head, _, rest = name.partition(".")
        if head == "conv1":
            renamed["stem.0.weight"] = value.float().sum(dim=1, keepdim=True)
        elif head == "bn1":
            renamed[f"stem.1.{rest}"] = value
        elif head.startswith("layer"):
            renamed[f"stages.{int(head[5:]) - 1}.{rest}"] = value
    report = network.load_state_dict({k: v.float() for k, v in renamed.items()}, strict=False)
    if report.unexpected_keys:
        raise ValueError(f"{init}: unknown tensors {report.unexpected_keys[:3]}")
    return [k for k in report.missing_keys if not k.endswith("num_batches_tracked")]


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
