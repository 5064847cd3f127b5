"""The command line.

    python -m pneumo read FILE... [--operating-point screening] [--json]
    python -m pneumo batch FOLDER|ZIP|FILE... --out results.csv [--operating-point screening]
                                                                [--workers N]
    python -m pneumo info
    python -m pneumo bench [--device cpu|cuda] [--json FILE]
    python -m pneumo password NAME >> LOGINS

The exit code is 0 when every film was read, 1 when one was refused, 2 when nothing could be read
at all because the command or the weights are wrong, 130 when the run was stopped by hand.
"""

from __future__ import annotations

import argparse
import getpass
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pneumo import __version__, password, view
from pneumo.decision import OperatingPoint
from pneumo.errors import PneumoError
from pneumo.reader import SCREENING, Reader, load_reader
from pneumo.report import as_json, as_text, refusal_as_json, refusal_as_text
from pneumo.ward import archive, fleet, spreadsheet
from pneumo.ward.archive import Source
from pneumo.ward.spreadsheet import Ledger
from pneumo.ward.worklist import Urgency, read_all

STOPPED = 130  # as shells say of a program that was interrupted


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if options.command == "password":
            return _password(options.name)
        reader = _benched(options) if options.command == "bench" else load_reader()
        points = [point.name for point in reader.manifest.operating_points]
        if getattr(options, "operating_point", SCREENING) not in points:
            known = ", ".join(points)
            parser.error(f"no operating point {options.operating_point}; choose {known}")
        return int(options.run(reader, options))
    except PneumoError as error:
        print(f"pneumo: {error}", file=sys.stderr)
        return 2


def _password(name: str) -> int:
    """Ask for a password and print the line that lets its person in."""
    print(password.line(name, getpass.getpass("Password: ")))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pneumo",
        description="A calibrated second look at a child's chest film, for research and teaching. "
        "Not a diagnosis.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    read = commands.add_parser("read", help="read films: JPEG, PNG, TIFF or DICOM")
    read.add_argument("file", nargs="+", metavar="FILE", help="a frontal chest film of a child")
    read.add_argument("--json", action="store_true", help="print one JSON line per file")
    read.set_defaults(run=_read)
    batch = commands.add_parser("batch", help="read folders and ZIP archives into a CSV file")
    batch.add_argument(
        "source", nargs="+", metavar="SOURCE", help="a folder, a ZIP archive or a film"
    )
    batch.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="CSV",
        help="the results; where it exists already, films that it holds are not read again",
    )
    batch.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="read with N workers of Ray (needs pneumo[ray]); a source may then be s3://...",
    )
    batch.set_defaults(run=_batch)
    for command in (read, batch):
        command.add_argument(
            "--operating-point",
            default=SCREENING,
            metavar="NAME",
            help="screening (default), balanced, assisted or rule_in",
        )
    info = commands.add_parser("info", help="say which program, weights and device would read")
    info.set_defaults(run=_info)
    bench = commands.add_parser("bench", help="measure how fast this machine reads")
    bench.add_argument("--device", choices=["cpu", "cuda"], help="where there is a choice")
    bench.add_argument("--json", type=Path, metavar="FILE", help="write what was measured, as JSON")
    bench.set_defaults(run=_bench)
    login = commands.add_parser("password", help="make a line for the file of PNEUMO_AUTH")
    login.add_argument("name", metavar="NAME", help="who is to log in; the password is asked for")
    return parser


def _read(reader: Reader, options: argparse.Namespace) -> int:
    refused = 0
    for file in options.file:
        refused += not _read_one(
            reader, file, point=options.operating_point, json_lines=options.json
        )
    return 1 if refused else 0


