"""Publish the weights: their card, their pin, and their place on the Hugging Face Hub.

    python -m train.publish [--repo OWNER/NAME] [--revision TAG] [--change TEXT] [--dry-run]

Run it after train.calibrate and train.evaluate. It names the repository and the tag in
weights/manifest.json, pins that manifest in pneumo/pin.json, notes the version in
train/results/versions.json, writes weights/MODEL_CARD.md, and uploads (about a minute for 100 MB
on a fast line; log in with ``hf auth login`` first). ``--dry-run`` does all but the upload and
lists what would be uploaded. Running it again changes nothing: a tag is never moved.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import EntryNotFoundError, RevisionNotFoundError

from pneumo.bundle import MANIFEST, Manifest, load_bundle, load_manifest
from pneumo.errors import BrokenBundle, PneumoError
from pneumo.hub import PIN, Pin, load_pin
from pneumo.selftest import SELFTEST, load_answer
from train import card, record

WEIGHTS = Path(__file__).parents[1] / "weights"
README = "README.md"  # what the Hub calls a card


@dataclass(frozen=True)
class Places:
    """Where publishing reads and writes."""

    weights: Path = WEIGHTS
    results: Path = record.RESULTS
    pin: Path = PIN


def bind(places: Places, repo: str | None, revision: str | None) -> Pin:
    """Name repository and tag in the manifest and pin it. Ends the program without a repository."""
    path = places.weights / MANIFEST
    manifest = load_manifest(path)
    repo = repo or manifest.hub_repo or (load_pin(places.pin).repo if places.pin.exists() else "")
    if not repo:
        raise SystemExit("Name the repository once: python -m train.publish --repo OWNER/NAME")
    bound = dataclasses.replace(manifest, hub_repo=repo, hub_revision=revision or tag_of(manifest))
    if bound != manifest:
        path.write_text(json.dumps(dataclasses.asdict(bound), indent=1) + "\n")
    pin = Pin(repo, bound.hub_revision, record.sha256_of(path))
    places.pin.write_text(json.dumps(dataclasses.asdict(pin), indent=1) + "\n")
    return pin


def tag_of(manifest: Manifest) -> str:
    """A tag per set of files: the revision, and short hashes of the rows and of the gate."""
    rows = f"-{record.rows_sha256(manifest)[:6]}" if manifest.rows else ""
    gate = f"-{manifest.gate.sha256[:6]}" if manifest.gate else ""
    return f"weights-{manifest.revision}{rows}{gate}"


def described(manifest: Manifest) -> str:
    """The ensemble in a few words, for its first line in the version history."""
    kinds = Counter((m.architecture, m.geometry, m.size_px) for m in manifest.members)
    return "; ".join(f"{n} {a} by {g} at {s} px" for (a, g, s), n in kinds.items())


def note_version(path: Path, manifest: Manifest, change: str | None) -> None:
    """Keep one line per revision in versions.json, newest last."""
    versions = json.loads(path.read_text()) if path.exists() else []
    known = next((v for v in versions if v["weights"] == manifest.revision), None)
    if known is None:
        known = {"weights": manifest.revision, "created": manifest.created, "change": ""}
        versions.append(known)
    known["change"] = change or known["change"] or described(manifest)
    record.write(path, versions)


def contents(places: Places) -> dict[str, Path]:
    """Path on the Hub -> file here: what the manifest names, the manifest, and the card."""
    bundle = load_bundle(places.weights)  # strict: nothing damaged is published
    for row in bundle.manifest.rows:
        bundle.load_row(row)
    manifest = bundle.manifest
    if load_answer(places.weights).weights != manifest.revision:
        raise BrokenBundle("The self-test is of other weights; run `python -m train.selftest`.")
    names = [MANIFEST, SELFTEST, *(weights.file for weights in manifest.files)]
    return {README: places.weights / card.CARD, **{name: places.weights / name for name in names}}


def tagged_manifest(api: HfApi, pin: Pin) -> str | None:
    """The sha256 of the manifest that the tag stands for on the Hub; None without such a tag."""
    try:
        path = api.hf_hub_download(pin.repo, MANIFEST, revision=pin.revision)
    except (RevisionNotFoundError, EntryNotFoundError):
        return None
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def upload(pin: Pin, files: dict[str, Path]) -> str:
    """Commit the files and tag the commit; returns its address. Ends the program if it may not."""
    api = HfApi()
    api.create_repo(pin.repo, exist_ok=True)
    there = tagged_manifest(api, pin)
    if there not in (None, pin.manifest_sha256):
        raise SystemExit(
            f"{pin.repo} already has other weights at {pin.revision}, and installations rely on "
            "them; choose another --revision."
        )
    stale = {f for f in api.list_repo_files(pin.repo) if f.endswith(".safetensors")} - set(files)
    commit = api.create_commit(
        pin.repo,
        [
            *(CommitOperationAdd(name, path) for name, path in files.items()),
            *(CommitOperationDelete(name) for name in sorted(stale)),
        ],
        commit_message=f"Publish {pin.revision}",
    )
    if there is None:
        api.create_tag(pin.repo, tag=pin.revision, revision=commit.oid)
    return str(commit.commit_url)


def publish(
    places: Places, *, repo: str | None, revision: str | None, change: str | None, dry_run: bool
) -> None:
    """Bind, pin, describe, and unless it is a dry run upload."""
    pin = bind(places, repo, revision)
    note_version(places.results / "versions.json", load_manifest(places.weights / MANIFEST), change)
    card.write_card(places.weights, places.results)
    files = contents(places)
    for name, path in files.items():
        print(f"{path.stat().st_size / 1e6:9.3f} MB  {name}")
    if dry_run:
        print(f"dry run: nothing was uploaded to {pin.repo} at {pin.revision}")
    else:
        print(f"published {pin.revision}: {upload(pin, files)}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repo", metavar="OWNER/NAME", help="default: the one named before")
    parser.add_argument("--revision", metavar="TAG", help="default: weights-REVISION-ROWS-GATE")
    parser.add_argument("--change", metavar="TEXT", help="what is new, for the version history")
    parser.add_argument("--dry-run", action="store_true", help="write the files, upload nothing")
    options = parser.parse_args(arguments)
    try:
        publish(Places(), **vars(options))
    except PneumoError as error:
        raise SystemExit(str(error)) from error
    except (HTTPError, OSError) as error:
        raise SystemExit(f"The upload failed: {error}") from error


if __name__ == "__main__":
    main()
