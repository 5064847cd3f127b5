"""The rules of the house: who may import whom, and what never occurs in the code."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import pneumo

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "pneumo").rglob("*.py"))
TRAIN = sorted((ROOT / "train").rglob("*.py"))
APP = [ROOT / "app.py", *sorted((ROOT / "tabs").glob("*.py"))]
ALL = [*APP, *CORE, *TRAIN]
MAX_LINES = 260

# Installed for the app or the tests, but not on a machine that only trains.
HEAVY = {"torchvision", "torch._dynamo", "sympy", "scipy.stats"}  # seconds, each
NOT_FOR_TRAINING = [
    *("cv2", "gradio", "gradio_client", "huggingface_hub", "imagecodecs", "matplotlib"),
    *("pydicom", "pylibjpeg", "pytorch_grad_cam", "tensorboard", "tqdm", "tyro"),
]
MODULES = [m.name for m in pkgutil.walk_packages(pneumo.__path__, "pneumo.")]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> set[str]:
    """Top-level names of the packages that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_the_core_knows_neither_the_web_framework_nor_the_training(path: Path) -> None:
    assert not imports(path) & {"gradio", "gradio_client", "train", "app", "tabs", "tests"}


@pytest.mark.parametrize("path", APP, ids=name_of)
def test_the_app_computes_nothing(path: Path) -> None:
    assert not imports(path) & {"numpy", "torch", "torchvision", "PIL", "scipy", "train"}


@pytest.mark.parametrize("path", TRAIN, ids=name_of)
def test_training_does_not_depend_on_the_app(path: Path) -> None:
    assert not imports(path) & {"gradio", "app", "tabs", "tests"}


def pinned(*extras: str) -> set[str]:
    """Names of the distributions that requirements.txt and some extras install, normalised."""
    pins = (ROOT / "requirements.txt").read_text().splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extra in extras:
        pins += project["optional-dependencies"][extra]
    return {normalised(pin.partition("==")[0]) for pin in pins if not pin.startswith("#")}


def normalised(name: str) -> str:
    return name.lower().replace("_", "-")


@pytest.mark.parametrize(
    ("paths", "extras"),
    [
        ([*APP, *CORE], ()),
        ([*TRAIN], ("train",)),
        ([*(ROOT / "tests").rglob("*.py")], ("train", "test")),
    ],
    ids=["app", "train", "tests"],
)
def test_every_package_imported_is_pinned(paths: list[Path], extras: tuple[str, ...]) -> None:
    own = {
        "app",
        "pneumo",
        "tabs",
        "tests",
        "train",
        *(p.stem for p in (ROOT / "tests").rglob("*.py")),
    }
    imported = set().union(*map(imports, paths)) - sys.stdlib_module_names - own
    distributions = packages_distributions()
    for name in imported:
        names = {normalised(d) for d in distributions[name]}
        assert names & pinned(*extras), f"{name} is imported and not pinned"


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_no_handler_catches_everything(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else "everything"
            assert caught not in {"everything", "Exception", "BaseException"}, f"line {node.lineno}"


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_nothing_is_unpickled(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not imports(path) & {"pickle", "joblib", "dill", "cloudpickle", "shelve"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
            safe = [k for k in node.keywords if k.arg == "weights_only"]
            assert safe, f"torch.load without weights_only in line {node.lineno}"
            assert ast.unparse(safe[0].value) == "True"


@pytest.mark.parametrize("path", [p for p in CORE if p.name != "__main__.py"], ids=name_of)
def test_the_core_does_not_print(path: Path) -> None:
    calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
    assert "print" not in {ast.unparse(call.func) for call in calls}


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES
    assert path.stem not in {"utils", "config", "core", "manager", "helpers"}


def test_what_the_package_names_as_public_is_what_can_be_imported() -> None:
    for name in pneumo.__all__:
        assert getattr(pneumo, name).__name__ == name
    assert sorted(pneumo.__all__) == pneumo.__all__
    with pytest.raises(AttributeError, match="no attribute 'read'"):
        _ = pneumo.read


@pytest.mark.parametrize("name", MODULES)
def test_every_named_export_exists(name: str) -> None:
    module = importlib.import_module(name) if not name.endswith("__main__") else None
    for export in getattr(module, "__all__", []):
        assert hasattr(module, export)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["train.fit", "train.lungs", "train.split"])
def test_training_imports_without_the_apps_packages(module: str) -> None:
    program = (
        "import sys\n"
        f"for name in {NOT_FOR_TRAINING!r}: sys.modules[name] = None\n"  # importing it then fails
        f"import {module}"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.weights
def test_no_start_waits_for_what_no_reading_needs() -> None:
    program = (
        "import sys, pneumo; pneumo.load_reader()\n"
        f"sys.exit(', '.join({HEAVY!r} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
