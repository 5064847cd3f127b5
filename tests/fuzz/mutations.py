"""What is mutated: small files of every kind that is read, and what may come of them."""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from functools import cache
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from pneumo.errors import PneumoError
from pneumo.radiograph import Radiograph, decode
from pneumo.ward.archive import MAX_BYTES, Shelf, Source, films
from tests.films import chest, one_film_in_every_format, picture

MAX_SECONDS = 5
ZIP = "ZIP"


@cache
def seeds() -> dict[str, bytes]:
    """One small film in every format, and an archive of three."""
    film = chest(height=48, width=60)
    archive = BytesIO()
    with ZipFile(archive, "w", ZIP_DEFLATED) as file:
        for number in range(3):
            file.writestr(f"ward/{number}.png", picture(np.roll(film, number)))
    return one_film_in_every_format(film) | {ZIP: archive.getvalue()}


def outcome(data: bytes) -> list[Radiograph | PneumoError]:
    """What the program makes of any bytes; anything but a film or a refusal is raised."""
    started = time.process_time()
    found = _of_archive(data) if data.startswith(b"PK") else [_of_film(data)]
    seconds = time.process_time() - started
    if seconds > MAX_SECONDS:
        raise TimeoutError(f"{seconds:.1f} s for {len(data)} bytes")
    return found


def _of_film(data: bytes) -> Radiograph | PneumoError:
    try:
        return decode(data)
    except PneumoError as refusal:
        return refusal


def _of_archive(data: bytes) -> list[Radiograph | PneumoError]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "films.zip"
        path.write_bytes(data)
        with closing(Shelf()) as shelf:
            found = [_of_entry(shelf, source) for source in films(Source(path.name, path))]
        if [p.name for p in Path(folder).iterdir()] != [path.name]:
            raise AssertionError("an archive was unpacked to disk")
    return found


def _of_entry(shelf: Shelf, source: Source) -> Radiograph | PneumoError:
    try:
        data = shelf.fetch(source)
    except PneumoError as refusal:
        return refusal
    if len(data) > MAX_BYTES:
        raise AssertionError("more was unpacked than a film may have")
    return _of_film(data)
