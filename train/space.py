"""Publish the app itself: the code, without weights/, as a Hugging Face Space.

    python -m train.space --repo OWNER/NAME [--dry-run]

Run it after ``train.publish`` has uploaded the weights: the Space takes them from the Hub at the
pin in pneumo/pin.json. What is pushed is what git tracks in this folder, except weights/ and the
tests; README.md, whose front matter configures the Space, gains ``models`` and
``preload_from_hub`` from the pin. Files that the Space no longer needs are removed there.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from httpx2 import HTTPError
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, SpaceCard

from pneumo.errors import PneumoError
from pneumo.hub import PIN, Pin, load_pin

ROOT = Path(__file__).parents[1]
README = "README.md"
LEFT_OUT = ("weights", "tests", ".ci")  # the weights come from the Hub; the rest serves nobody
KEPT = {"weights/MODEL_CARD.md"}  # the About tab shows it
UNTOUCHED = {".gitattributes"}  # the Hub's own


def tracked(root: Path) -> list[str]:
    """Paths that git tracks, relative to ``root``, without what a Space does not need."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True
    ).stdout
    names = [name for name in listed.split("\0") if name and (root / name).is_file()]
    return [name for name in names if PurePosixPath(name).parts[0] not in LEFT_OUT or name in KEPT]


def configured(readme: str, pin: Pin) -> str:
    """README with the weights' repository in its front matter, pulled when the Space is built."""
    card = SpaceCard(readme)
    card.data.models = [pin.repo]
    card.data["preload_from_hub"] = [pin.repo]
    return str(card)


def contents(root: Path, pin: Pin) -> dict[str, bytes | Path]:
    """Path on the Space -> what lies there."""
    files: dict[str, bytes | Path] = {name: root / name for name in tracked(root)}
    files[README] = configured((root / README).read_text(), pin).encode()
    return files


def upload(repo: str, files: dict[str, bytes | Path]) -> str:
    """Make the Space hold exactly these files; returns the commit's address."""
    api = HfApi()
    api.create_repo(repo, repo_type="space", space_sdk="gradio", exist_ok=True)
    there = set(api.list_repo_files(repo, repo_type="space"))
    stale = there - files.keys() - UNTOUCHED
    commit = api.create_commit(
        repo,
        [
            *(CommitOperationAdd(name, source) for name, source in files.items()),
            *(CommitOperationDelete(name) for name in sorted(stale)),
        ],
        repo_type="space",
        commit_message="Publish the app",
    )
    return str(commit.commit_url)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repo", metavar="OWNER/NAME", required=True)
    parser.add_argument("--dry-run", action="store_true", help="list the files, upload nothing")
    options = parser.parse_args(arguments)
    try:
        files = contents(ROOT, load_pin(PIN))
        if options.dry_run:
            for name in sorted(files):
                print(name)
            print(f"dry run: {len(files)} files were not uploaded to {options.repo}")
        else:
            print(f"published: {upload(options.repo, files)}")
    except PneumoError as error:
        raise SystemExit(str(error)) from error
    except (HTTPError, OSError) as error:
        raise SystemExit(f"The upload failed: {error}") from error


if __name__ == "__main__":
    main()
