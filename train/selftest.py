"""Store the answer by which the app knows, at every start, that it computes as it should.

    python -m train.selftest [--weights DIR] [--films DIR]

Writes ``selftest.json`` beside the manifest, from the sample whose reading lies farthest from
certainty: it would show a change first. Run it after the weights or the samples have changed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import torch

from pneumo.errors import PneumoError
from pneumo.reader import Reader, Reading
from pneumo.selftest import SELFTEST, Answer
from train.shipped import open_reader

EXAMPLES = Path(__file__).parents[1] / "examples"


def least_certain(reader: Reader, films: Sequence[Path]) -> Answer:
    """The answer to the film whose probability is nearest to one half. Raises PneumoError."""
    readings = {path.name: reading for path in films if (reading := _reading(reader, path))}
    if not readings:
        raise PneumoError("None of the samples can be read, so there is no answer to store.")
    name = min(readings, key=lambda n: abs(readings[n].estimate.probability - 0.5))
    return Answer.of(readings[name], film=name)


def write(folder: Path, answer: Answer) -> None:
    """Store an answer beside its manifest."""
    (folder / SELFTEST).write_text(json.dumps(dataclasses.asdict(answer), indent=1) + "\n")


def _reading(reader: Reader, path: Path) -> Reading | None:
    try:
        return reader.read(path.read_bytes())
    except PneumoError:
        return None  # SOURCES.md and the sample that is refused


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, metavar="DIR", help="default: the shipped weights")
    parser.add_argument("--films", type=Path, metavar="DIR", default=EXAMPLES)
    options = parser.parse_args(arguments)
    reader = open_reader(options.weights, device=torch.device("cpu"))
    try:
        answer = least_certain(reader, sorted(options.films.iterdir()))
    except PneumoError as error:
        raise SystemExit(str(error)) from error
    write(reader.bundle.folder, answer)
    print(f"{reader.bundle.folder / SELFTEST}: {answer.film} {answer.probability:.4f}")


if __name__ == "__main__":
    main()
