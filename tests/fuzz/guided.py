"""Fuzzing that follows the branches taken: a program to run by hand or by `make fuzz`, not a test.

    python -m tests.fuzz.guided [SECONDS]

Needs atheris (`pip install pneumo[fuzz]`: Linux and macOS, Python 3.11 to 3.13). It stops at the
first file that is answered with anything but a film or a refusal, and leaves that file as
crash-SHA1 in the current folder. Decoders written in C are exercised, but not followed.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from importlib import import_module
from pathlib import Path


def main(seconds: int = 600) -> None:
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=["pneumo", "pydicom", "PIL", "zipfile"]):
        from tests.fuzz.mutations import outcome, seeds
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as corpus:
        for number, data in enumerate(seeds().values()):
            (Path(corpus) / str(number)).write_bytes(data)
        flags = [f"-max_total_time={seconds}", "-timeout=60", "-max_len=30000", corpus]
        atheris.Setup([sys.argv[0], *flags], outcome)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
