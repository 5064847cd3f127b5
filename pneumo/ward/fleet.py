"""A batch over many workers and machines, by Ray Data: actors that each hold a reader.

Needs the extra ``pneumo[ray]``; nothing else does. Only names travel to the workers and only rows
come back: each film is fetched where it is read, from a disk that all machines share or from an
object store. Where ``RAY_ADDRESS`` names a cluster that is used, else this machine.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from pneumo.errors import BrokenBundle, PneumoError, UnreadableImage
from pneumo.radiograph import MAX_BYTES
from pneumo.reader import Reader, load_reader
from pneumo.ward.archive import Shelf, Source, in_folders, too_large
from pneumo.ward.spreadsheet import Row, row, safe
from pneumo.ward.worklist import read_all

REMOTE = "://"
FILMS_AT_ONCE = 8  # that a worker is sent; what it has not sent back is read again after a stop
MISSING = "Several workers need Ray; install it with: pip install 'pneumo[ray]'"


def sources(places: Iterable[str], *, leave_out: Path | None = None) -> Iterator[Source]:
    """The films of local places and, in the order of their names, of object-store prefixes."""
    for place in places:
        if REMOTE in place:
            yield from _prefix(place)
        else:
            yield from in_folders([Path(place)], leave_out=leave_out)


def rows(
    reader: Reader,
    films: Iterable[Source],
    *,
    operating_point: str,
    workers: int,
    known: Collection[tuple[str, str]] = (),
) -> Iterator[Row | None]:
    """The rows that a batch would write, in its order; None for a film whose row is known.

    Raises PneumoError when Ray is not installed or has fewer processors. A worker that finds other
    weights ends the run.
    """
    ray = _ray()
    # Ray reports its use by default; nothing is to be reported of a ward's films.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False)
    processors = int(ray.cluster_resources().get("CPU", 0))
    if workers > processors:  # Ray would wait for the rest for ever
        raise PneumoError(f"Ray has {processors} processors; name no more workers than that.")
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    items = [{"source": json.dumps(asdict(film), default=str)} for film in films]
    blocks = max(min(workers, len(items)), len(items) // FILMS_AT_ONCE)
    dataset = ray.data.from_items(items, override_num_blocks=blocks).map(
        Seat,
        fn_constructor_args=(operating_point, reader.manifest.revision, frozenset(known)),
        compute=ray.data.ActorPoolStrategy(size=workers),
    )
    for found in dataset.iter_rows():
        yield json.loads(found["row"])


class Seat:
    """One worker's reader."""

    def __init__(
        self, operating_point: str, revision: str, known: frozenset[tuple[str, str]]
    ) -> None:
        self.reader = load_reader()
        if self.reader.manifest.revision != revision:
            raise BrokenBundle(f"A worker has other weights than {revision}.")
        self.operating_point, self.known = operating_point, known

    def __call__(self, item: dict[str, Any]) -> dict[str, str]:
        """One film's row as JSON, null where it is known."""
        told = json.loads(item["source"])
        source = Source(**told | {"path": Path(told["path"])})
        read = read_all(
            self.reader,
            [source],
            operating_point=self.operating_point,
            skip=lambda film, sha256: (safe(film.name), sha256) in self.known,
            shelf=Store() if REMOTE in source.name else None,
        )
        manifest, entry = self.reader.manifest, next(read, None)
        values = entry and row(
            entry,
            classes=manifest.classes,
            operating_point=self.operating_point,
            weights=manifest.revision,
        )
        return {"row": json.dumps(values)}


class Store(Shelf):
    """Fetches films by their addresses in an object store."""

    def fetch(self, source: Source) -> bytes:
        if source.refusal is not None:
            raise UnreadableImage(source.refusal)
        system, path = import_module("pyarrow.fs").FileSystem.from_uri(source.name)
        try:
            with system.open_input_stream(path) as stream:
                return bytes(stream.read(MAX_BYTES))
        except OSError as error:
            raise UnreadableImage(f"{source.name} cannot be fetched; check its name.") from error


def _prefix(address: str) -> Iterator[Source]:
    scheme = address.partition(REMOTE)[0]
    _ray()  # which brings pyarrow
    fs = import_module("pyarrow.fs")
    try:
        system, path = fs.FileSystem.from_uri(address)
        found = system.get_file_info(fs.FileSelector(path, recursive=True))
    except (OSError, ValueError) as error:
        raise PneumoError(f"{address} cannot be listed; check its name.") from error
    for file in sorted(found, key=lambda info: info.path):
        if file.is_file:
            refusal = too_large(file.size) if file.size > MAX_BYTES else None
            yield Source(f"{scheme}{REMOTE}{file.path}", Path(), refusal=refusal)


def _ray() -> Any:
    try:
        import_module("ray.data")
        return import_module("ray")
    except ImportError as error:
        raise PneumoError(MISSING) from error
