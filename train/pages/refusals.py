"""What the gate refuses and warns of, as README's table: one line per kind of picture."""

from __future__ import annotations

from typing import Any

from train.pages import tables
from train.pages.drawing import measured

CHECKS = {
    "pixels": "by its pixels",
    "pose": "inverted or turned",
    "lungs": "no pair of lungs",
    "unfamiliar": "unlike the films",
    "warned": "warned: unlike most",
    "mirrored": "warned: mirrored",
}


def section(found: dict[str, Any]) -> str:
    """The table, and what it was measured on."""
    rows = [
        [
            f"{kind.replace('_', ' ')} ({group})",
            str(counted["pictures"]),
            *(str(counted[check]) for check in CHECKS),
            measured(counted["refused"]),
            measured(counted["refused_or_warned"]),
        ]
        for group, kinds in found["groups"].items()
        for kind, counted in kinds.items()
    ]
    head = ["kind", "pictures", *CHECKS.values(), "refused", "refused or warned"]
    return "\n\n".join(
        [
            "What the gate does, by the first check that objects, counted by `python -m "
            "train.gate`. It was fitted on films of `fit` and its limits computed on `calibrate`, "
            "but what it looks at, and how far out the refusal limit lies, were settled with kinds "
            "of this table in view: expect less of kinds that are not here. Altered, spoiled and "
            "whole films are of `test`; in brackets: 95 % Wilson intervals.",
            tables.table(head, rows),
        ]
    )
