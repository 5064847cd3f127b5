"""Training films in memory: one uint8 tensor of canonical pictures, decoded once and cached.

``film_paths`` lists ``DIR/train/{NORMAL,PNEUMONIA}``; ``load_films`` decodes them through
``pneumo.geometry.canonical``, so that training and reading share their preprocessing.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pneumo.geometry import CANONICAL_PX, canonical
from train.split import CLASSES, label_of, patient_of, read_split

CACHE = Path("cache")
FILM_SUFFIXES = {".jpeg", ".jpg", ".png"}


@dataclass(frozen=True, eq=False)
class Films:
    """Canonical films and what is known of each."""

    paths: list[str]
    pixels: Tensor  # uint8 (N, 1, 224, 224)
    aspect: Tensor  # float32 (N,): width / height of the original film
    label: Tensor  # int64 (N,): index into CLASSES

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def patients(self) -> list[str]:
        return [patient_of(Path(p)) for p in self.paths]

    def subset(self, index: Tensor) -> Films:
        return Films(
            [self.paths[i] for i in index],
            self.pixels[index],
            self.aspect[index],
            self.label[index],
        )


def add_data_argument(parser: argparse.ArgumentParser) -> None:
    """The ``--data DIR`` of every command; a folder that is not there ends it with a sentence."""
    default = os.environ.get("PNEUMO_DATA")
    parser.add_argument(
        "--data",
        type=_data_folder,
        default=default,
        required=default is None,
        metavar="DIR",
        help="holds train/NORMAL and train/PNEUMONIA (default: the environment's PNEUMO_DATA)",
    )


def _data_folder(text: str) -> Path:
    folder = Path(text)
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"{folder} is not a folder; name the one above train/")
    return folder


def require_layout(data: Path, folder: str) -> None:
    """End the program with a sentence where ``DIR/folder`` is not in the Kermany layout."""
    for kind in ("NORMAL", "PNEUMONIA"):
        if not (data / folder / kind).is_dir():
            raise SystemExit(
                f"{data / folder / kind} is not there; --data must name a folder that holds "
                f"{folder}/NORMAL and {folder}/PNEUMONIA."
            )


def film_paths(data: Path, folder: str = "train") -> list[str]:
    """Every film below ``DIR/folder/{NORMAL,PNEUMONIA}``, relative to ``DIR``, sorted."""
    require_layout(Path(data), folder)
    paths = sorted(
        str(p.relative_to(data))
        for kind in ("NORMAL", "PNEUMONIA")
        for p in (Path(data) / folder / kind).iterdir()
        if p.suffix.lower() in FILM_SUFFIXES
    )
    if not paths:
        raise FileNotFoundError(f"no films below {Path(data) / folder}/NORMAL and PNEUMONIA")
    return paths


def load_films(data: Path, paths: list[str]) -> Films:
    """Decode films to canonical pictures; the second call reads the cache (262 MB for 5,216)."""
    key = hashlib.sha256("\n".join([str(Path(data).resolve()), *paths]).encode()).hexdigest()[:16]
    cached = CACHE / f"films-{key}.pt"
    if cached.exists():
        saved = torch.load(cached, weights_only=True, mmap=True)
        pixels, aspect = saved["pixels"], saved["aspect"]
    else:
        squares, aspects = [], []
        for path in paths:
            film = grey(Path(data) / path)
            squares.append(to_uint8(canonical(film.astype(np.float32) / 255)))
            aspects.append(film.shape[1] / film.shape[0])
        pixels, aspect = torch.cat(squares), torch.tensor(aspects)
        CACHE.mkdir(exist_ok=True)
        torch.save({"pixels": pixels, "aspect": aspect}, cached)
    label = torch.tensor([CLASSES.index(label_of(Path(p))) for p in paths])
    return Films(paths, pixels, aspect, label)


def grey(path: Path) -> np.ndarray:
    """The 8-bit grey levels (H, W) of a training picture."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"))


def to_uint8(films: Tensor) -> Tensor:
    return (films * 255).round().to(torch.uint8)


def load_role(data: Path, role: str) -> Films:
    """The films of one role of the committed split."""
    paths = film_paths(data)
    chosen = set(read_split()[role])
    missing = chosen - set(paths)
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} films of role {role} are missing, e.g. {min(missing)}"
        )
    films = load_films(data, paths)
    return films.subset(torch.tensor([i for i, p in enumerate(paths) if p in chosen]))


def load_masks(data: Path, paths: list[str], *, min_dice: float = 0.8) -> tuple[Tensor, Tensor]:
    """Human-assisted lung masks of some films, and which films have a trusted one.

    Returns uint8 (N, 1, 224, 224) in {0, 255} and bool (N,). A mask whose independent check falls
    below ``min_dice`` is doubtful and is not trusted.
    """
    with (Path(data) / "films.csv").open(newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    masks = torch.zeros(len(paths), 1, CANONICAL_PX, CANONICAL_PX, dtype=torch.uint8)
    trusted = torch.zeros(len(paths), dtype=torch.bool)
    for i, path in enumerate(paths):
        row = rows.get(path)
        if row and row["lung_mask"] and float(row["mask_check_dice"] or 0) >= min_dice:
            mask = grey(Path(data) / row["lung_mask"])
            masks[i] = to_uint8(canonical((mask > 0).astype(np.float32)))[0]
            trusted[i] = True
    return masks, trusted
