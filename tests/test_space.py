"""The Space: a front matter that the Hub understands, and code that comes without weights."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT
from huggingface_hub import SpaceCard, constants

from pneumo.hub import Pin
from train import space

PIN = Pin("clinic/pneumo-weights", "weights-1", "0" * 64)


def requirement(name: str) -> str:
    (version,) = re.findall(rf"^{name}==(\S+)$", (ROOT / "requirements.txt").read_text(), re.M)
    return str(version)


def test_the_front_matter_configures_a_gradio_space_that_can_start() -> None:
    data = SpaceCard((ROOT / "README.md").read_text()).data  # the Hub's own parser
    assert data.sdk == "gradio"
    assert str(data.sdk_version) == requirement("gradio")
    assert (ROOT / data.app_file).is_file()
    assert data.license == "mit"
    assert isinstance(data.python_version, str)  # 3.10 unquoted would be 3.1
    assert len(data["short_description"]) <= 60  # the Hub's limit
    assert len(data.title) <= 30
    assert {data["colorFrom"], data["colorTo"]} <= set(
        ["red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"]
    )


def test_a_space_names_the_weights_that_it_pulls() -> None:
    written = space.configured((ROOT / "README.md").read_text(), PIN)
    data = SpaceCard(written).data
    assert data.models == [PIN.repo]
    assert data["preload_from_hub"] == [PIN.repo]
    body = (ROOT / "README.md").read_text().split("---", 2)[2]
    assert written.endswith(body.strip()) or written.strip().endswith(body.strip())


def test_code_is_pushed_without_weights_and_without_what_git_does_not_track(
    tmp_path: Path,
) -> None:
    for name in ("app.py", "README.md", "weights/a.safetensors", "tests/t.py", "pneumo/x.py", "no"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("---\ntitle: T\n---\n" if name == "README.md" else "x")
    (tmp_path / ".gitignore").write_text("no\n")
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    files = space.contents(tmp_path, PIN)
    assert files.keys() == {".gitignore", "README.md", "app.py", "pneumo/x.py"}
    assert b"clinic/pneumo-weights" in bytes(files["README.md"])  # type: ignore[arg-type]


def test_what_the_app_needs_is_pushed() -> None:
    names = set(space.tracked(ROOT))
    assert {"app.py", "requirements.txt", "pneumo/pin.json", "pneumo/reader.py"} <= names
    assert any(name.startswith("examples/") for name in names)
    assert any(name.startswith("assets/") for name in names)
    assert any(name.startswith("train/results/") for name in names)  # the Evidence tab reads them
    assert not any(name.endswith(".safetensors") for name in names)


def test_a_dry_run_asks_no_network(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody answers there
    monkeypatch.setattr(space, "load_pin", lambda path: PIN)
    space.main(["--repo", "clinic/pneumo", "--dry-run"])
    assert capsys.readouterr().out.splitlines()[-1].endswith("were not uploaded to clinic/pneumo")
