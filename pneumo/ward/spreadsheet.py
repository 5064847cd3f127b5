"""A worklist as CSV, and the CSV file that a long run appends to and goes on from.

One film is one row and one line. Every cell of text is quoted, and none can be taken for a formula
by the program that opens it (OWASP, "CSV Injection").
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from pneumo.errors import PneumoError
from pneumo.reader import Reader
from pneumo.ward.archive import Source
from pneumo.ward.worklist import Entry, Status, Urgency, Worklist

FORMULA_STARTS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")  # the wide forms count as well
ESCAPE = "'"  # a spreadsheet shows what follows as text

FULL = (
    "The results cannot be written any further, as on a full disk; make room, and the same command"
    " goes on where they end."
)

Row = list[str | float]


def as_csv(worklist: Worklist) -> str:
    """A worklist as CSV with a heading, most urgent first."""
    stream = io.StringIO()
    writer = _writer(stream)
    writer.writerow(heading(worklist.classes))
    point, classes = worklist.operating_point.name, worklist.classes
    for entry in worklist.entries:
        writer.writerow(
            row(entry, classes=classes, operating_point=point, weights=worklist.weights)
        )
    return stream.getvalue()


def heading(classes: Sequence[str]) -> list[str]:
    """The names of the columns; shares are in [0, 1], rounded to 6 digits."""
    return [
        *("file", "urgency", "status", "decision", "probability", "low", "high"),
        *(f"pattern_{name}" for name in classes),
        *("operating_point", "warnings", "reason", "sha256", "weights"),
    ]


def row(entry: Entry, *, classes: Sequence[str], operating_point: str, weights: str) -> Row:
    """One film under the heading; what a film that was not read does not have is empty."""
    estimate = entry.estimate
    shares: Row = [""] * (3 + len(classes))
    if estimate is not None:
        numbers = (estimate.probability, estimate.low, estimate.high, *estimate.pattern)
        shares = [round(number, 6) for number in numbers]
    return [
        safe(entry.source.name),
        *(str(entry.urgency), str(entry.status), str(entry.decision or "")),
        *shares,
        operating_point,
        " ".join(caution.value for caution in entry.cautions),
        safe(entry.reason or ""),
        entry.sha256 or "",
        weights,
    ]


def safe(text: str) -> str:
    """Text as a cell on one line that no spreadsheet computes.

    What cannot be seen, such as a line break or a mark that turns the direction of writing, is
    written as its escape.
    """
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return ESCAPE + line if line.startswith((*FORMULA_STARTS, ESCAPE)) else line


class Ledger:
    """The results file of one run: each film is handed to the disk as soon as it is read."""

    def __init__(self, stream: IO[str], reader: Reader, *, operating_point: str) -> None:
        self._stream, self._writer = stream, _writer(stream)
        self._classes = reader.manifest.classes
        self._point, self._weights = operating_point, reader.manifest.revision
        self.known: set[tuple[str, str]] = set()  # name and sha256
        self.counts: Counter[Urgency] = Counter()  # of every film in the file

    def holds(self, source: Source, sha256: str) -> bool:
        """Whether this content has its row under this name."""
        return (safe(source.name), sha256) in self.known

    def write(self, entry: Entry) -> None:
        point, weights = self._point, self._weights
        self.add(row(entry, classes=self._classes, operating_point=point, weights=weights))

    def add(self, values: Row) -> None:
        """Write one row, wherever its film was read. Raises PneumoError where that fails."""
        try:
            self._writer.writerow(values)
            self._stream.flush()
        except OSError as error:
            raise PneumoError(FULL) from error
        self.know(dict(zip(heading(self._classes), map(str, values), strict=True)))

    def know(self, written: dict[str, str]) -> None:
        """Take note of a row that stands in the file."""
        self.known.add((written["file"], written["sha256"]))
        self.counts[Urgency(written["urgency"])] += 1


@contextmanager
def ledger(path: Path, reader: Reader, *, operating_point: str) -> Iterator[Ledger]:
    """Open a results file, new or begun.

    A last line that was cut is dropped, and so are films without content or struck by a fault:
    they are tried again. Raises PneumoError when the file is another one's, rests on other weights
    or another operating point, or cannot be written.
    """
    columns = heading(reader.manifest.classes)
    rests_on = {"weights": reader.manifest.revision, "operating point": operating_point}
    part = path.with_name(f".{path.name}.part")
    try:
        # Written anew and put in place at once: whatever happens, one of the two is whole.
        with part.open("w", encoding="utf-8", newline="") as stream:
            writer = _writer(stream)
            writer.writerow(columns)
            for old in _rows(path, columns):
                _require_same(old, rests_on)
                if old["sha256"] and old["status"] != Status.FAILED:
                    writer.writerow(old.values())
        part.replace(path)
        appended = path.open("a", encoding="utf-8", newline="")
    except OSError as error:
        raise PneumoError(f"{path} cannot be written; name another file.") from error
    finally:
        part.unlink(missing_ok=True)
    begun = Ledger(appended, reader, operating_point=operating_point)
    try:
        for old in _rows(path, columns):
            begun.know(old)
        yield begun
    finally:
        # What a full disk did not take is still waiting to be written and would fail again; its
        # row is read anew by the next run.
        with suppress(OSError):
            appended.close()


def _require_same(old: dict[str, str], rests_on: dict[str, str]) -> None:
    for what, meant in rests_on.items():
        found = old[what.replace(" ", "_")]
        if found != meant:
            raise PneumoError(
                f"The results were begun with {what} {found}, and this is {meant}; name another "
                "file for the results."
            )


def _rows(path: Path, columns: list[str]) -> Iterator[dict[str, str]]:
    """The whole rows of a results file, none when there is no file. Raises PneumoError."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace", newline="") as stream:
        for number, line in enumerate(stream):
            if not line.endswith("\n") and number > 0:
                return  # the run was cut short while it wrote this
            values = next(csv.reader([line]))
            if len(values) != len(columns) or (number == 0 and values != columns):
                raise PneumoError(f"{path} is no results file; name another for the results.")
            if number > 0:
                yield dict(zip(columns, values, strict=True))


def _writer(stream: IO[str]) -> Any:
    return csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
