"""ZeroGPU: what the app computes borrows a GPU where one is lent, and stays as it is elsewhere."""

from __future__ import annotations

import inspect
import pickle
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from conftest import EXAMPLES

from pneumo.comparison import Comparison
from pneumo.errors import PneumoError, UnreadableImage
from pneumo.reader import Reader
from pneumo.report import as_json
from tabs import zero
from tabs.desk import Desk


class Lender(ModuleType):
    """A stand-in for the package ``spaces`` on ZeroGPU, as its 0.51.3 treats a decorated call.

    What goes in and out is pickled, and an error arrives without its class and its words.
    """

    def __init__(self) -> None:
        super().__init__("spaces")
        self.loans: list[int] = []

    def GPU(self, task: Callable[..., Any], *, duration: int) -> Callable[..., Any]:
        if inspect.isgeneratorfunction(task):
            return self._in_turn(task, duration)

        def borrowed(*args: Any, **kwargs: Any) -> Any:
            self.loans.append(duration)
            args, kwargs = pickle.loads(pickle.dumps((args, kwargs)))
            try:
                answer = task(*args, **kwargs)
            except (PneumoError, ValueError) as error:
                raise RuntimeError("ZeroGPU worker error") from error
            return pickle.loads(pickle.dumps(answer))

        return borrowed

    def _in_turn(self, task: Callable[..., Iterator[Any]], duration: int) -> Callable[..., Any]:
        def borrowed(*args: Any, **kwargs: Any) -> Iterator[Any]:
            self.loans.append(duration)
            args, kwargs = pickle.loads(pickle.dumps((args, kwargs)))
            for answer in task(*args, **kwargs):
                yield pickle.loads(pickle.dumps(answer))

        return borrowed


@pytest.fixture
def lender(monkeypatch: pytest.MonkeyPatch) -> Lender:
    lender = Lender()
    monkeypatch.setitem(sys.modules, "spaces", lender)
    return lender


def timeless(reading: Any) -> dict[str, Any]:
    return as_json(reading, file="") | {"seconds": 0}


def test_elsewhere_the_reader_and_its_tasks_are_themselves(
    tiny_reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "spaces", None)  # importing it then fails
    comparison = Comparison(tiny_reader)
    assert zero.borrowing(tiny_reader) is tiny_reader
    assert zero.lent(len) is len
    assert zero.lent_in_turn(comparison.ask) == comparison.ask


def test_a_film_is_read_alike_on_a_borrowed_gpu(
    tiny_reader: Reader, lender: Lender, film_bytes: bytes
) -> None:
    told: list[str] = []
    borrower = zero.borrowing(tiny_reader)
    reading = borrower.read(
        film_bytes,
        operating_point="balanced",
        progress=lambda _, doing: told.append(doing),  # cannot be pickled
    )
    expected = tiny_reader.read(film_bytes, operating_point="balanced")
    assert timeless(reading) == timeless(expected)
    assert (reading.evidence == expected.evidence).all()
    assert told
    assert lender.loans == [zero.SECONDS]


def test_a_refusal_keeps_its_sentence_on_the_way_back(tiny_reader: Reader, lender: Lender) -> None:
    with pytest.raises(PneumoError) as alone:
        tiny_reader.read(b"Dear colleague")
    with pytest.raises(UnreadableImage) as borrowed:
        zero.borrowing(tiny_reader).read(b"Dear colleague")
    assert str(borrowed.value) == str(alone.value)


def test_every_model_answers_in_turn_on_one_loan(
    tiny_reader: Reader, lender: Lender, film_bytes: bytes
) -> None:
    comparison, reading = Comparison(tiny_reader), tiny_reader.read(film_bytes)
    answers = list(zero.lent_in_turn(comparison.ask)(reading))
    alone = list(comparison.ask(reading))
    assert [a.estimate.probability for a in answers] == [a.estimate.probability for a in alone]
    assert len(lender.loans) == 1


def test_a_map_is_borrowed_for_only_where_the_reading_has_none(
    tiny_reader: Reader, lender: Lender, film_bytes: bytes
) -> None:
    desk, reading = Desk(tiny_reader, {}), tiny_reader.read(film_bytes)
    desk.map_of(reading, "grad_cam", "pneumonia")
    assert lender.loans == []
    borrowed = desk.map_of(reading, "layer_cam", "viral")
    assert len(lender.loans) == 1
    lender.GPU = lambda task, **_: task  # type: ignore[method-assign]
    assert borrowed == Desk(tiny_reader, {}).map_of(reading, "layer_cam", "viral")


def test_the_whole_app_reads_its_examples_on_borrowed_gpus(
    tiny_reader: Reader, lender: Lender
) -> None:
    desk = Desk(zero.borrowing(tiny_reader), {})
    film = {"path": str(EXAMPLES / "normal-1.png"), "orig_name": "normal-1.png"}
    assert desk.read(film, "screening")["status"] == "read"
    letter = {"path": __file__, "orig_name": "letter.txt"}
    assert desk.read(letter, "screening")["status"] == "refused"
    assert len(lender.loans) == 2
