"""The published weights, pulled from the Hugging Face Hub at one pinned revision.

``pin.json`` beside this file names the repository, the tag and the sha256 of the manifest; the
manifest names every other file with its own. A tag that was moved, or a file that was altered on
the way, is therefore a ``BrokenBundle``. ``train.publish`` writes the pin. The files stay in the
Hub's cache (``HF_HOME``), from where later starts take them without a network.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from pneumo.bundle import MANIFEST, Bundle, from_json, load_bundle
from pneumo.errors import BrokenBundle

PIN = Path(__file__).with_name("pin.json")
FILES = [MANIFEST, "selftest.json", "*.safetensors"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pin:
    """Exactly one set of published weights."""

    repo: str  # owner/name
    revision: str  # a tag: a commit could not contain its own hash
    manifest_sha256: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", self.repo) or not self.revision:
            raise ValueError(f"no repository and revision: {self}")
        if not re.fullmatch(r"[0-9a-f]{64}", self.manifest_sha256):
            raise ValueError(f"no sha256: {self.manifest_sha256}")


def load_pin(path: Path = PIN) -> Pin:
    """Parse a pin strictly. Raises BrokenBundle."""
    try:
        pin: Pin = from_json(Pin, json.loads(path.read_text()))
    except FileNotFoundError as error:
        raise BrokenBundle(
            "There are no weights in weights/ and none were published for this version; name a "
            "weights folder in PNEUMO_WEIGHTS."
        ) from error
    except (OSError, TypeError, ValueError, KeyError) as error:
        raise BrokenBundle(f"{path.name} cannot be used ({error}); install Pneumo anew.") from error
    return pin


def load_published(pin: Pin | None = None) -> Bundle:
    """The pinned weights, from the local cache where they are whole, else downloaded.

    Raises BrokenBundle when they can neither be found nor downloaded, or are not the pinned ones.
    """
    pin = pin or load_pin()
    damaged = False
    try:
        # The cache first: no start waits for a network that it does not need.
        return _checked(Path(_snapshot(pin, local_files_only=True)), pin)
    except LocalEntryNotFoundError:
        log.info("%s at %s is not complete in the cache", pin.repo, pin.revision)
    except BrokenBundle as error:
        # Without force the same damaged copy would be found again at every start.
        log.warning("the cached weights are damaged: %s", error)
        damaged = True
    folder = _downloaded(pin, afresh=damaged)
    try:
        return _checked(folder, pin)
    except BrokenBundle as error:
        raise BrokenBundle(
            f"The weights of {pin.repo} at {pin.revision} are not the pinned ones "
            f"({str(error).rstrip('.')}); try again later, or put the weights into weights/."
        ) from error


def _checked(folder: Path, pin: Pin) -> Bundle:
    """Read a downloaded folder whose manifest is the pinned one. Raises BrokenBundle."""
    try:
        actual = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    except OSError as error:
        raise BrokenBundle(f"{MANIFEST} is missing.") from error
    if actual != pin.manifest_sha256:
        raise BrokenBundle(
            f"{MANIFEST}: sha256 {actual[:12]}, the pin says {pin.manifest_sha256[:12]}."
        )
    return load_bundle(folder)


def _downloaded(pin: Pin, *, afresh: bool) -> Path:
    """The folder of a finished download. Raises BrokenBundle."""
    try:
        return Path(_snapshot(pin, force_download=afresh))
    except RevisionNotFoundError as error:
        raise BrokenBundle(
            f"{pin.repo} holds no weights {pin.revision}; update Pneumo, or put the weights into "
            "weights/."
        ) from error
    except RepositoryNotFoundError as error:
        raise BrokenBundle(
            f"The Hub shows no repository {pin.repo} to this computer; log in with `hf auth login` "
            "if it is private, or put the weights into weights/."
        ) from error
    except LocalEntryNotFoundError as error:
        raise BrokenBundle(
            f"The weights are not on this computer and {pin.repo} cannot be reached; connect to "
            "the internet once, or put the weights into weights/."
        ) from error
    except (HTTPError, OSError, ValueError) as error:
        raise BrokenBundle(
            f"The weights of {pin.repo} could not be downloaded completely; check the network and "
            "the free disk space, and start again."
        ) from error


def _snapshot(pin: Pin, *, local_files_only: bool = False, force_download: bool = False) -> str:
    return snapshot_download(
        pin.repo,
        revision=pin.revision,
        allow_patterns=FILES,
        local_files_only=local_files_only,
        force_download=force_download,
    )
