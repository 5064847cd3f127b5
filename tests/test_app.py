"""The app through its own doors: the page's API, called by gradio's client."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

import app
from pneumo.reader import Reader
from pneumo.report import as_json
from tabs.read import FORGET_AFTER_S

SESSION = "a-visit"


@pytest.fixture(scope="module")
def page(tiny_reader: Reader) -> gr.Blocks:
    return app.build(tiny_reader)


@pytest.fixture(scope="module")
def client(page: gr.Blocks) -> Iterator[Client]:
    address = app.launch(page, prevent_thread_lock=True, quiet=True)
    yield Client(address, verbose=False)
    page.close()


def ask(page: gr.Blocks, client: Client, function: str, *data: object, **event: object) -> object:
    """An event of the page itself, as the browser sends it; what it fills."""
    fn = next(fn for fn in page.fns.values() if fn.name == function)
    given = [*data, *(block.value for block in fn.inputs[len(data) :])]
    body = {"data": given, "fn_index": fn._id, "session_hash": SESSION, "event_data": event}
    queue = f"{client.src}gradio_api/queue"
    httpx.post(f"{queue}/join", json=body).raise_for_status()
    lines = httpx.get(f"{queue}/data?session_hash={SESSION}", timeout=60).text.splitlines()
    messages = [json.loads(line.removeprefix("data:")) for line in lines if line]
    done = next(m for m in messages if m["msg"] == "process_completed")
    assert done["success"]
    return done["output"]["data"]


def test_an_upload_returns_the_same_reading_as_the_reader(
    client: Client, film_path: Path, tiny_reader: Reader
) -> None:
    answer = client.predict(
        film=handle_file(film_path), operating_point="screening", api_name="/read"
    )
    expected = as_json(tiny_reader.read(film_path.read_bytes()), file=film_path.name)
    assert answer | {"seconds": 0} == expected | {"seconds": 0}


@pytest.mark.parametrize(
    ("name", "data"),
    [("empty.png", b""), ("note.txt", b"not a film"), ("cut.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF")],
)
def test_a_refused_film_is_an_answer_and_the_app_goes_on(
    client: Client, tmp_path: Path, name: str, data: bytes
) -> None:
    (tmp_path / name).write_bytes(data)
    for _ in range(2):
        answer = client.predict(
            film=handle_file(tmp_path / name), operating_point="screening", api_name="/read"
        )
        assert answer["status"] == "refused"
        assert answer["reason"].endswith(".")
        assert answer["probability"] is None
        assert answer["image_sha256"] in (None, hashlib.sha256(data).hexdigest())


def test_no_film_at_all_is_refused_as_well(client: Client) -> None:
    answer = client.predict(film=None, operating_point="screening", api_name="/read")
    assert answer["status"] == "refused"


def test_an_unknown_operating_point_is_an_error_that_names_the_known(
    client: Client, tmp_path: Path
) -> None:
    (tmp_path / "film.png").write_bytes(b"x")
    with pytest.raises(AppError, match="screening, balanced"):
        client.predict(
            film=handle_file(tmp_path / "film.png"), operating_point="best", api_name="/read"
        )


@pytest.mark.parametrize(
    "stolen",
    [
        {"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}},
        {"path": "/etc/hostname"},
        "/etc/hostname",
    ],
)
def test_a_path_outside_the_uploads_is_not_read(client: Client, stolen: object) -> None:
    # By hand: gradio's own client would upload the file it finds under that path.
    address = f"{client.src}gradio_api/call/read"
    event = httpx.post(address, json={"data": [stolen, "screening"]}).json()["event_id"]
    assert httpx.get(f"{address}/{event}").text.startswith("event: error")


def test_only_what_other_programs_may_ask_is_a_public_endpoint(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)
    assert set(endpoints["named_endpoints"]) == {"/read", "/compare", "/batch"}
    assert not endpoints["unnamed_endpoints"]


def test_nothing_is_recorded_or_measured(page: gr.Blocks) -> None:
    assert page.analytics_enabled is False
    assert page.delete_cache == (app.PURGE_EVERY_S, app.PURGE_AFTER_S)
    assert page.delete_cache[0] + page.delete_cache[1] <= 600  # the page promises ten minutes
    assert page.enable_monitoring is False
    assert page.run_history is False
    assert page.share is False


def test_nothing_that_was_typed_or_shown_stays_on_the_server(
    page: gr.Blocks, client: Client, film_path: Path
) -> None:
    name = "K. Muster, born in May"
    kept = ask(page, client, "open_example", name=film_path.name)
    parcel = ask(page, client, "paper", "screening", 74, None, name, "clear lungs")
    assert "base64" in str(kept)
    assert "base64" in str(parcel)
    session = page.app.state_holder.session_data[SESSION]
    assert session.STATE_TTL_WHEN_CLOSED == FORGET_AFTER_S
    assert [type(state).__name__ for state in session.state_data.values()] == ["Reading"]
    left = str(session.config_values) + str(vars(page.app.state_holder.blocks._queue))
    assert "Muster" not in left
    assert "clear lungs" not in left
    assert "application/pdf" not in left
    assert 'class="film"' not in left


def test_no_page_can_be_written_to_disk_as_a_link(client: Client) -> None:
    address = f"{client.src}gradio_api/deep_link?session_hash={SESSION}"
    assert httpx.get(address).status_code == 404


def test_the_app_imports_no_numbers(tmp_path: Path) -> None:
    source = Path(app.__file__).read_text()
    assert "import numpy" not in source
    assert "import torch" not in source