def _read_one(reader: Reader, file: str, *, point: str, json_lines: bool) -> bool:
    """Read one file and print the outcome; False when it was refused."""
    sha256 = None
    try:
        data = archive.file_bytes(Path(file), name=file, limit_bytes=None)
        sha256 = hashlib.sha256(data).hexdigest()
        reading = reader.read(data, operating_point=point)
    except PneumoError as error:
        if json_lines:
            print(json.dumps(refusal_as_json(error, file=file, sha256=sha256)), flush=True)
        else:
            print(refusal_as_text(error, file=file), flush=True)
        return False
    if json_lines:
        print(json.dumps(as_json(reading, file=file)), flush=True)
    else:
        print(as_text(reading, file=file), flush=True)
    return True


def _batch(reader: Reader, options: argparse.Namespace) -> int:
    point, out = options.operating_point, options.out
    try:
        films = list(fleet.sources(options.source, leave_out=out))
        if not films:
            raise PneumoError("There is no film in what was named; name other files or folders.")
        with spreadsheet.ledger(out, reader, operating_point=point) as ledger:
            _fill(ledger, reader, films, options)
    except PneumoError as error:
        print(f"pneumo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"pneumo: stopped; the same command goes on where {out} ends.", file=sys.stderr)
        return STOPPED
    counts = ", ".join(f"{ledger.counts[u]} {_plain(u)}" for u in Urgency)
    print(f"{out}: {ledger.counts.total()} films, {counts}")
    return 1 if ledger.counts[Urgency.REFUSED] else 0


def _fill(ledger: Ledger, reader: Reader, films: list[Source], options: argparse.Namespace) -> None:
    """Read what the ledger does not hold, here or by workers, and show how far it is."""
    from tqdm import tqdm  # here, because the other commands show no progress

    point = options.operating_point
    if options.workers is None:
        waiting = tqdm(films, unit="film")
        for entry in read_all(reader, waiting, operating_point=point, skip=ledger.holds):
            ledger.write(entry)
        return
    found = fleet.rows(
        reader, films, operating_point=point, workers=options.workers, known=ledger.known
    )
    for row in tqdm(found, total=len(films), unit="film"):
        if row is not None:
            ledger.add(row)


def _info(reader: Reader, options: argparse.Namespace) -> int:
    manifest = reader.manifest
    rows = [
        ("pneumo", __version__),
        ("weights", f"{manifest.revision}, made {manifest.created}"),
        ("from", _origin(reader)),
        ("device", f"{reader.device}, by {reader.ensemble.name}"),
        *(
            (
                "member",
                f"{m.name}: {m.architecture}, {_plain(m.geometry)}, {m.size_px} px",
            )
            for m in manifest.members
        ),
        *(("point", _cost(point)) for point in manifest.operating_points),
    ]
    for label, text in rows:
        print(f"{label:<9}{text}")
    return 0


def _benched(options: argparse.Namespace) -> Reader:
    from pneumo import bench  # here and below, because the other commands measure nothing

    return load_reader(device=bench.device_of(options.device))


def _bench(reader: Reader, options: argparse.Namespace) -> int:
    from pneumo import bench

    film = archive.file_bytes(bench.FILM, name=str(bench.FILM), limit_bytes=None)
    found = bench.rounded(bench.measure(reader, film, rounds=bench.ROUNDS))
    print("\n".join(bench.in_words(found)))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _origin(reader: Reader) -> str:
    """Where the weights were found, in the order in which `load_reader` looks."""
    folder = reader.bundle.folder
    if os.environ.get("PNEUMO_WEIGHTS"):
        return f"{folder}, as PNEUMO_WEIGHTS says"
    if folder == Path(__file__).parents[1] / "weights":
        return f"{folder}, beside the program"
    return f"{folder}, downloaded from the Hugging Face Hub"


def _cost(point: OperatingPoint) -> str:
    missed, flagged = 1 - point.sensitivity.value, 1 - point.specificity.value
    return (
        f"{point.name}: flags from {view.percent(point.threshold)} %; misses {view.of_100(missed)} "
        f"of 100 with pneumonia, flags {view.of_100(flagged)} of 100 without"
    )


if __name__ == "__main__":
    sys.exit(main())
