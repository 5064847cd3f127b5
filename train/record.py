"""Results on disk: plain JSON from frozen dataclasses, numbers rounded, laid out to be read."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pneumo.bundle import Manifest

DIGITS = 6
RESULTS = Path(__file__).parent / "results"
HOME = Path(__file__).parents[1]
PACKAGES = (HOME / "pneumo", HOME / "train")


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


def layout(value: Any, *, indent: str = "\n") -> str:
    """JSON with one key a line, and a list that holds no object on one line, however long.

    So a matrix looks like one, and the scores of a thousand films cost one line per model.
    """
    inner = indent + " "
    if isinstance(value, dict) and value:
        parts = [f"{json.dumps(str(key))}: {layout(v, indent=inner)}" for key, v in value.items()]
        return f"{{{inner}{f',{inner}'.join(parts)}{indent}}}"
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        parts = [layout(item, indent=inner) for item in value]
        return f"[{inner}{f',{inner}'.join(parts)}{indent}]"
    return json.dumps(value, allow_nan=False)


def write(path: Path, value: Any) -> None:
    """Write a result, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(layout(plain(value)) + "\n")


def rows_sha256(manifest: Manifest) -> str:
    """One hash over the rows, which the revision leaves out: it names what a reading rests on."""
    rows = json.dumps([dataclasses.asdict(row) for row in manifest.rows], sort_keys=True)
    return hashlib.sha256(rows.encode()).hexdigest()


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def code_sha256(sources: Iterable[Path] | None = None) -> str:
    """One hash over sources, by path and content: all of pneumo and train where none are named."""
    if sources is None:
        sources = (path for package in PACKAGES for path in sorted(package.rglob("*.py")))
    whole = hashlib.sha256()
    for path in sources:
        whole.update(f"{path.relative_to(HOME)}\0{sha256_of(path)}\n".encode())
    return whole.hexdigest()
