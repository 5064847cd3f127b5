"""What SECURITY.md promises of the doors: each attack that it names, made against a running app."""

from __future__ import annotations

import dataclasses
import http.client
import json
import pickle
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import httpx
import pytest
from conftest import ROOT, WEIGHTS, hashed
from gradio_client import Client

import app
from pneumo import PneumoError, password
from pneumo.__main__ import main
from pneumo.bundle import load_bundle
from pneumo.errors import BrokenBundle
from pneumo.password import Hashed, Logins, line
from pneumo.reader import Reader
from pneumo.ward.archive import MAX_ARCHIVE_BYTES
from tabs import doors, uploads
from tabs.doors import Doors, Rate

SECRET = b"a film of another session: Qzsecret"
FILE_ROUTES = (
    *("/gradio_api/file=", "/gradio_api/file/", "/file=", "/file/", "/gradio_api/proxy="),
    *("/proxy=", "/static/", "/assets/", "/svelte/", "/gradio_api/stream/", "/gradio_api/call/"),
    *("/gradio_api/custom_component/", "/gradio_api/upload/", "/pwa_icon/", "//gradio_api/file="),
)
SHUT = (
    *("/monitoring", "/monitoring/summary", "/gradio_api/dev/reload", "/gradio_api/token"),
    *("/gradio_api/runs", "/gradio_api/run-history/records", "/gradio_api/vibe-code/"),
    *("/gradio_api/deep_link", "/gradio_api/process_recording", "/gradio_api/component_server"),
    *("/gradio_api/run/read", "/gradio_api/api/read", "/docs", "/openapi.json"),
)
HASHING_WORK = password.WORK
EVIL = "https://evil.example"


