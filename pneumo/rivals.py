"""What `python -m pneumo bench` holds the reader against.

*Baseline A* is how programs of this kind usually read: one member after another in float32, and
the pytorch-grad-cam library, with its hooks and a backward pass through the whole network, for
each. *Baseline B* is what a user would pick for speed instead: the same members in ONNX Runtime
and in OpenVINO, the bare forward pass, one member after another, at their own settings.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor, nn

from pneumo import overlay
from pneumo.bundle import load_bundle
from pneumo.calibration import Estimate
from pneumo.engine import Graph, Part
from pneumo.geometry import GEOMETRIES, canonical, to_film
from pneumo.lungs import find_lungs
from pneumo.networks.base import Network, log_odds
from pneumo.radiograph import decode
from pneumo.reader import Reader

Forward = Callable[[Sequence[Tensor]], object]  # squares, one per member -> whatever


class Hooked(nn.Module):
    """A network with a layer behind its features for the library to hook."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network, self.seen = network, nn.Identity()

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, S, S) -> (B, K)
        return self.network.logits(self.seen(self.network.features(x)))


class BaselineA:
    """Reads with copies of a reader's members, because hooks and gradients stay on them."""

    def __init__(self, reader: Reader) -> None:
        """Load the members once more. Raises BrokenBundle."""
        self.reader = reader
        bundle = load_bundle(reader.bundle.folder)
        self.lungs = bundle.lungs.to(reader.device)
        self.members = [Hooked(n.requires_grad_().to(reader.device)) for n in bundle.members]

    def read(self, data: bytes) -> tuple[Estimate, np.ndarray]:
        """A film's estimate and its overlay, uint8 RGBA (224, 224, 4). Raises UnreadableImage."""
        film = decode(data)
        picture = canonical(film.pixels).to(self.reader.device)
        mask = find_lungs(self.lungs, picture).mask
        logits, maps = [], []
        members = self.reader.manifest.members
        for member, network in zip(members, self.members, strict=True):
            box = GEOMETRIES[member.geometry](film.aspect, mask)
            said, found = explained(network, self.reader.ensemble.square(member, picture, box))
            logits.append(said)
            maps.append(to_film(found, box))
        estimate = Estimate.from_members(np.concatenate(logits), [m.calibration for m in members])
        return estimate, overlay.layer(torch.stack(maps).mean(dim=0).numpy(), full_scale=1.0)


def explained(network: Hooked, square: Tensor) -> tuple[np.ndarray, Tensor]:
    """Logits (1, K) and the library's Grad-CAM (S, S) in [0, 1] of one square (1, 1, S, S)."""
    library = import_module("pytorch_grad_cam").GradCAM(network, [network.seen])
    try:
        (found,) = library(square, targets=[lambda logits: log_odds(logits[None])[0]])
        return library.outputs.detach().double().cpu().numpy(), torch.from_numpy(found)
    finally:
        library.activations_and_grads.release()


class Whole(nn.Module):
    """A member with both of its outputs, as it is exported."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.network.features(x)
        return features, self.network.logits(features)


def in_onnxruntime(parts: Sequence[Part]) -> Forward:
    """The members exported to ONNX, in memory. Raises ImportError without one of its packages."""
    runtime = import_module("onnxruntime")
    for needed in ("onnx", "onnxscript"):
        import_module(needed)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    sessions = []
    for part in parts:
        assert isinstance(part.network, Network)
        with redirect_stdout(io.StringIO()):  # the exporter tells its steps
            program = torch.onnx.export(Whole(part.network).eval(), (torch.zeros(part.shape),))
        assert program is not None
        exported = program.model_proto.SerializeToString()
        session = runtime.InferenceSession(exported, providers=["CPUExecutionProvider"])
        sessions.append((session, session.get_inputs()[0].name))

    def forward(squares: Sequence[Tensor]) -> list[list[np.ndarray]]:
        pairs = zip(sessions, squares, strict=True)
        return [session.run(None, {name: x.numpy()}) for (session, name), x in pairs]

    return forward


def in_openvino(parts: Sequence[Part]) -> Forward:
    """Each member by itself, at OpenVINO's own settings. Raises ImportError where it is absent."""
    graphs = [Graph([part], {}) for part in parts]

    def forward(squares: Sequence[Tensor]) -> list[Tensor]:
        return [graph([x])[0] for graph, x in zip(graphs, squares, strict=True)]

    return forward


def installed(*packages: str) -> bool:
    """Whether all of these packages could be imported."""
    return all(find_spec(name) for name in packages)
