"""Archives that lie, lead elsewhere or swell: refused with a sentence, and never on the disk."""

from __future__ import annotations

import copy
import io
import random
import stat
from contextlib import closing
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile, ZipInfo

import pytest

from pneumo.errors import UnreadableImage
from pneumo.ward import archive
from pneumo.ward.archive import MAX_BYTES, Shelf, Source, films, in_folders

FILM = random.Random(0).randbytes(20_000)  # as little compressible as a film


def packed(path: Path, entries: dict[str, bytes], method: int = ZIP_DEFLATED) -> Path:
    with ZipFile(path, "w", method) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return path


def listed(path: Path) -> list[Source]:
    return list(films(Source(path.name, path)))


def fetched(source: Source) -> bytes:
    with closing(Shelf()) as shelf:
        return shelf.fetch(source)


def refusal(source: Source) -> str:
    with pytest.raises(UnreadableImage) as caught:
        fetched(source)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("method", [ZIP_STORED, ZIP_DEFLATED])
def test_each_film_of_an_archive_has_its_own_bytes_and_name(tmp_path: Path, method: int) -> None:
    entries = {"ward 3/a.png": FILM, "b.dcm": FILM[::-1], "empty.png": b""}
    sources = listed(packed(tmp_path / "films.zip", entries, method))
    assert [s.name for s in sources] == [f"films.zip/{name}" for name in entries]
    assert [fetched(s) for s in sources] == list(entries.values())


def test_an_archive_is_known_by_its_content_and_a_film_by_its_own(tmp_path: Path) -> None:
    assert len(listed(packed(tmp_path / "films.png", {"a.png": FILM, "b.png": FILM}))) == 2
    (tmp_path / "film.zip").write_bytes(FILM)
    (source,) = listed(tmp_path / "film.zip")
    assert fetched(source) == FILM


def test_a_film_larger_than_a_piece_comes_back_whole(tmp_path: Path) -> None:
    film = random.Random(1).randbytes(10 * archive.PIECE_BYTES + 7)
    assert len(film) > archive.MAX_DIRECTORY_BYTES
    for method in (ZIP_STORED, ZIP_DEFLATED):
        (source,) = listed(packed(tmp_path / "films.zip", {"a.png": film}, method))
        assert fetched(source) == film


def test_an_archive_in_the_long_format_is_read(tmp_path: Path) -> None:
    path = tmp_path / "films.zip"
    with ZipFile(path, "w") as file, file.open("a.png", "w", force_zip64=True) as entry:
        entry.write(FILM)
    (source,) = listed(path)
    assert fetched(source) == FILM


