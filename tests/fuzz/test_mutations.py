"""Files changed at random: always a film or a refusal, never another error, never for long.

A short run that is the same every time; `make fuzz` runs long, with new chance at each run, and
beside it `tests.fuzz.guided`, which follows the branches that the bytes take.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pneumo.errors import PneumoError
from pneumo.radiograph import Radiograph
from tests.fuzz.mutations import outcome, seeds

EXAMPLES = int(os.environ.get("PNEUMO_FUZZ", "150"))
LONG = "PNEUMO_FUZZ" in os.environ
# Lengths, counts and signs are where parsers stumble.
TELLING = [b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xda", b"\x01"]

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning")]

place = st.floats(0, 1, exclude_max=True)
piece = st.one_of(st.sampled_from(TELLING), st.binary(min_size=1, max_size=8))
change = st.tuples(st.sampled_from(["put", "insert", "cut", "repeat", "end"]), place, piece)


def changed(data: bytes, how: str, where: float, what: bytes) -> bytes:
    # Half of the changes in the first part of the file, where its headers are.
    at = int(where * 2 * min(len(data), 600)) if where < 0.5 else int(where * len(data))
    at = min(at, max(len(data) - 1, 0))
    after = {
        "put": what + data[at + len(what) :],
        "insert": what + data[at:],
        "cut": data[at + 16 * len(what) :],
        "repeat": data[max(at - 64, 0) :],
        "end": b"",
    }
    return data[:at] + after[how]


@settings(
    max_examples=EXAMPLES,
    derandomize=not LONG,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
@given(st.sampled_from(sorted(seeds())), st.lists(change, min_size=1, max_size=5))
def test_a_changed_file_is_a_film_or_a_refusal(
    name: str, changes: list[tuple[str, float, bytes]]
) -> None:
    data = seeds()[name]
    for how, where, what in changes:
        data = changed(data, how, where, what)
    for found in outcome(data):
        assert isinstance(found, Radiograph | PneumoError)
        if isinstance(found, PneumoError):
            assert str(found).endswith(".")


def test_the_unchanged_files_are_films() -> None:
    for name, data in seeds().items():
        for found in outcome(data):
            assert isinstance(found, Radiograph), name
