"""Files appear whole or not at all."""

from __future__ import annotations

import os
import signal
import socket
import stat
import threading

import pytest

from convcli.errors import ImageError
from convcli.image import atomic
from convcli.image.atomic import write_atomic

OLD, NEW = b"old content", b"new content, longer"

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")


def content(folder):
    """Every file of a folder, hidden ones, too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_new_file_is_written(tmp_path):
    assert write_atomic(tmp_path / "a.png", NEW) == tmp_path / "a.png"
    assert content(tmp_path) == {"a.png": NEW}


def test_an_existing_file_is_kept(tmp_path):
    (tmp_path / "a.png").write_bytes(OLD)
    with pytest.raises(ImageError, match=r"'a.png' exists.*`overwrite`"):
        write_atomic(tmp_path / "a.png", NEW)
    assert content(tmp_path) == {"a.png": OLD}


def test_an_existing_file_is_replaced_if_asked(tmp_path):
    (tmp_path / "a.png").write_bytes(OLD)
    write_atomic(tmp_path / "a.png", NEW, overwrite=True)
    assert content(tmp_path) == {"a.png": NEW}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize(
    ("steps", "overwrite"),
    [
        (("fsync",), False),
        (("fsync",), True),
        (("replace",), True),
        (("link", "replace"), False),  # and no `_rename_to_free`
    ],
)
def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch, steps, error, overwrite):
    before = {"a.png": OLD} if overwrite else {}
    for name, old in before.items():
        (tmp_path / name).write_bytes(old)

    def fail(*_args, **_keywords):
        raise error

    for step in steps:
        monkeypatch.setattr(os, step, fail)
    monkeypatch.setattr(atomic, "_rename_to_free", fail)
    with pytest.raises(ImageError if isinstance(error, OSError) else KeyboardInterrupt):
        write_atomic(tmp_path / "a.png", NEW, overwrite)
    assert content(tmp_path) == before


def test_the_message_of_a_full_disk(tmp_path, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ImageError, match=r"^can't write: no space left on device$"):
        write_atomic(tmp_path / "a.png", NEW)


def test_without_hard_links(tmp_path, monkeypatch):
    def unknown(*_args, **_keywords):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", unknown)
    monkeypatch.setattr(atomic, "_rename_to_free", unknown)
    write_atomic(tmp_path / "a.png", NEW)
    with pytest.raises(ImageError, match="exists"):
        write_atomic(tmp_path / "a.png", OLD)
    assert content(tmp_path) == {"a.png": NEW}


WAYS = ["nameless", "linked", "renamed", "reserved"]


def take_way(way, monkeypatch):
    """Have a file get its name in a way that is taken where the system has no better one."""

    def unknown(*_args, **_keywords):
        raise OSError(95, "Operation not supported")

    if way in WAYS[1:]:
        monkeypatch.setattr(atomic, "_nameless", lambda folder: None)
    if way in WAYS[2:]:
        monkeypatch.setattr(os, "link", unknown)
    if way in WAYS[3:]:
        monkeypatch.setattr(atomic, "_rename_to_free", unknown)


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    """Each way in which a file gets its name."""
    take_way(request.param, monkeypatch)
    return request.param


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="only Linux renames to a free name")
def test_without_hard_links_a_killed_process_leaves_no_empty_result(tmp_path, monkeypatch):
    """A name that was taken first was left empty, and `--skip-existing` took it for a result."""
    take_way("renamed", monkeypatch)
    opened = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest: opened.append(path) or real(path, *rest))
    write_atomic(tmp_path / "a.png", NEW)
    assert content(tmp_path) == {"a.png": NEW}
    assert tmp_path / "a.png" not in opened


@pytest.mark.parametrize("after", [False, True])
def test_an_interrupt_while_a_name_is_reserved_leaves_nothing(tmp_path, monkeypatch, after):
    take_way("reserved", monkeypatch)
    real = os.open

    def interrupted(path, flags, *mode):
        handle = real(path, flags, *mode)
        if path == tmp_path / "a.png":
            raise KeyboardInterrupt
        return handle

    def replaced(temporary, target):
        os.rename(temporary, target)  # noqa: PTH104
        raise KeyboardInterrupt

    if after:
        monkeypatch.setattr(type(tmp_path), "replace", replaced)
    else:
        monkeypatch.setattr(os, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "a.png", NEW)
    assert content(tmp_path) == ({"a.png": NEW} if after else {})


def test_a_file_that_appears_meanwhile_is_kept(tmp_path, monkeypatch, way):
    """Another process takes the name after the check and before the last step."""
    real = atomic._fill

    def late(file, data):
        real(file, data)
        (tmp_path / "a.png").write_bytes(OLD)

    monkeypatch.setattr(atomic, "_fill", late)
    with pytest.raises(ImageError, match="exists"):
        write_atomic(tmp_path / "a.png", NEW)
    assert content(tmp_path) == {"a.png": OLD}


def test_a_file_that_appears_meanwhile_is_replaced_if_asked(tmp_path, monkeypatch, way):
    """It was refused, with the advice to use --overwrite."""
    real = atomic._fill

    def late(file, data):
        real(file, data)
        (tmp_path / "a.png").write_bytes(OLD)

    monkeypatch.setattr(atomic, "_fill", late)
    write_atomic(tmp_path / "a.png", NEW, overwrite=True)
    assert content(tmp_path) == {"a.png": NEW}


@pytest.mark.parametrize("overwrite", [False, True])
def test_every_way_writes(tmp_path, way, overwrite):
    if overwrite:
        (tmp_path / "a.png").write_bytes(OLD)
    write_atomic(tmp_path / "a.png", iter([NEW[:5], NEW[5:]]), overwrite)
    assert content(tmp_path) == {"a.png": NEW}


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="files without names are Linux's")
def test_nothing_has_a_name_before_it_is_whole(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append([*tmp_path.iterdir()]))
    handle = atomic._nameless(tmp_path)
    if handle is None:
        pytest.skip("this file system has no files without names")
    os.close(handle)
    write_atomic(tmp_path / "a.png", NEW)
    assert seen == [[]]


def test_a_file_without_a_name_that_can_have_none_is_written_again(tmp_path, monkeypatch):
    real = os.link

    def refuse(source, target, **options):
        if options:
            raise PermissionError(1, "not permitted")
        real(source, target)

    monkeypatch.setattr(os, "link", refuse)
    write_atomic(tmp_path / "a.png", iter([NEW]))
    assert content(tmp_path) == {"a.png": NEW}


def test_what_a_killed_process_left_is_swept_away(tmp_path):
    left = tmp_path / ".a.png.convcli-0123456789ab"
    left.write_bytes(OLD)
    mine = {".a.convcli-notes": OLD, "b.convcli-0123456789ab": OLD, "c.png": OLD}
    for name, data in mine.items():
        (tmp_path / name).write_bytes(data)
    atomic.sweep(tmp_path)
    assert content(tmp_path) == mine
    atomic.sweep(tmp_path / "none")


def test_what_is_still_being_written_is_not_swept_away(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "_nameless", lambda folder: None)

    def parts():
        yield NEW[:5]
        atomic.sweep(tmp_path)
        assert len(list(tmp_path.iterdir())) == 1
        yield NEW[5:]

    write_atomic(tmp_path / "a.png", parts())
    assert content(tmp_path) == {"a.png": NEW}


def test_what_is_swept_away_before_it_is_locked_is_made_anew(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(atomic, "_nameless", lambda folder: None)
    real, swept = fcntl.flock, []

    def late(handle, how):
        if not swept:
            swept.append(True)
            atomic.sweep(tmp_path)
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", late)
    write_atomic(tmp_path / "a.png", NEW)
    assert swept
    assert content(tmp_path) == {"a.png": NEW}


def test_one_of_many_wins(tmp_path):
    results = []

    def work(k):
        try:
            write_atomic(tmp_path / "a.png", bytes([k]) * 1000)
            results.append(k)
        except ImageError:
            pass

    threads = [threading.Thread(target=work, args=(k,)) for k in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 1
    assert content(tmp_path) == {"a.png": bytes(results) * 1000}


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_permissions_of_a_new_file(tmp_path, umask):
    before = os.umask(umask)
    try:
        path = write_atomic(tmp_path / "a.png", NEW)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


@posix
@pytest.mark.parametrize("mode", [0o640, 0o600, 0o444, 0o664])
def test_permissions_of_a_replaced_file(tmp_path, mode):
    path = tmp_path / "a.png"
    path.write_bytes(OLD)
    path.chmod(mode)
    write_atomic(path, NEW, overwrite=True)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@posix
def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.png").write_bytes(OLD)
    (tmp_path / "link.png").symlink_to("real/a.png")
    write_atomic(tmp_path / "link.png", NEW, overwrite=True)
    assert (tmp_path / "link.png").is_symlink()
    assert content(tmp_path / "real") == {"a.png": NEW}


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ImageError, match="it is a folder"):
        write_atomic(tmp_path, NEW, overwrite=True)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ImageError, match="there is no folder"):
        write_atomic(tmp_path / "none" / "a.png", NEW)


@pytest.mark.parametrize("name", ["x" * 251 + ".png", "ä" * 125 + ".png", "-rf.png", " .png"])
def test_long_and_odd_names(tmp_path, name):
    write_atomic(tmp_path / name, NEW)
    assert content(tmp_path) == {name: NEW}


# Names of temporary files that stand for something else.

STALE = ".a.png.convcli-0123456789ab"


@pytest.fixture
def hangs_not():
    """Interrupt a test that waits for a FIFO's other end."""
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it waits"))
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def _socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