@pytest.fixture(scope="module", autouse=True)
def light_work() -> Iterator[None]:
    """Hashes that take no time; how much those of the program take is tested below."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(password, "WORK", 2**8)
        yield


@pytest.fixture(scope="module")
def page(tiny_reader: Reader) -> gr.Blocks:
    return app.build(tiny_reader)


@pytest.fixture(scope="module")
def standing() -> Doors:
    return Doors()


@pytest.fixture(scope="module")
def web(page: gr.Blocks, standing: Doors) -> Iterator[httpx.Client]:
    address = app.launch(page, doors=standing, prevent_thread_lock=True, quiet=True)
    with httpx.Client(base_url=address, timeout=60) as client:
        yield client
    page.close()


def raw(web: httpx.Client, path: str) -> tuple[int, bytes]:
    """A request whose path goes out as it is written: httpx would tidy it."""
    connection = http.client.HTTPConnection(web.base_url.host, web.base_url.port or 80, timeout=30)
    connection.putrequest("GET", path, skip_host=False)
    connection.endheaders()
    response = connection.getresponse()
    return response.status, response.read()


def test_no_route_hands_out_a_file(web: httpx.Client, page: gr.Blocks) -> None:
    answer = web.post("/gradio_api/upload", files={"files": ("film.html", SECRET)})
    (theirs,) = answer.json()
    assert Path(theirs).read_bytes() == SECRET
    assert page.allowed_paths == []
    targets = [
        "/etc/passwd",
        "../../../../../../etc/passwd",
        "..%2f..%2f..%2f..%2fetc/passwd",
        theirs,
    ]
    targets += [str(WEIGHTS / "manifest.json"), str(ROOT / "app.py"), f"{web.base_url}config"]
    for route in FILE_ROUTES:
        for target in targets:
            status, body = raw(web, f"{route}{target}")
            assert status in (400, 403, 404, 405), f"{route}{target}: {status}"
            for found in (b"root:", SECRET, b"sha256", b"import gradio"):
                assert found not in body, f"{route}{target}"


def test_what_gradio_offers_beside_the_page_is_shut(web: httpx.Client) -> None:
    for path in SHUT:
        for answer in (web.get(path), web.post(path, json={})):
            assert answer.status_code in (404, 405), path


def test_the_page_and_its_api_are_open(web: httpx.Client) -> None:
    for path in ("/", "/config", "/theme.css", "/gradio_api/info", "/robots.txt"):
        assert web.get(path).status_code == 200, path
    assets = set(re.findall(r"(?:\./|/)(assets/[\w-]+\.(?:js|css))\b", web.get("/").text))
    assert assets
    for asset in assets:
        assert web.get(f"/{asset}").status_code == 200, asset


def test_an_address_named_as_a_film_is_not_fetched(
    web: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, resolve = list[object](), socket.getaddrinfo

    def noted(host: object, *rest: object, **more: object) -> object:
        asked.append(host)
        return resolve(host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    for url in ("http://films.example/film.png", "https://169.254.169.254/latest"):
        film = {"path": url, "url": url, "meta": {"_type": "gradio.FileData"}}
        call = web.post("/gradio_api/call/read", json={"data": [film, "screening"]}).json()
        event = web.get(f"/gradio_api/call/read/{call['event_id']}").text
        assert event.startswith("event: error")
    assert not [host for host in asked if "films" in str(host) or "169.254" in str(host)]


def test_an_upload_beyond_a_limit_is_refused_by_the_server(
    web: httpx.Client, page: gr.Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert page.max_file_size == MAX_ARCHIVE_BYTES
    monkeypatch.setattr(page, "max_file_size", 1_000)
    large = {"files": ("film.png", bytes(5_000))}
    assert web.post("/gradio_api/upload", files=large).status_code == 413
    monkeypatch.setattr(doors, "MAX_UPLOAD_BYTES", 2_000)
    assert "fewer films" in web.post("/gradio_api/upload", files=large).json()["detail"]
    monkeypatch.setattr(doors, "MAX_BODY_BYTES", 2_000)
    endless = web.post("/gradio_api/queue/join", content=(bytes(500) for _ in range(9)))
    assert endless.status_code == 413


def test_an_upload_never_fills_the_disk(web: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "SPARE_BYTES", 10**18)
    answer = web.post("/gradio_api/upload", files={"files": ("film.png", b"x")})
    assert answer.status_code == 507
    assert "disk" in answer.json()["detail"]


def test_one_client_cannot_take_all_and_another_is_not_held_up() -> None:
    rate = Rate(60)
    assert not any(rate.wait_s("a", 0.0) for _ in range(60))
    assert rate.wait_s("a", 0.0) == pytest.approx(1)
    assert rate.wait_s("b", 0.0) == 0
    assert rate.wait_s("a", 1.01) == 0  # one a second comes back
    assert rate.wait_s("a", 1.01) > 0


def test_too_many_requests_are_told_when_to_come_back(web: httpx.Client, standing: Doors) -> None:
    before, standing.rate = standing.rate, Rate(2)
    answers = [web.post("/gradio_api/cancel", json={}) for _ in range(3)]
    standing.rate = before
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert web.get("/config").status_code == 200  # looking costs nothing


@pytest.mark.parametrize("rate", ["0", "-1", "many", "1.5"])
def test_a_rate_that_is_no_number_is_refused_at_the_start(
    rate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMO_RATE", rate)
    with pytest.raises(PneumoError, match="PNEUMO_RATE"):
        Doors.from_environment()


def test_another_sites_script_may_not_read_an_answer(web: httpx.Client) -> None:
    for origin in (EVIL, "null", "http://127.0.0.1.evil.example"):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        for answer in (
            web.get("/config", headers={"Origin": origin}),
            web.options("/gradio_api/upload", headers=headers),
        ):
            assert "access-control-allow-origin" not in answer.headers, origin
        host = {"Origin": origin, "Host": "films.example", "X-Forwarded-Host": "evil.example"}
        for answer in (web.get("/config", headers=host), web.post("/login", headers=host)):
            assert answer.status_code == 403, origin
    own = {"Origin": "https://films.example:8443", "Host": "films.example"}
    assert web.get("/config", headers=own).status_code == 200


def test_every_answer_carries_the_safe_headers(web: httpx.Client) -> None:
    for path in ("/", "/config", "/gradio_api/file=/etc/passwd", "/health"):
        headers = web.get(path).headers
        for name, value in doors.HEADERS.items():
            assert headers[name] == value, path


def test_health_is_good_only_between_the_self_test_and_the_end(
    web: httpx.Client, standing: Doors
) -> None:
    assert web.get("/health").status_code == 503
    standing.weights = "tiny"
    assert web.get("/health").json() == {"status": "ready", "weights": "tiny"}
    standing.closing = True
    assert web.get("/health").status_code == 503
    assert web.post("/gradio_api/queue/join", json={}).status_code == 503
    standing.closing, standing.weights = False, None


def test_what_is_left_of_a_broken_upload_is_swept(tmp_path: Path) -> None:
    (tmp_path / "abc").mkdir()
    (tmp_path / "tmpfilm").write_bytes(SECRET)
    (tmp_path / "abc" / "film.png").write_bytes(SECRET)
    uploads.sweep(tmp_path, older_than_s=60)
    assert len(list(tmp_path.rglob("*"))) == 3
    uploads.sweep(tmp_path, older_than_s=-1)
    assert [p.name for p in tmp_path.iterdir()] == ["abc"]
    uploads.sweep(tmp_path, older_than_s=60)
    assert (tmp_path / "abc").exists()  # a film may be on its way into it


def test_uploads_lie_where_no_other_user_can_read() -> None:
    folder = uploads.claim()
    assert folder == uploads.claim()
    assert folder.parent.stat().st_mode & 0o077 == 0
    assert gr.utils.get_upload_folder() == str(folder)


@pytest.fixture(scope="module")
def guarded(tiny_reader: Reader, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = tmp_path_factory.mktemp("logins") / "logins"
    file.write_text(f"# the ward\n{line('anna', 'correct horse')}\n")
    assert "correct" not in file.read_text()
    page = app.build(tiny_reader)
    stood = Doors(logins=Logins.read(file))
    yield app.launch(page, doors=stood, prevent_thread_lock=True, quiet=True)
    page.close()


def test_without_a_login_nothing_is_read_or_stored(guarded: str) -> None:
    with httpx.Client(base_url=guarded, timeout=60) as web:
        assert web.get("/config").status_code == 401
        answer = web.post("/gradio_api/upload", files={"files": ("film.png", SECRET)})
        assert answer.status_code == 401
        for path in ("/gradio_api/call/read", "/gradio_api/queue/join"):
            assert web.post(path, json={"data": [None, "screening"]}).status_code == 401
        assert web.get("/gradio_api/info").status_code == 401
        assert web.post("/gradio_api/mcp/", json={}).status_code == 404
        assert web.get("/health").status_code == 503  # a watchman needs no login


def test_a_login_lets_its_person_in_and_guessing_is_slow(guarded: str) -> None:
    wrong = [("anna", "wrong horse!"), ("berta", "correct horse"), ("anna", "")]
    with httpx.Client(base_url=guarded, timeout=60) as web:
        for user, guess in wrong:
            answer = web.post("/login", data={"username": user, "password": guess})
            assert answer.status_code in (400, 422)
    client = Client(guarded, auth=("anna", "correct horse"), verbose=False)
    answer = client.predict(film=None, operating_point="screening", api_name="/read")
    assert answer["status"] == "refused"
    with httpx.Client(base_url=guarded, timeout=60) as web:
        data = {"username": "anna", "password": "guess"}
        codes = [web.post("/login", data=data).status_code for _ in range(doors.LOGINS_PER_MINUTE)]
    assert codes[-1] == 429


def test_the_password_command_makes_a_line_that_lets_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("getpass.getpass", lambda prompt: "pass phrase")
    assert main(["password", "anna"]) == 0
    (tmp_path / "logins").write_text(capsys.readouterr().out)
    logins = Logins.read(tmp_path / "logins")
    assert logins.admit("anna", "pass phrase")
    assert not logins.admit("anna", "Pass phrase")
    assert not logins.admit("Anna", "pass phrase")
    assert main(["password", "a:b"]) == 2
    monkeypatch.setattr("getpass.getpass", lambda prompt: "short")
    assert main(["password", "anna"]) == 2
    assert "longer" in capsys.readouterr().err


def test_a_guess_costs_what_owasp_asks_for() -> None:
    assert 128 * HASHING_WORK * password.BLOCK >= 2**25  # bytes of memory, at three lanes
    assert password.LANES >= 3


def test_two_equal_passwords_have_different_hashes() -> None:
    one, other = Hashed.of("pass phrase"), Hashed.of("pass phrase")
    assert str(one) != str(other)
    assert Hashed.parse(str(one)) == one


@pytest.mark.parametrize("text", ["", "# nobody\n", "anna:plain\n", "anna:scrypt$1$2$3$xx$yy\n"])
def test_a_file_that_lets_nobody_in_stops_the_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "logins").write_text(text)
    with pytest.raises(PneumoError, match="python -m pneumo password"):
        Logins.read(tmp_path / "logins")
    with pytest.raises(PneumoError, match="cannot be read"):
        Logins.read(tmp_path / "gone")


class Trap:
    """What a pickle would run when it is loaded."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.sprung,)


def test_a_pickle_under_the_name_of_safe_tensors_is_refused_unrun(
    tiny_weights: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_weights, tmp_path / "weights"))
    manifest = json.loads((folder / "manifest.json").read_text())
    member = folder / manifest["members"][0]["weights"]["file"]
    member.write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    manifest["members"][0]["weights"] = dataclasses.asdict(hashed(member))  # even where it fits
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BrokenBundle, match="missing or damaged"):
        load_bundle(folder)
    assert not (tmp_path / "sprung").exists()


def test_no_code_of_ours_loads_a_pickle() -> None:
    for path in [ROOT / "app.py", *(ROOT / "pneumo").rglob("*.py"), *(ROOT / "tabs").glob("*.py")]:
        text = path.read_text()
        assert not re.search(r"pickle\.|joblib|torch\.load\(|allow_pickle=True|marshal", text), path


def test_every_test_that_the_threat_model_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "SECURITY.md").read_text())
    assert len(named) > 20
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(), f"{file}::{test}"


def test_every_promise_of_the_threat_model_names_its_test() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    promises = text.partition("## What it promises")[2].partition("\n## ")[0]
    rows = [row for row in promises.splitlines() if row.startswith("| ")][2:]
    assert rows
    assert all("::" in row for row in rows)
