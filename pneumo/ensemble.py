"""The members at work on one film, each on its own square of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pneumo import engine
from pneumo.bundle import Manifest, Member
from pneumo.engine import Engine, Part
from pneumo.geometry import BY_LUNGS, GEOMETRIES, NO_LUNGS, Box, to_square
from pneumo.networks.base import Network

Looks = dict[int, tuple[Box, Tensor]]  # by a member's place: where it looks, what it sees there


@dataclass(frozen=True, eq=False)
class Team:
    """Members that one engine asks together."""

    places: tuple[int, ...]  # in the manifest
    engine: Engine


class Ensemble:
    """The members of a bundle, on the device where they are.

    Those that look where the lungs are, the late team, must wait until these are found; meanwhile
    the early team can be asked. Safe to share by threads.
    """

    def __init__(
        self, manifest: Manifest, networks: Sequence[Network], *, device: torch.device, name: str
    ) -> None:
        self.members, self.networks = manifest.members, networks
        self._mean, self._std = manifest.mean, manifest.std
        self._early, self._late = self._teams(device, name)
        if self._early.engine.name != self._late.engine.name:  # one has a layer OpenVINO lacks
            self._early, self._late = self._teams(device, engine.TORCH)

    @property
    def name(self) -> str:
        """Of the engine."""
        return self._late.engine.name

    @property
    def halves(self) -> bool:
        """Whether members that stand it run in bfloat16."""
        return self._late.engine.halves

    def quiet(self) -> AbstractContextManager[object]:
        """Within it torch leaves the cores to the engine, as far as this thread is concerned."""
        return self._late.engine.quiet()

    def __call__(self, squares: Sequence[Tensor]) -> list[Tensor]:
        """What all members see, each in its square (1, 1, S, S): (1, C, h, w), float32."""
        found: dict[int, Tensor] = {}
        for team in (self._early, self._late):
            seen = team.engine([squares[place] for place in team.places])
            found |= zip(team.places, seen, strict=True)
        return [found[place] for place in sorted(found)]

    @contextmanager
    def begun(self, picture: Tensor, aspect: float) -> Iterator[Callable[[], Looks]]:
        """Within it the early team is being asked; what is given waits for its looks.

        ``picture`` is canonical, (1, 1, 224, 224); what is seen float32, (1, C, h, w).
        """

        def ask() -> Looks:
            with self.quiet():  # in a thread of its own torch would have helpers of its own
                return self._ask(self._early, picture, aspect, NO_LUNGS)

        if self.name != engine.OPENVINO:  # torch has all cores, or the card, at work for one team
            yield ask
            return
        with ThreadPoolExecutor(1) as meanwhile:
            yield meanwhile.submit(ask).result

    def late(self, picture: Tensor, aspect: float, lungs: np.ndarray) -> Looks:
        """The late team's looks. ``lungs`` is a bool mask (h, w) over the whole film.

        To be asked within `quiet`, as a reading is.
        """
        return self._ask(self._late, picture, aspect, lungs)

    def parts(self, *, films: int = 1) -> list[Part]:
        """The first halves of the members, for so many films at once."""
        pairs = zip(self.members, self.networks, strict=True)
        return [Part(network, (films, 1, m.size_px, m.size_px)) for m, network in pairs]

    def square(self, member: Member, picture: Tensor, box: Box) -> Tensor:
        """The standardised square (1, 1, S, S) that a member is shown of a canonical picture."""
        return (to_square(picture, box, size_px=member.size_px) - self._mean) / self._std

    def squares(
        self, picture: Tensor, boxes: Sequence[Box], *, of: Sequence[Member] | None = None
    ) -> list[Tensor]:
        """What all members, or these, are shown of a canonical picture: (1, 1, S, S)."""
        members = self.members if of is None else of
        asked = [(m, (m.size_px, box)) for m, box in zip(members, boxes, strict=True)]
        shown = {seen: m for m, seen in asked}  # members that see the same share one square
        made = {seen: self.square(m, picture, seen[1]) for seen, m in shown.items()}
        return [made[seen] for _, seen in asked]

    def _teams(self, device: torch.device, name: str) -> tuple[Team, Team]:
        parts, waits = self.parts(), [m.geometry in BY_LUNGS for m in self.members]
        early, late = (tuple(i for i, w in enumerate(waits) if w == x) for x in (False, True))

        def team(places: tuple[int, ...]) -> Team:
            mine = [parts[place] for place in places]
            return Team(places, engine.prepare(mine, device=device, name=name))

        return team(early), team(late)

    def _ask(self, team: Team, picture: Tensor, aspect: float, lungs: np.ndarray) -> Looks:
        members = [self.members[place] for place in team.places]
        boxes = [GEOMETRIES[m.geometry](aspect, lungs) for m in members]
        seen = team.engine(self.squares(picture, boxes, of=members))
        return dict(zip(team.places, zip(boxes, seen, strict=True), strict=True))
