"""The weights folder: what does not match its manifest is never used."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import hashed
from safetensors.torch import load, save_file

from pneumo.bundle import load_bundle, load_manifest
from pneumo.errors import BrokenBundle

MEMBER = "member_tiny-0.safetensors"


@pytest.fixture
def folder(tiny_weights: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_weights, tmp_path / "weights"))


def change(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    edit(manifest)
    path.write_text(json.dumps(manifest))


def replace_member(folder: Path, path: Path) -> None:
    """Name another file as the first member, with its true hash."""
    weights = hashed(path)
    change(
        folder,
        lambda m: m["members"][0].update(weights={"file": weights.file, "sha256": weights.sha256}),
    )


def test_a_complete_folder_loads_in_evaluation_mode_and_in_order(folder: Path) -> None:
    bundle = load_bundle(folder)
    assert [m.name for m in bundle.manifest.members] == ["tiny-0", "tiny-1"]
    for network, member in zip(bundle.members, bundle.manifest.members, strict=True):
        assert not network.training
        stored = load((folder / member.weights.file).read_bytes())
        assert stored.keys() == network.state_dict().keys()
        for name, value in network.state_dict().items():
            torch.testing.assert_close(value, stored[name], rtol=0, atol=0)


def test_one_flipped_byte_is_found(folder: Path) -> None:
    path = folder / MEMBER
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(BrokenBundle, match=f"{MEMBER}: sha256 .* manifest says"):
        load_bundle(folder)


@pytest.mark.parametrize("name", [MEMBER, "lungs.safetensors", "manifest.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BrokenBundle, match=name):
        load_bundle(folder)


EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "unknown key": lambda m: m.update(colour="red"),
    "unknown key in a member": lambda m: m["members"][0].update(dropout=0.5),
    "missing key": lambda m: m.pop("training_prevalence"),
    "missing key in an operating point": lambda m: m["operating_points"][0].pop("threshold"),
    "text for a number": lambda m: m.update(mean="0.5"),
    "number for a text": lambda m: m.update(revision=1),
    "text for a list": lambda m: m.update(classes="normal"),
    "boolean for a whole number": lambda m: m["members"][0].update(size_px=True),
    "null for a number": lambda m: m.update(std=None),
    "another schema": lambda m: m.update(schema="pneumo.weights/0"),
    "no members": lambda m: m.update(members=[]),
    "unknown architecture": lambda m: m["members"][0].update(architecture="vgg"),
    "unknown geometry": lambda m: m["members"][0].update(geometry="fisheye"),
    "temperature of zero": lambda m: m["members"][0]["calibration"].update(temperature=0.0),
    "threshold of one": lambda m: m["operating_points"][0].update(threshold=1.0),
    "an interval upside down": lambda m: m["operating_points"][0]["sensitivity"].update(low=0.99),
    "a gap in the reliability curve": lambda m: m["reliability"]["bins"].pop(),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_a_manifest_that_says_anything_else_is_refused(
    folder: Path, edit: Callable[[dict[str, Any]], object]
) -> None:
    change(folder, edit)
    with pytest.raises(BrokenBundle, match=r"manifest\.json"):
        load_manifest(folder / "manifest.json")


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '"weights"', "\udcff"])
def test_a_manifest_that_is_no_object_is_refused(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(BrokenBundle, match=r"manifest\.json"):
        load_bundle(folder)


def test_a_pickle_is_refused_even_with_the_right_hash(folder: Path) -> None:
    tensors = load((folder / MEMBER).read_bytes())
    torch.save(tensors, folder / MEMBER)
    replace_member(folder, folder / MEMBER)
    with pytest.raises(BrokenBundle, match=f"{MEMBER} is missing or damaged"):
        load_bundle(folder)


@pytest.mark.parametrize("damage", ["drop", "add", "reshape"])
def test_tensors_that_do_not_fill_the_network_exactly_are_refused(
    folder: Path, damage: str
) -> None:
    tensors = load((folder / MEMBER).read_bytes())
    if damage == "drop":
        del tensors["head.bias"]
    elif damage == "add":
        tensors["head.scale"] = torch.ones(1)
    else:
        tensors["head.weight"] = tensors["head.weight"][:2].contiguous()
    save_file(tensors, folder / MEMBER)
    replace_member(folder, folder / MEMBER)
    with pytest.raises(BrokenBundle, match=MEMBER):
        load_bundle(folder)


@pytest.mark.weights
def test_the_shipped_folder_is_complete_and_holds_nothing_else() -> None:
    folder = Path(__file__).parents[1] / "weights"
    bundle = load_bundle(folder)
    for row in bundle.manifest.rows:
        bundle.load_row(row)
    named = {weights.file for weights in bundle.manifest.files}
    named |= {"manifest.json", "selftest.json"}
    assert {p.name for p in folder.iterdir() if p.suffix in {".json", ".safetensors"}} == named
