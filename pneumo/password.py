"""The page's optional login: a file of ``user:hash`` lines, one per person, hashed by scrypt.

    python -m pneumo password NAME >> logins
    PNEUMO_AUTH=logins make demo

The work factors are those of OWASP's Password Storage Cheat Sheet for 32 MiB; each line names its
own, so that they can be raised for new passwords.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass
from pathlib import Path

from pneumo.errors import PneumoError

WORK, BLOCK, LANES = 2**15, 8, 3  # scrypt's N, r and p (RFC 7914)
MEMORY_BYTES = 2**27  # N x r x 128 bytes are needed; the most that a line of the file may ask for
SALT_BYTES, KEY_BYTES = 16, 32
MIN_LETTERS = 10


@dataclass(frozen=True)
class Hashed:
    """One password's hash."""

    work: int
    block: int
    lanes: int
    salt: bytes
    key: bytes

    @classmethod
    def of(cls, password: str, *, salt: bytes | None = None) -> Hashed:
        salt = salt or os.urandom(SALT_BYTES)
        return cls(WORK, BLOCK, LANES, salt, _key(password, salt, WORK, BLOCK, LANES))

    @classmethod
    def parse(cls, text: str) -> Hashed:
        """The hash that a line holds. Raises ValueError."""
        method, work, block, lanes, salt, key = text.split("$")
        if method != "scrypt" or len(key) != 2 * KEY_BYTES:
            raise ValueError(f"no scrypt hash: {method}")
        return cls(int(work), int(block), int(lanes), bytes.fromhex(salt), bytes.fromhex(key))

    def __str__(self) -> str:
        numbers = f"{self.work}${self.block}${self.lanes}"
        return f"scrypt${numbers}${self.salt.hex()}${self.key.hex()}"

    def fits(self, password: str) -> bool:
        """Whether this is the password, in a time that does not tell how much of it is right."""
        key = _key(password, self.salt, self.work, self.block, self.lanes)
        return hmac.compare_digest(key, self.key)


class Logins:
    """Who may come in."""

    def __init__(self, hashes: dict[str, Hashed]) -> None:
        self._hashes = hashes
        self._nobody = Hashed.of(os.urandom(SALT_BYTES).hex())

    @classmethod
    def read(cls, path: Path) -> Logins:
        """The people of a file. Raises PneumoError where a line is no login or nobody is named."""
        hashes = {}
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise PneumoError(f"The file of logins, {path}, cannot be read.") from error
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            user, _, text = line.strip().partition(":")
            try:
                hashes[user] = Hashed.parse(text)
            except ValueError as error:
                raise PneumoError(
                    f"Line {number} of {path} is no login; make it by `python -m pneumo password`."
                ) from error
        if not hashes:
            raise PneumoError(f"{path} names nobody; add a line by `python -m pneumo password`.")
        return cls(hashes)

    def admit(self, user: str, password: str) -> bool:
        """Whether this is a person and their password; an unknown name takes as long to refuse."""
        known = self._hashes.get(user)
        return (known or self._nobody).fits(password) and known is not None


def line(user: str, password: str) -> str:
    """A line of the file. Raises PneumoError for a name or password that would not do."""
    if not user or ":" in user or user != user.strip() or not user.isprintable():
        raise PneumoError("A name has no colon and no blank at its ends; choose another.")
    if len(password) < MIN_LETTERS:
        raise PneumoError(f"A password has at least {MIN_LETTERS} letters; choose a longer one.")
    return f"{user}:{Hashed.of(password)}"


def _key(password: str, salt: bytes, work: int, block: int, lanes: int) -> bytes:
    return hashlib.scrypt(
        password.encode(),
        salt=salt,
        n=work,
        r=block,
        p=lanes,
        maxmem=MEMORY_BYTES,
        dklen=KEY_BYTES,
    )
