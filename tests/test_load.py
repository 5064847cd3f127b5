"""Several clients at once, for a few seconds; `python -m tests.load` does it for long."""

from __future__ import annotations

import pytest
from conftest import WEIGHTS

from pneumo.reader import load_reader
from tests.load import measure


@pytest.mark.slow
@pytest.mark.weights
def test_every_client_gets_the_answer_to_its_own_film() -> None:
    found, clients = measure(load_reader(WEIGHTS), clients=4, seconds=5)
    assert [error for client in clients for error in client.errors] == []
    assert found["mixed"] == 0
    assert all(client.seconds for client in clients)  # nobody was left out
    assert len({client.probability for client in clients}) == 4  # so that a mix would be seen
