"""ZeroGPU, the Space hardware that lends a GPU for the length of a call; elsewhere, nothing.

There a call that was decorated with ``spaces.GPU`` runs in a process of its own, made by a fork
once the page is served. The networks are known to that process. What the call takes and returns is
pickled on its way, and an error that is not gradio's own loses its words.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

from pneumo import PneumoError, Reader, Reading
from pneumo.reader import SCREENING, Progress, default_device

SECONDS = 15  # of a loan; a reading takes one or two, and a short loan is granted sooner

P = ParamSpec("P")
T = TypeVar("T")


def spaces() -> Any | None:
    """The package ``spaces``, which every Space has; None elsewhere."""
    try:
        return importlib.import_module("spaces")
    except ModuleNotFoundError:
        return None


def lent(task: Callable[P, T]) -> Callable[P, T]:
    """A task that borrows a GPU for each call where one is lent; else the task itself.

    A refusal crosses between the processes as an answer and is raised on this side.
    """
    package = spaces()
    if package is None:
        return task

    def answered(*args: P.args, **kwargs: P.kwargs) -> T | PneumoError:
        try:
            return task(*args, **kwargs)
        except PneumoError as error:
            return error

    borrowed = package.GPU(answered, duration=SECONDS)

    def asked(*args: P.args, **kwargs: P.kwargs) -> T:
        answer: T | PneumoError = borrowed(*args, **kwargs)
        if isinstance(answer, PneumoError):
            raise answer
        return answer

    return asked


def lent_in_turn(task: Callable[P, Iterator[T]]) -> Callable[P, Iterator[T]]:
    """The same for a task of several answers, which come one by one from one loan."""
    package = spaces()
    if package is None:
        return task

    def answered(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        yield from task(*args, **kwargs)

    borrowed: Callable[P, Iterator[T]] = package.GPU(answered, duration=SECONDS)
    return borrowed


class Borrower(Reader):
    """A reader that borrows a GPU for each film."""

    films_at_once = 1  # two would borrow two

    def __init__(self, reader: Reader) -> None:
        vars(self).update(vars(reader))  # the same networks, as the other process knows them
        self._borrow = lent(reader.read)

    def read(
        self, data: bytes, *, operating_point: str = SCREENING, progress: Progress | None = None
    ) -> Reading:
        """As Reader.read, but the other process does not tell how far it is."""
        if progress:
            progress(0.1, "Decoding the film")
        return self._borrow(data, operating_point=operating_point)


def borrowing(reader: Reader) -> Reader:
    """The reader for this machine: itself, except where the package ``spaces`` is there.

    To be called before the page is built. Importing the package makes torch offer a GPU that is not
    there yet; networks are placed on it now, and follow into the process that gets one.
    """
    if spaces() is None:
        return reader
    return Borrower(reader if default_device() == reader.device else Reader(reader.bundle))
