"""A long batch, watched from outside: a program to run by hand, not a test.

    python -m tests.long_batch [FILMS]

lets `python -m pneumo batch` read copies of the examples, by default 10,000, half of them as files
and half in ZIP archives, and writes train/results/batch.json: what a film took and how much memory
the program held after ten times as many films each. Both should stay.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from pneumo.bundle import MANIFEST, load_manifest

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "train" / "results" / "batch.json"
FIRST = 10  # films; the clock starts with the first row
LOOK_S = 0.02
MIB = 2**20


def resident_bytes(process: str = "self") -> int:
    """Memory that a process holds now (Linux)."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def fill(folder: Path, films: int) -> None:
    """A hundred films as files, a hundred in an archive, by names that sort as the numbers do."""
    originals = [p.read_bytes() for p in sorted((ROOT / "examples").glob("*-[123].*"))]
    for number in range(films):
        data, hundred = originals[number % len(originals)], number // 100
        if hundred % 2:
            with ZipFile(folder / f"{100 * hundred:06}.zip", "a") as archive:
                archive.writestr(f"{number:06}.film", data)
        else:
            (folder / f"{number:06}.film").write_bytes(data)


def watched(folder: Path, out: Path) -> Iterator[tuple[int, float, int]]:
    """Rows written, the clock in seconds and the memory in bytes, while the program works.

    Raises RuntimeError where it does not come to its end or does not read every film.
    """
    command = [sys.executable, "-m", "pneumo", "batch", str(folder), "--out", str(out)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None and not out.exists():
                time.sleep(LOOK_S)
            with out.open("rb") as stream:
                lines = 0
                while process.poll() is None:
                    lines += stream.read().count(b"\n")
                    yield lines - 1, time.monotonic(), resident_bytes(str(process.pid))  # heading
                    time.sleep(LOOK_S)
        finally:
            process.terminate()
    if process.returncode:  # also 1, where a film was refused
        raise RuntimeError(f"the batch ended with {process.returncode}")


def measure(films: int) -> list[dict[str, Any]]:
    """Milliseconds a film since the mark before, and memory, after 10, 100, 1,000... films."""
    marks = [FIRST**power for power in range(1, 9) if FIRST**power <= films]
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "films")
        folder.mkdir()
        fill(folder, films + FIRST)  # so that the program is at work still at the last mark
        since = None
        for rows, now, held in watched(folder, Path(name, "results.csv")):
            if since is None and rows > 0:
                since = rows, now
            if since and rows > since[0] and len(found) < len(marks) and rows >= marks[len(found)]:
                ms = 1e3 * (now - since[1]) / (rows - since[0])
                mark = {"films": rows, "ms_per_film": round(ms, 1), "memory_mib": held // MIB}
                found.append(mark)
                since = rows, now
    assert len(found) == len(marks)
    return found


def main(films: int = 10_000) -> None:
    load = os.getloadavg()[0]
    result = {
        "measured": datetime.now(UTC).date().isoformat(),
        "weights": load_manifest(ROOT / "weights" / MANIFEST).revision,
        "processors": os.cpu_count(),
        "load_before": round(load, 1),  # how much else the machine was doing
        "marks": measure(films),
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