@pytest.mark.parametrize(
    "name", ["../../evil.png", "/etc/evil.png", "..\\evil.png", "C:\\evil.png"]
)
def test_no_name_in_an_archive_leads_anywhere(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    path = packed(tmp_path / "films.zip", {name: FILM})
    before = sorted(tmp_path.rglob("*"))
    (source,) = listed(path)
    assert fetched(source) == FILM
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/etc/evil.png").exists()


def test_a_link_in_an_archive_is_not_followed(tmp_path: Path) -> None:
    link = ZipInfo("film.png")
    link.create_system = archive.UNIX
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with ZipFile(tmp_path / "films.zip", "w") as file:
        file.writestr(link, "/etc/hostname")
    (source,) = listed(tmp_path / "films.zip")
    assert "link" in refusal(source)


def test_a_protected_film_is_refused_and_its_neighbour_read(tmp_path: Path) -> None:
    path = packed(tmp_path / "films.zip", {"locked.png": FILM, "open.png": FILM})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= archive.ENCRYPTED
    path.write_bytes(data)
    locked, neighbour = listed(path)
    assert "password" in refusal(locked)
    assert fetched(neighbour) == FILM


@pytest.mark.parametrize("method", [ZIP_BZIP2, ZIP_LZMA])
def test_unusual_packing_is_refused_unopened(tmp_path: Path, method: int) -> None:
    (source,) = listed(packed(tmp_path / "films.zip", {"a.png": FILM}, method))
    assert "plain ZIP" in refusal(source)


def test_an_entry_that_swells_is_refused_unopened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blank = bytes(archive.MIN_RATIO_BYTES)
    path = packed(
        tmp_path / "films.zip",
        {"huge.dcm": bytes(MAX_BYTES + 1), "blank.dcm": blank + b"\0", "small.png": blank},
    )
    huge, swelling, small = listed(path)
    monkeypatch.setattr(ZipFile, "open", lambda *_: pytest.fail("was opened"))
    assert "50 MB" in refusal(huge)
    assert "100 times" in refusal(swelling)
    monkeypatch.undo()
    assert fetched(small) == blank


def test_an_entry_longer_than_it_says_is_damaged(tmp_path: Path) -> None:
    path = packed(tmp_path / "films.zip", {"a.png": FILM})
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02") + 24  # the size declared in the directory
    data[at : at + 4] = (100).to_bytes(4, "little")
    path.write_bytes(data)
    (source,) = listed(path)
    assert "damaged" in refusal(source)


def test_films_that_share_their_bytes_are_refused_together(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        file.writestr("a.png", FILM)
        file.filelist += [copy.copy(file.filelist[0]) for _ in range(50)]
    (source,) = listed(path)
    assert "overlap" in refusal(source)


@pytest.mark.parametrize(
    ("limit", "value", "word"),
    [
        ("MAX_ENTRIES", 4, "more than 4 files"),
        ("MAX_UNPACKED_BYTES", 4 * len(FILM), "unpacks"),
        ("MAX_DIRECTORY_BYTES", 200, "too large"),
    ],
)
def test_an_archive_beyond_a_limit_is_one_refusal(
    tmp_path: Path, limit: str, value: int, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path / "films.zip", {f"{i}.png": FILM for i in range(5)})
    assert len(listed(path)) == 5
    monkeypatch.setattr(archive, limit, value)
    (source,) = listed(path)
    assert source.name == "films.zip"
    assert word in refusal(source)


def test_an_archive_inside_an_archive_stays_closed(tmp_path: Path) -> None:
    inner = packed(tmp_path / "inner.zip", {"a.png": FILM, "b.png": FILM}).read_bytes()
    (source,) = listed(packed(tmp_path / "outer.zip", {"inner.zip": inner}))
    assert fetched(source) == inner


@pytest.mark.parametrize(
    "entries", [{}, {"ward/": b"", "__MACOSX/._a.png": b"x", ".DS_Store": b""}]
)
def test_an_archive_without_a_film_says_so(tmp_path: Path, entries: dict[str, bytes]) -> None:
    (source,) = listed(packed(tmp_path / "films.zip", entries))
    assert "no film" in refusal(source)


def test_every_damage_to_an_archive_is_a_sentence(tmp_path: Path) -> None:
    whole = packed(tmp_path / "films.zip", {"ä.png": FILM[:300], "b.png": bytes(300)}).read_bytes()
    chance = random.Random(2)
    damaged = [whole[:length] for length in range(4, len(whole), 7)]
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(4, len(data))] = chance.randrange(256)
        damaged.append(bytes(data))
    path = tmp_path / "damaged.zip"
    refused = 0
    for data in damaged:
        path.write_bytes(data)
        for source in listed(path):
            try:
                assert len(fetched(source)) <= MAX_BYTES
            except UnreadableImage:
                refused += 1
    assert refused > len(damaged) / 2


def test_an_archive_replaced_while_it_is_read_is_a_refusal(tmp_path: Path) -> None:
    path = packed(tmp_path / "films.zip", {"a.png": FILM, "b.png": FILM})
    _, second = listed(path)
    packed(path, {"a.png": FILM})
    assert "damaged" in refusal(second)
    path.unlink()
    assert "damaged" in refusal(second)


def test_the_archive_read_last_stays_open_until_the_shelf_is_closed(tmp_path: Path) -> None:
    path = packed(tmp_path / "films.zip", {"a.png": FILM, "b.png": FILM})
    with closing(Shelf()) as shelf:
        assert [shelf.fetch(source) for source in listed(path)] == [FILM, FILM]
        (tmp_path / "other.png").write_bytes(b"other")
        assert shelf.fetch(Source("other.png", tmp_path / "other.png")) == b"other"
        opened = shelf._archive
    assert opened is not None
    assert opened.fp is None


def test_a_folder_gives_its_films_in_order_and_opens_its_archives(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2.png").write_bytes(FILM)
    (tmp_path / "1.png").write_bytes(FILM)
    (tmp_path / ".hidden").write_bytes(FILM)
    (tmp_path / "results.csv").write_text("x")
    (tmp_path / "elsewhere").symlink_to(tmp_path)
    packed(tmp_path / "c.zip", {"3.png": FILM})
    found = in_folders([tmp_path, Path("gone.png")], leave_out=tmp_path / "results.csv")
    names = [s.name.removeprefix(f"{tmp_path}/") for s in found]
    assert names == ["1.png", "c.zip/3.png", "b/2.png", "gone.png"]


def test_a_file_that_is_too_large_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "huge.dcm").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    monkeypatch.setattr(io, "open", lambda *_: pytest.fail("was opened"))
    assert "50 MB" in refusal(Source("huge.dcm", tmp_path / "huge.dcm"))


def test_a_file_that_cannot_be_had_is_named_and_not_placed(tmp_path: Path) -> None:
    assert refusal(Source("gone.png", tmp_path / "x")) == (
        "There is no file gone.png; check its name."
    )
    sentence = refusal(Source("ward", tmp_path))
    assert "folder" in sentence
    assert str(tmp_path) not in sentence
