"""A torch network as an OpenVINO graph.

OpenVINO's own converter runs every network through torch's retired tracer, seconds for each at
every start. This one lets `torch.fx` list the layers, which takes milliseconds, and translates the
kinds that our networks consist of. OpenVINO folds the batch norms into the convolutions.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from pneumo.lungs import Join

Shape = tuple[int, int, int, int]  # (B, 1, S, S)


def openvino() -> Any:
    """The package of that name, kept from telling its maker that it is used. Raises ImportError."""
    # It reports every import over the network; without this part of it, it does not.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return import_module("openvino")


def translate(network: nn.Module, shape: Shape, *, method: str) -> tuple[Any, Any]:
    """One method of a network in evaluation mode -> the graph's input and its result.

    Raises NotImplementedError for a kind of layer that no network here has had so far.
    """
    ov = openvino()
    entrance = ov.opset13.parameter(list(shape), ov.Type.f32)
    layers = _Layers(method).trace(network)
    return entrance, _Translation(network, layers, ov.opset13).run(entrance)


class _Layers(fx.Tracer):
    """Lists the layers that one method of a network passes, in order."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.traced_func_name = method

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return not list(m.children())


class _Translation(fx.Interpreter):
    """Walks over the layers with graph nodes in place of tensors."""

    def __init__(self, network: nn.Module, layers: fx.Graph, ops: Any) -> None:
        super().__init__(network, graph=layers)  # no module of it: that would write Python
        self.ops = ops

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        layer, x, ops = self.fetch_attr(target), args[0], self.ops
        match layer:
            case Join():
                return self._joined(layer, *args)
            case nn.Conv2d():
                return self._convolution(layer, x)
            case nn.BatchNorm2d():
                values = (layer.weight, layer.bias, layer.running_mean, layer.running_var)
                return ops.batch_norm_inference(x, *map(self._constant, values), layer.eps)
            case nn.Linear():
                y = ops.matmul(x, self._constant(layer.weight), False, True)
                return y if layer.bias is None else ops.add(y, self._constant(layer.bias))
            case nn.Identity():
                return x
            case nn.ReLU():
                return ops.relu(x)
            case nn.ReLU6():
                return ops.clamp(x, 0.0, 6.0)
            case nn.MaxPool2d():
                return self._max_pool(x, layer.kernel_size, layer.stride, layer.padding)
            case nn.AvgPool2d():
                window, step, frame = map(_pair, (layer.kernel_size, layer.stride, layer.padding))
                return ops.avg_pool(x, step, frame, frame, window, False)
        raise NotImplementedError(f"OpenVINO: no translation of {type(layer).__name__}")

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if name := ARITHMETIC.get(target):
            return getattr(self.ops, name)(*map(self._number, args))
        if target is operator.getitem:
            return self._with_new_axes(*args)
        if target is torch.cat:
            return self.ops.concat(args[0], *args[1:], **_renamed(kwargs, dim="axis"))
        if target is torch.stack:
            axis = kwargs["dim"]
            return self.ops.concat([self.ops.unsqueeze(x, np.int64(axis)) for x in args[0]], axis)
        if target is F.relu:
            return self.ops.relu(args[0])
        if target is F.max_pool2d:
            return self._max_pool(args[0], args[1], args[1], 0)
        raise NotImplementedError(f"OpenVINO: no translation of {target}")

    def call_method(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if target == "sigmoid":
            return self.ops.sigmoid(args[0])
        if name := REDUCTIONS.get(target):
            axes = np.array(kwargs["dim"], dtype=np.int64)
            return getattr(self.ops, name)(args[0], axes, kwargs.get("keepdim", False))
        raise NotImplementedError(f"OpenVINO: no translation of .{target}()")

    def _convolution(self, layer: nn.Conv2d, x: Any) -> Any:
        weight, make = layer.weight, self.ops.convolution
        if layer.groups > 1:
            weight, make = (
                weight.view(layer.groups, -1, *weight.shape[1:]),
                self.ops.group_convolution,
            )
        frame = list(map(int, layer.padding))
        y = make(x, self._constant(weight), list(layer.stride), frame, frame, list(layer.dilation))
        if layer.bias is None:
            return y
        return self.ops.add(y, self._constant(layer.bias[:, None, None]))

    def _joined(self, layer: Join, x: Any, skip: Any) -> Any:
        far, near = map(self._constant, layer.taps())
        y = self.ops.convolution(skip, near, [1, 1], [1, 1], [1, 1], [1, 1])
        z = self.ops.convolution_backprop_data(
            x, far, [2, 2], pads_begin=[1, 1], pads_end=[1, 1], dilations=[1, 1]
        )
        return self.ops.add(y, z)

    def _max_pool(self, x: Any, window: Any, step: Any, frame: Any) -> Any:
        window, step, frame = map(_pair, (window, step, frame))
        return self.ops.max_pool(x, step, [1, 1], frame, frame, window).output(0)

    def _with_new_axes(self, x: Any, index: Sequence[Any]) -> Any:
        if any(i is not None and i != slice(None) for i in index):
            raise NotImplementedError(f"OpenVINO: no translation of [{index}]")
        return self.ops.unsqueeze(x, np.array([n for n, i in enumerate(index) if i is None]))

    def _number(self, value: Any) -> Any:
        return np.float32(value) if isinstance(value, (int, float)) else value

    def _constant(self, values: Tensor | None) -> Any:
        assert values is not None  # a batch norm without numbers of its own
        array = np.ascontiguousarray(values.detach().cpu().numpy())
        return self.ops.constant(array, shared_memory=True)


ARITHMETIC = {
    operator.add: "add",
    operator.iadd: "add",
    operator.mul: "multiply",
    operator.sub: "subtract",
    operator.truediv: "divide",
}
REDUCTIONS = {"amax": "reduce_max", "mean": "reduce_mean"}


def _pair(value: int | tuple[int, int]) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)


def _renamed(kwargs: dict[str, Any], **names: str) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in kwargs.items()}
