"""Evidence for any class, by our own Grad-CAM or by other methods of pytorch-grad-cam.

The library hooks the network it explains, mixes threads through those hooks and wipes gradients.
So it never meets a shared network: it gets a small module of its own, one per map, whose only
layer stands in front of the member's head and is fed with the member's features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pneumo import gradcam
from pneumo.calibration import MemberCalibration
from pneumo.geometry import canonical, to_film
from pneumo.networks.base import Network, log_odds
from pneumo.overlay import EIGEN_CAM, GRAD_CAM, EvidenceMap

if TYPE_CHECKING:
    from pneumo.reader import Reader, Reading

# Our name -> the library's class: Chattopadhay et al. 2018 (arXiv:1710.11063), Draelos and Carin
# 2020 (2011.08891), Jiang et al. 2021 (TIP 30:5875), Muhammad and Yeasin 2020 (2008.00299).
LIBRARY = {
    "grad_cam_plus_plus": "GradCAMPlusPlus",
    "hires_cam": "HiResCAM",
    "layer_cam": "LayerCAM",
    EIGEN_CAM: "EigenCAM",
}
METHODS = (GRAD_CAM, *LIBRARY)


def targets(classes: tuple[str, ...]) -> tuple[str, ...]:
    """What can be explained: pneumonia as a whole first, then each class."""
    return tuple(dict.fromkeys([gradcam.PNEUMONIA, *classes]))


def explain(
    reader: Reader, reading: Reading, *, method: str = GRAD_CAM, target: str = gradcam.PNEUMONIA
) -> EvidenceMap:
    """The members' mean map of one film that has been read, on its canonical grid.

    Grad-CAM keeps its unit and the manifest's scale. The library stretches every map to [0, 1],
    so any other method is a mean of stretched maps, stretched once more. Raises KeyError for an
    unknown method and ValueError for an unknown target.
    """
    if (method, target) == (GRAD_CAM, gradcam.PNEUMONIA):
        return EvidenceMap(reading.evidence, reading.evidence_full_scale)
    picture = canonical(reading.film.pixels).to(reader.device)  # (1, 1, 224, 224)
    maps = []
    ensemble = reader.ensemble
    with ensemble.quiet():
        seen = ensemble(ensemble.squares(picture, reading.boxes))  # (1, C, h, w) of each member
    members = zip(reader.manifest.members, reader.members, seen, reading.boxes, strict=True)
    for member, network, features, box in members:
        head = CalibratedHead(network, member.calibration)
        if method == GRAD_CAM:
            found = gradcam.evidence(head, features, target=target)
        else:
            found = by_library(head, features, method=method, target=target)
        maps.append(to_film(found[0], box))
    values = torch.stack(maps).mean(dim=0).cpu().numpy()
    if method == GRAD_CAM:
        return EvidenceMap(values, reading.evidence_full_scale, target=target)
    return EvidenceMap(values, float(values.max()) or 1.0, method, target)


class CalibratedHead(Network):
    """A member's second half with its calibration: features (B, C, h, w) -> log-probabilities.

    Its log-odds are calibrated logits for every class, so maps of all classes share one unit. The
    member itself is no submodule: whatever is done to this module's parts does not reach it.
    """

    def __init__(self, network: Network, calibration: MemberCalibration) -> None:
        super().__init__(network.classes)
        self.entrance = nn.Identity()  # the only layer that the library may hook
        device = next(network.parameters()).device
        self.where = nn.Parameter(torch.empty(0, device=device), requires_grad=False)
        self._member = (network,)  # a tuple hides it from nn.Module
        self._calibration = calibration

    def features(self, x: Tensor) -> Tensor:  # (B, C, h, w), unchanged
        entered: Tensor = self.entrance(x)
        return entered

    def logits(self, features: Tensor) -> Tensor:  # (B, C, h, w) -> (B, K)
        logits = self._member[0].logits(features)
        sick = log_odds(logits) / self._calibration.temperature + self._calibration.bias
        kinds = F.log_softmax(logits[:, 1:] / self._calibration.pattern_temperature, dim=1)
        return torch.cat([F.logsigmoid(-sick)[:, None], F.logsigmoid(sick)[:, None] + kinds], dim=1)


def by_library(head: CalibratedHead, features: Tensor, *, method: str, target: str) -> Tensor:
    """A library map of (1, C, h, w) features -> (1, h, w) in [0, 1], without unit."""
    library = _library(method)(head, [head.entrance])

    def score(output: Tensor) -> Tensor:  # (K,) -> ()
        return gradcam.log_odds_of(head, output[None], target)[0]

    try:  # not `with`: the library's own exit prints an IndexError and swallows it
        with torch.enable_grad():
            found = library(features.detach().requires_grad_(), targets=[score])
    finally:
        library.activations_and_grads.release()
    return torch.from_numpy(found).to(features.device)


def _library(method: str) -> Any:  # a subclass of the library's BaseCAM
    # Imported late: it brings OpenCV and scikit-learn, seconds that no other reading should wait.
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.svd_on_activations import get_2d_projection_with_sign_correction

    class SignedEigenCAM(pytorch_grad_cam.EigenCAM):  # type: ignore[misc]  # it has no types
        """The sign of a principal component is arbitrary; members' maps are averaged, so fix it
        (Chung and Ying 2025, doi 10.3390/app15137562)."""

        def get_cam_image(
            self,
            input_tensor: Tensor,
            target_layer: nn.Module,
            targets: list[Any],
            activations: np.ndarray,
            grads: np.ndarray | None,
            eigen_smooth: bool = False,
        ) -> Any:
            return get_2d_projection_with_sign_correction(activations)

    return SignedEigenCAM if method == EIGEN_CAM else getattr(pytorch_grad_cam, LIBRARY[method])
