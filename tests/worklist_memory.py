"""How much memory a long worklist takes: a program to run by hand, not a test.

    python -m tests.worklist_memory [FILMS]

reads copies of the examples, by default 500, half of them as files and half in a ZIP, and
prints the resident memory after the first 50 films and at the end. No growth means that films are
streamed and not held.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from zipfile import ZipFile

from pneumo.reader import load_reader
from pneumo.ward.archive import in_folders
from pneumo.ward.worklist import Worklist, as_json, read_all

EXAMPLES = Path(__file__).parents[1] / "examples"
WARM = 50  # films after which every cache of the libraries is filled
MIB = 2**20


def resident_bytes() -> int:
    """Memory this process holds now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def fill(folder: Path, films: int) -> None:
    """Half of the films as files, half in one archive."""
    originals = sorted(p for p in EXAMPLES.iterdir() if p.suffix in (".png", ".dcm"))
    with ZipFile(folder / "night.zip", "w") as archive:
        for number in range(films):
            original = originals[number % len(originals)]
            name = f"{number:04}-{original.name}"
            if number % 2:
                archive.write(original, name)
            else:
                (folder / name).write_bytes(original.read_bytes())


def main(films: int = 500) -> None:
    reader = load_reader()
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), films)
        entries, warm, highest, started = [], 0, 0, time.monotonic()
        for entry in read_all(reader, in_folders([Path(folder)])):
            entries.append(entry)
            now = resident_bytes()
            warm = now if len(entries) == WARM else warm
            highest = max(highest, now if warm else 0)
        seconds = time.monotonic() - started
    worklist = Worklist.of(reader, entries, operating_point="screening")
    assert len(as_json(worklist)["films"]) == films  # type: ignore[arg-type]
    sys.stdout.write(
        f"{films} films in {seconds:.0f} s: {warm / MIB:.0f} MiB after {WARM} films, at most "
        f"{highest / MIB:.0f} and in the end {now / MIB:.0f} MiB, "
        f"so {(now - warm) / MIB:+.1f} MiB over the last {films - WARM}\n"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
