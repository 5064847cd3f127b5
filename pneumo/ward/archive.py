"""Where films lie: files, folders and ZIP archives, fetched one by one.

An archive is never unpacked to disk, so that no name in it can lead anywhere; its entries are read
into memory one by one. What an archive says of itself is distrusted: a listing refuses links,
passwords, unusual packing and sizes or ratios that no film has, before anything is unpacked, and
the unpacking stops at the size declared.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from threading import Lock
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from pneumo.errors import UnreadableImage
from pneumo.radiograph import MAX_BYTES

MAX_ARCHIVE_BYTES = 1_000_000_000  # of an upload; a thousand JPEG films have about 300 MB
MAX_ENTRIES = 20_000
MAX_UNPACKED_BYTES = 20_000_000_000
# An entry takes 46 bytes and its name: room for names of 350 bytes, and a bound on what zipfile,
# which loads the whole directory at once, may take for it.
MAX_DIRECTORY_BYTES = 400 * MAX_ENTRIES
PIECE_BYTES = 1_000_000  # unpacked at a time
MAX_RATIO = 100  # unpacked / packed; a film with wide empty borders reaches about 20
MIN_RATIO_BYTES = 1_000_000  # below this a high ratio is a small blank picture and harms nobody

ARCHIVE_STARTS = (b"PK\x03\x04", b"PK\x05\x06")  # of one with entries, of an empty one
METHODS = (ZIP_STORED, ZIP_DEFLATED)  # an LZMA entry may ask for gigabytes of dictionary
ENCRYPTED = 0x1  # bit of an entry's flags (APPNOTE.TXT 4.4.4)
UNIX = 3  # the system whose file modes stand in an entry's attributes (APPNOTE.TXT 4.4.2)
JUNK = ("__MACOSX", "DICOMDIR", "Thumbs.db", "desktop.ini")
DAMAGE = (
    *(BadZipFile, EOFError, IndexError, NotImplementedError, OSError, ValueError),
    *(struct.error, zlib.error),
)


@dataclass(frozen=True)
class Source:
    """Where one film lies: a file, or an entry of a ZIP archive."""

    name: str  # as it is shown and exported
    path: Path  # of the file or of the archive
    entry: int | None = None  # position in the archive's directory
    refusal: str | None = None  # why it is not even fetched: one sentence for the clinician


class Shelf:
    """Fetches the bytes of sources, for several threads; the archive used last stays open.

    To be closed.
    """

    def __init__(self) -> None:
        self._turn = Lock()
        self._path: Path | None = None
        self._archive: ZipFile | None = None
        self._open = ExitStack()

    def fetch(self, source: Source) -> bytes:
        """The bytes of one film, at most ``MAX_BYTES``. Raises UnreadableImage."""
        if source.refusal is not None:
            raise UnreadableImage(source.refusal)
        if source.entry is None:
            return file_bytes(source.path, name=source.name)
        try:
            with self._turn:
                return self._unpacked(source.path, source.entry, name=source.name)
        except DAMAGE as error:
            raise UnreadableImage(
                "This film is damaged inside its archive; pack the archive again."
            ) from error

    def _unpacked(self, path: Path, position: int, *, name: str) -> bytes:
        archive = self._archive_at(path)
        entry = archive.infolist()[position]
        # Both held when the archive was listed; it may have been replaced since.
        if _refusal_of_entry(entry) or not name.endswith(f"/{entry.filename}"):
            raise BadZipFile("is another archive than the one listed")
        with archive.open(entry) as stream:  # unpacks no more than the declared size
            return b"".join(iter(partial(stream.read, PIECE_BYTES), b""))

    def _archive_at(self, path: Path) -> ZipFile:
        if self._archive is None or self._path != path:
            self.close()
            self._archive, self._path = self._open.enter_context(_zip(path)), path
        return self._archive

    def close(self) -> None:
        self._archive = None
        self._open.close()


def file_bytes(path: Path, *, name: str, limit_bytes: int | None = MAX_BYTES) -> bytes:
    """The bytes of one file, unread when it is larger than the limit. Raises UnreadableImage."""
    try:
        if limit_bytes is not None and path.stat().st_size > limit_bytes:
            raise UnreadableImage(too_large(path.stat().st_size))
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UnreadableImage(f"There is no file {name}; check its name.") from error
    except IsADirectoryError as error:
        raise UnreadableImage(f"{name} is a folder; name the films in it.") from error
    except OSError as error:
        raise UnreadableImage(f"{name} cannot be opened; check that you may read it.") from error


def in_folders(paths: Iterable[Path], *, leave_out: Path | None = None) -> Iterator[Source]:
    """The films of files, archives and folders, these in the order of their names.

    Folders that are links are not entered. For a program's own user only: whoever may name a
    folder learns what is in it.
    """
    for path in paths:
        for file in _files(path) if path.is_dir() else [path]:
            if leave_out is None or file.absolute() != leave_out.absolute():
                yield from films(Source(str(file), file))


def films(source: Source) -> Iterator[Source]:
    """The films of one file: itself, or the entries when it is an archive, damaged or not."""
    if not _is_archive(source.path):
        yield source
        return
    try:
        with _zip(source.path) as archive:
            entries = archive.infolist()
            packed = source.path.stat().st_size
    except DAMAGE:
        yield replace(source, refusal="This archive is damaged or too large; pack it again.")
        return
    listed = [(i, entry) for i, entry in enumerate(entries) if not _is_junk(entry.filename)]
    refusal = _refusal_of_archive([entry for _, entry in listed], packed_bytes=packed)
    if refusal is not None:
        yield replace(source, refusal=refusal)
        return
    for position, entry in listed:
        name = f"{source.name}/{entry.filename}"
        yield Source(name, source.path, position, _refusal_of_entry(entry))


def _files(folder: Path) -> Iterator[Path]:
    for parent, below, names in os.walk(folder):
        below[:] = sorted(name for name in below if not _is_junk(name))
        for name in sorted(names):
            file = Path(parent, name)
            if not _is_junk(name) and file.is_file():  # a pipe would keep the reader waiting
                yield file


def _is_junk(name: str) -> bool:
    """Folders, hidden files and what operating systems leave beside the films."""
    parts = PurePosixPath(name).parts
    hidden = (p.startswith(".") and not p.startswith("..") for p in parts)
    return name.endswith("/") or any(hidden) or any(p in JUNK for p in parts)


def _is_archive(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) in ARCHIVE_STARTS
    except OSError:
        return False  # the fetching says why


class _Pieces(io.FileIO):
    """A file that is read in pieces no larger than a directory may be."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise BadZipFile(f"asks for {size} bytes at once")
        return super().read(-1 if size is None else size) or b""


