"""Results on disk: plain JSON from frozen dataclasses, numbers rounded."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from pathlib import Path
from typing import Any

DIGITS = 6
RESULTS = Path(__file__).parent / "results"
PACKAGES = (Path(__file__).parents[1] / "pneumo", Path(__file__).parent)


def plain(value: Any) -> Any:
    """Dataclasses, containers and numbers as JSON values; what is not a number becomes null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, DIGITS)
    return value


def write(path: Path, value: Any) -> None:
    """Write a result, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(plain(value), indent=1, allow_nan=False) + "\n")


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def code_sha256() -> str:
    """One hash over the sources of pneumo and train, by path and content."""
    whole = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted(package.rglob("*.py")):
            whole.update(f"{path.relative_to(package.parent)}\0{sha256_of(path)}\n".encode())
    return whole.hexdigest()
