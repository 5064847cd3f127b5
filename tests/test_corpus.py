"""Every bad file through the core and the app's API: a sentence each, in bounded time and memory.

The command line has the same in test_cli, the decoders alone in test_radiograph.
"""

from __future__ import annotations

import hashlib
import json
import resource
import time
from collections.abc import Iterator

import httpx
import pytest
from corpus import bad_files, unsuitable_pictures

import app
from pneumo.errors import PneumoError
from pneumo.reader import Reader

MAX_SECONDS = 5  # of the processor's time, so that a busy machine changes nothing
MAX_GROWTH_BYTES = 1_500_000_000

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning")]


@pytest.fixture(scope="module")
def corpus() -> dict[str, bytes]:
    return bad_files() | unsuitable_pictures()


@pytest.fixture(scope="module")
def api(tiny_reader: Reader) -> Iterator[httpx.Client]:
    page = app.build(tiny_reader)
    address = app.launch(page, prevent_thread_lock=True, quiet=True)
    with httpx.Client(base_url=f"{address}gradio_api", timeout=60) as client:
        yield client
    page.close()


def peak_bytes() -> int:
    """The most memory that this process has held so far (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_the_corpus_is_as_large_as_it_claims(corpus: dict[str, bytes]) -> None:
    assert len({hashlib.sha256(data).digest() for data in corpus.values()}) >= 60


def test_no_bad_file_takes_long_or_much_memory(
    corpus: dict[str, bytes], tiny_reader: Reader
) -> None:
    before = peak_bytes()
    for name, data in corpus.items():
        started = time.process_time()
        with pytest.raises(PneumoError) as refusal:
            tiny_reader.read(data)
        assert time.process_time() - started < MAX_SECONDS, name
        assert str(refusal.value).endswith("."), name
    assert peak_bytes() - before < MAX_GROWTH_BYTES


def test_the_api_answers_every_bad_file_with_a_refusal(
    corpus: dict[str, bytes], api: httpx.Client
) -> None:
    for name, data in corpus.items():
        # Named as a film: the content decides.
        uploaded = api.post("/upload", files={"files": ("film.png", data)})
        assert uploaded.status_code == 200, name
        film = {"path": uploaded.json()[0], "meta": {"_type": "gradio.FileData"}}
        call = api.post("/call/read", json={"data": [film, "screening"]})
        event = api.get(f"/call/read/{call.json()['event_id']}").text
        assert event.startswith("event: complete"), name
        (answer,) = json.loads(event.partition("data: ")[2])
        assert answer["status"] == "refused", name
        assert answer["reason"].endswith("."), name
        assert answer["probability"] is None, name
        digest = hashlib.sha256(data).hexdigest() if data else None
        # A file beyond the limit is refused unread.
        assert answer["image_sha256"] in (digest, None), name


def test_the_app_still_reads_a_film_afterwards(api: httpx.Client, film_bytes: bytes) -> None:
    path = api.post("/upload", files={"files": ("film.png", film_bytes)}).json()[0]
    film = {"path": path, "meta": {"_type": "gradio.FileData"}}
    call = api.post("/call/read", json={"data": [film, "screening"]})
    assert '"status": "read"' in api.get(f"/call/read/{call.json()['event_id']}").text