@contextmanager
def _zip(path: Path) -> Iterator[ZipFile]:
    with _Pieces(path, "rb") as file, ZipFile(file) as archive:
        yield archive


def _refusal_of_archive(entries: list[ZipInfo], *, packed_bytes: int) -> str | None:
    unpacked = sum(entry.file_size for entry in entries)
    if not entries:
        return "There is no film in this archive; pack the films themselves into it."
    if len(entries) > MAX_ENTRIES:
        return f"This archive holds more than {MAX_ENTRIES:,} files; split it."
    if unpacked > MAX_UNPACKED_BYTES:
        return f"This archive unpacks to more than {MAX_UNPACKED_BYTES // 10**9} GB; split it."
    # Entries that share their bytes (Fifield 2019, "A better zip bomb") add up to more than all.
    if sum(entry.compress_size for entry in entries) > packed_bytes:
        return "The films of this archive overlap, so it is damaged or made up; pack it again."
    return None


def _refusal_of_entry(entry: ZipInfo) -> str | None:
    if entry.create_system == UNIX and stat.S_ISLNK(entry.external_attr >> 16):
        return "This is a link and no film; pack the film itself into the archive."
    if entry.flag_bits & ENCRYPTED:
        return "This film is protected by a password; unpack the archive and open the films."
    if entry.compress_type not in METHODS:
        return "This film is packed in an unusual way; pack the archive as a plain ZIP."
    if entry.file_size > MAX_BYTES:
        return too_large(entry.file_size)
    if entry.file_size > max(MIN_RATIO_BYTES, MAX_RATIO * entry.compress_size):
        return f"This file unpacks to more than {MAX_RATIO} times its size, as no film does."
    return None


def too_large(size: int) -> str:
    """The refusal of a file of so many bytes."""
    return (
        f"This file has {size / 1e6:.0f} MB, above the limit of {MAX_BYTES // 10**6} MB;"
        " export the film at a lower resolution."
    )
