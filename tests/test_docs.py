"""README against the program: its commands exist, its numbers are the results', its shapes hold."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from huggingface_hub import RepoCard

import app
from pneumo.errors import UnreadableImage
from pneumo.reader import Reader
from pneumo.report import refusal_as_json
from train import report

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
SERVED = "http://127.0.0.1:7860"  # where README says that the app is


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Shell lines of the README without their comments."""
    lines = "".join(blocks("bash")).replace("\\\n", " ").splitlines()
    return [line.partition("  #")[0].strip() for line in lines]


MODULES = sorted({c.split()[2] for c in commands() if c.startswith("python -m ")})
# A module, with its own command where it has several.
PROGRAMS = sorted(
    {
        " ".join(c.split()[2 : 4 if c.split()[2] == "pneumo" else 3])
        for c in commands()
        if "-m " in c
    }
)
TARGETS = sorted(
    set(re.findall(r"\bmake ([a-z]+)\b", "\n".join([*commands(), *re.findall(r"`[^`]+`", README)])))
)


def test_the_two_commands_are_demo_and_test() -> None:
    assert {"demo", "test"} <= set(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_named_exists(target: str) -> None:
    assert re.search(rf"^{target}:", MAKEFILE, flags=re.MULTILINE)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_named_exists(module: str) -> None:
    assert find_spec(module)


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_option_named_is_in_the_help(program: str) -> None:
    options = {
        option
        for command in commands()
        if command.startswith(f"python -m {program} ")
        for option in re.findall(r"--[a-z-]+", command)
    }
    module, *words = program.split()
    done = subprocess.run(
        [sys.executable, "-m", module, *words, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert options <= set(re.findall(r"--[a-z-]+", done.stdout))


def test_make_train_runs_the_documented_chain_in_its_order() -> None:
    recipe = MAKEFILE.partition("\ntrain:")[2].partition("\n\n")[0]
    made = [
        re.sub(r"\$\(INIT_\w+\)", "imagenet", line.strip().replace("$(BIN)/", ""))
        for line in recipe.splitlines()[1:]
    ]
    told = (ROOT / "train" / "README.md").read_text().partition("## The whole chain")[2]
    section = re.findall(r"^```bash\n(.*?)^```", told, flags=re.MULTILINE | re.DOTALL)[0]
    lines = section.replace("\\\n", " ").splitlines()
    assert [re.sub(r"\s+", " ", line.partition("  #")[0]).strip() for line in lines] == made


def test_the_numbers_are_those_of_the_results() -> None:
    for page, content in report.PAGES.items():
        text = page.read_text()
        assert report.fill(text, content(report.RESULTS)) == text, "run make report"


def test_the_dice_shown_is_the_dice_measured() -> None:
    shown = re.search(r"Dice ([\d.]+) \(5th percentile ([\d.]+)\) on (\d+) films", README)
    assert shown
    measured = json.loads((ROOT / "train" / "results" / "lungs.json").read_text())
    assert float(shown[1]) == pytest.approx(measured["dice_mean"], abs=5e-4)
    assert float(shown[2]) == pytest.approx(measured["dice_5th_percentile"], abs=5e-4)
    assert int(shown[3]) == measured["films"]


@pytest.mark.weights
def test_the_auroc_shown_is_the_auroc_measured() -> None:
    measured = json.loads((ROOT / "train" / "results" / "holdout.json").read_text())
    auroc = measured["roles"]["test"]["models"]["ensemble"]["pneumonia"]["auroc"]
    shown = re.search(r"\| \*\*ensemble\*\* \| ([\d.]+) \(([\d.]+)-([\d.]+)\)", README)
    assert shown
    for text, key in zip(shown.groups(), ("value", "low", "high"), strict=True):
        assert float(text) == pytest.approx(auroc[key], abs=5e-4)


@pytest.mark.weights
def test_the_results_belong_to_the_shipped_weights() -> None:
    revision = json.loads((ROOT / "weights" / "manifest.json").read_text())["revision"]
    for name in ("calibration", "holdout"):
        result = json.loads((ROOT / "train" / "results" / f"{name}.json").read_text())
        assert result["weights"] == revision, name
    assert f"`{revision}`" in README


@pytest.mark.parametrize("text", ["no markers", f"{report.END}\n{report.BEGIN}", report.BEGIN * 2])
def test_a_readme_without_one_results_block_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="a page needs one"):
        report.fill(text, "content")


def test_results_of_different_weights_are_never_shown_together() -> None:
    with pytest.raises(SystemExit, match="different weights"):
        report.held_out({"weights": "a"}, {"weights": "b"})


def test_the_json_shown_has_the_keys_of_the_program() -> None:
    (shape,) = re.findall(r'^\{"schema".*?\}$', README, flags=re.MULTILINE | re.DOTALL)
    outer = re.sub(r"\[[^\[\]]*\]|(?<!^)\{[^{}]*\}", "", shape)
    refusal = refusal_as_json(UnreadableImage("No."), file="a", sha256=None)
    assert re.findall(r'"(\w+)":', outer) == list(refusal)


@pytest.mark.slow
@pytest.mark.weights
def test_the_python_shown_runs() -> None:
    program = next(block for block in blocks("python") if "load_reader" in block)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "(224, 224)" in done.stdout


@pytest.fixture(scope="module")
def address(tiny_reader: Reader) -> Iterator[str]:
    page = app.build(tiny_reader)
    yield app.launch(page, prevent_thread_lock=True, quiet=True)
    page.close()


SCHEMAS = ["pneumo.reading/1", "pneumo.comparison/1", "pneumo.worklist/1"]


@pytest.mark.slow
def test_the_python_client_shown_asks_every_endpoint(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = [block for block in blocks("python") if "gradio_client" in block]
    monkeypatch.chdir(ROOT)
    exec(program.replace(SERVED, address), {})
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [ast.literal_eval(line)["schema"] for line in printed] == SCHEMAS


@pytest.mark.slow
@pytest.mark.skipif(which("curl") is None, reason="no curl on the PATH")
def test_the_curl_commands_shown_ask_every_endpoint(address: str) -> None:
    (program,) = [block for block in blocks("bash") if "curl" in block]
    program = program.replace(SERVED, address.rstrip("/"))
    done = subprocess.run(
        ["bash", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    data = [line.partition("data:")[2] for line in done.stdout.splitlines() if "data:" in line[:5]]
    assert [json.loads(line)[0]["schema"] for line in data if line.strip() != "null"] == SCHEMAS


def test_every_file_of_the_table_exists() -> None:
    rows = README.partition("## Where things are")[2].partition("\n## ")[0]
    named = [p for row in re.findall(r"^\| (`.*?) \|", rows, re.MULTILINE) for p in row.split(", ")]
    assert len(named) >= 6
    for path in named:
        assert (ROOT / path.strip("`")).exists(), path


def front_matter() -> dict[str, Any]:
    metadata: dict[str, Any] = RepoCard(README, ignore_metadata_errors=False).data.to_dict()
    return metadata


def test_the_front_matter_starts_this_very_app() -> None:
    card = front_matter()
    pins = (ROOT / "requirements.txt").read_text().splitlines()
    assert (card["sdk"], card["app_file"]) == ("gradio", "app.py")
    assert f"gradio=={card['sdk_version']}" in pins
    assert (ROOT / card["app_file"]).exists()
    assert len(card["short_description"]) <= 60  # the Hub's limit


def test_the_space_has_a_python_that_the_package_supports_and_zerogpu_offers() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    version = str(front_matter()["python_version"])
    least = project["requires-python"].removeprefix(">=")
    assert [int(n) for n in version.split(".")] >= [int(n) for n in least.split(".")]
    assert version in {"3.10", "3.12"}  # huggingface.co/docs/hub/spaces-zerogpu, late in 2026


@pytest.mark.parametrize("file", ["requirements.txt", "pyproject.toml"])
def test_every_dependency_is_pinned_exactly(file: str) -> None:
    text = (ROOT / file).read_text()
    if file == "pyproject.toml":
        extras = tomllib.loads(text)["project"]["optional-dependencies"]
        pins = [pin for extra in extras.values() for pin in extra]
    else:
        pins = [line for line in text.splitlines() if not line.startswith("#")]
    assert pins
    for pin in pins:
        assert re.fullmatch(r"[\w-]+(\[\w+\])?==[\w.]+", pin), pin
