"""The command line.

    python -m pneumo read FILE... [--operating-point screening] [--json]

The exit code is 0 when every film was read, 1 when one was refused, 2 when nothing could be read
at all because the command or the weights are wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pneumo.errors import BrokenBundle, PneumoError, UnreadableImage
from pneumo.reader import SCREENING, Reader, load_reader
from pneumo.report import as_json, as_text, refusal_as_json, refusal_as_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        reader = load_reader()
    except BrokenBundle as error:
        print(f"pneumo: {error}", file=sys.stderr)
        return 2
    points = [point.name for point in reader.manifest.operating_points]
    if options.operating_point not in points:
        parser.error(f"no operating point {options.operating_point}; choose {', '.join(points)}")
    refused = 0
    for file in options.file:
        refused += not _read(reader, file, point=options.operating_point, json_lines=options.json)
    return 1 if refused else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pneumo",
        description="A calibrated second look at a child's chest film, for research and teaching. "
        "Not a diagnosis.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    read = commands.add_parser("read", help="read films: JPEG, PNG, TIFF or DICOM")
    read.add_argument("file", nargs="+", metavar="FILE", help="a frontal chest film of a child")
    read.add_argument(
        "--operating-point",
        default=SCREENING,
        metavar="NAME",
        help="screening (default), balanced, assisted or rule_in",
    )
    read.add_argument("--json", action="store_true", help="print one JSON line per file")
    return parser


def _read(reader: Reader, file: str, *, point: str, json_lines: bool) -> bool:
    """Read one file and print the outcome; False when it was refused."""
    sha256 = None
    try:
        data = _bytes_of(file)
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


def _bytes_of(file: str) -> bytes:
    """The bytes of a named file. Raises UnreadableImage."""
    try:
        return Path(file).read_bytes()
    except FileNotFoundError as error:
        raise UnreadableImage(f"There is no file {file}; check its name.") from error
    except IsADirectoryError as error:
        raise UnreadableImage(f"{file} is a folder; name the films in it.") from error
    except OSError as error:
        raise UnreadableImage(f"{file} cannot be opened; check that you may read it.") from error


if __name__ == "__main__":
    sys.exit(main())