OTHERS = {
    "FIFO": os.mkfifo if hasattr(os, "mkfifo") else None,
    "socket": _socket,
    "folder": lambda path: path.mkdir(),
    "link": lambda path: path.symlink_to("mine.txt"),
    "link to nowhere": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path.name),
}


@posix
@pytest.mark.usefixtures("hangs_not")
@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_regular_file_is_neither_opened_nor_swept_away(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").write_bytes(OLD)
    OTHERS[kind](tmp_path / STALE)
    (tmp_path / ".b.png.convcli-0123456789ab").write_bytes(OLD)
    atomic.sweep(".")
    assert sorted(path.name for path in tmp_path.iterdir()) == [STALE, "mine.txt"]
    assert (tmp_path / "mine.txt").read_bytes() == OLD


@posix
@pytest.mark.usefixtures("hangs_not")
@pytest.mark.parametrize("kind", ["FIFO", "link", "file"])
def test_what_takes_the_name_while_it_is_looked_at_stays(kind, tmp_path, monkeypatch):
    """In a folder that others can write to a name may stand for something else at any time."""
    (tmp_path / "mine.txt").write_bytes(OLD)
    stale = tmp_path / STALE
    stale.write_bytes(OLD)
    real = os.lstat
    swapped = []

    def swap(path):
        found = real(path)
        if not swapped:
            swapped.append(path)
            stale.rename(tmp_path / "old")
            if kind == "file":
                stale.write_bytes(NEW)
            else:
                OTHERS[kind](stale)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", swap)
        atomic.sweep(tmp_path)
    assert swapped
    assert sorted(path.name for path in tmp_path.iterdir()) == [STALE, "mine.txt", "old"]


@posix
def test_another_users_files_are_not_swept_away(tmp_path, monkeypatch):
    (tmp_path / STALE).write_bytes(OLD)
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        atomic.sweep(tmp_path)
    assert content(tmp_path) == {STALE: OLD}
    atomic.sweep(tmp_path)
    assert content(tmp_path) == {}


def test_names_of_all_characters_are_swept_away(tmp_path):
    (tmp_path / ".two\nlines.png.convcli-0123456789ab").write_bytes(OLD)
    atomic.sweep(tmp_path)
    assert content(tmp_path) == {}


@posix
def test_who_keeps_a_temporary_file_locked_is_not_waited_for_long(tmp_path, monkeypatch):
    """Whoever can read it could do so for ever."""
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(atomic, "_nameless", lambda folder: None)
    monkeypatch.setattr(atomic, "_PATIENCE", 0.05)

    def refuse(_handle, how):
        assert how & fcntl.LOCK_NB
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(fcntl, "flock", refuse)
    write_atomic(tmp_path / "a.png", NEW)
    assert content(tmp_path) == {"a.png": NEW}


@posix
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("link.png", "too many levels of symbolic links"),
        ("a.png/x.png", "not a directory"),
        ("x" * 300, "file name too long"),
    ],
)
def test_a_link_that_leads_nowhere_is_one_line(to, words, overwrite, tmp_path):
    (tmp_path / "a.png").write_bytes(OLD)
    (tmp_path / "link.png").symlink_to(to)
    with pytest.raises(ImageError, match=f"^can't write: {words}$"):
        write_atomic(tmp_path / "link.png", NEW, overwrite)
    assert (tmp_path / "link.png").is_symlink()


def test_a_name_that_no_file_can_have_is_one_line(tmp_path):
    with pytest.raises(ImageError, match="no file can have this name"):
        write_atomic(tmp_path / "a\0.png", NEW)
