"""Memory: what is foretold is what is taken, no more is begun than fits, and a want of it is one
line."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections import deque
from contextlib import suppress

import numpy as np
import peaks
import pytest
from command import call, program
from marks import exhaustive_but

from convcli import memory, read_frames, threads, write_frames
from convcli.batch import Common, Job, Writing
from convcli.batch.estimate import estimate
from convcli.batch.jobs import BatchLimits
from convcli.batch.memory_budget import MemoryBudget
from convcli.batch.worker_pool import WorkerPool
from convcli.cli.filtering import _KernelFilter
from convcli.engine.thread_pool import run_bands
from convcli.errors import ImageError
from convcli.image import parallel as on
from convcli.image.extent import ALLOWANCE
from convcli.image.files import encode, read, write
from convcli.image.guard import guard
from convcli.image.header import peek_into
from convcli.image.image import Image
from convcli.image.png.inflate import Inflating
from convcli.image.recognise import header_of
from convcli.image.source import facts_of, load
from convcli.kernels import parse_kernel
from convcli.spec import Spec

linux = pytest.mark.skipif(sys.platform != "linux", reason="limits are kept as on Linux")
PIXELS = np.arange(30 * 40 * 3, dtype=np.uint32).reshape(30, 40, 3).astype(np.uint8)


# What is foretold


def common(*kernels, spec=None, writing=None):
    work = _KernelFilter(tuple(map(parse_kernel, kernels)), spec or Spec(), False)
    return Common(work, writing or Writing(), None)


@linux
@pytest.mark.parametrize(
    "case",
    [
        peaks.Case("a.jpg", "unsharp:sigma=2", {"luma": True}, ".jpg"),
        *exhaustive_but(
            [],
            [
                peaks.Case("a.png"),
                peaks.Case("a.png", "gaussian:sigma=2", {"linear": True}),
                peaks.Case("4.png", "gaussian:sigma=2"),
                peaks.Case("a.webp", suffix=".webp"),
                peaks.Case("z.tif", suffix=".tif", compare=True),
            ],
        ),
    ],
    ids=str,
)
def test_what_is_foretold_is_what_is_taken(case, tmp_path):
    taken, said = peaks.measure(case, tmp_path, (2000, 3000))
    assert 0.8 * taken <= said <= 2.2 * taken, (taken, said)


KINDS = {
    **{f"L.{s}": PIXELS[..., 0] for s in ("png", "jpg", "tif", "pgm", "npy", "jp2", "jxl")},
    **{f"RGB.{s}": PIXELS for s in ("png", "jpg", "tif", "ppm", "npy")},
    **{f"RGB.{s}": PIXELS for s in ("jp2", "jxl", "webp", "bmp", "avif")},
    **{f"RGBA.{s}": np.dstack((PIXELS, PIXELS[..., 0]))
       for s in ("png", "tif", "webp", "avif", "jp2", "jxl")},
    **{f"wide.{s}": PIXELS.astype(np.uint16) * 257
       for s in ("png", "tif", "ppm", "npy", "jp2", "jxl")},
    **{f"float.{s}": PIXELS.astype(np.float32) for s in ("tif", "npy", "pfm", "jxl")},
    **{f"double.{s}": PIXELS.astype(np.float64) for s in ("tif", "npy")},
    **{f"bool.{s}": PIXELS[..., 0] > 99 for s in ("png", "tif", "pbm")},
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_a_header_says_what_is_read(name):
    data = encode(Image(KINDS[name]), "." + name.split(".")[1])
    found, image = header_of(peek_into(data), load(data)[1]), read(data)
    assert found.size == image.size
    assert (found.channels, found.dtype) == (len(image.channels), image.pixels.dtype.name)
    assert found.nbytes == image.pixels.nbytes


@pytest.mark.parametrize("suffix", ["png", "gif", "webp", "tif", "avif", "jxl"])
def test_a_header_says_what_frames_are_like(suffix, tmp_path):
    path = tmp_path / f"a.{suffix}"
    write_frames(path, [Image(PIXELS), Image(PIXELS[::-1].copy()), Image(PIXELS)])
    data = path.read_bytes()
    found = header_of(peek_into(data), load(data)[1])
    assert found.size == (30, 40)
    assert found.channels >= len(read_frames(path)[0].channels)
    assert found.frames > 1 or suffix == "gif"


@pytest.mark.parametrize("name", KINDS)
def test_headers_cut_short_are_no_reason_to_fail(name):
    data, format = encode(Image(KINDS[name]), "." + name.split(".")[1]), ""
    format = load(data)[1]
    for size in range(0, min(len(data), 200), 7):
        header_of(peek_into(data[:size]), format)


def test_directories_that_lie_upon_one_another_are_left_soon():
    """Four thousand pages of sixty thousand entries in less than a megabyte."""
    count = 60_000
    page = struct.pack("<H", count) + struct.pack("<HHII", 256, 4, 1, 9) * count
    data = b"II*\0" + struct.pack("<I", 8) + page
    start = time.process_time()
    header_of(peek_into(data), "TIFF")
    assert time.process_time() - start < 2


FLAT = zlib.compress(bytes(1000))


def flat(rows, cols):
    """A PNG file that says it is large; nobody reads more than its header."""
    chunks = (b"IHDR", struct.pack(">IIBBBBB", cols, rows, 8, 2, 0, 0, 0)), (b"IDAT", FLAT)
    parts = [
        struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def estimated(common, job):
    """What an image takes at its peak, told from its header."""
    return estimate(common.work, common.writing, job)


def test_options_count_before_a_file_is_read(tmp_path):
    """Half a megabyte that becomes 179 megapixels takes half a gigabyte, and strips."""
    path = tmp_path / "a.png"
    path.write_bytes(flat(13377, 13377))
    job = Job(str(path), str(tmp_path / "b.png"))
    samples = 13377 * 13377 * 3
    plain = estimated(common("box3"), job)
    assert samples <= plain <= 1.2 * samples
    linear = estimated(common("box3", spec=Spec(linear=True)), job)
    assert plain < linear < plain + 2**27
    luma = estimated(common("box3", spec=Spec(luma=True)), job)
    assert plain < luma < plain + 2**27
    assert estimated(common("box3", "box3"), job) > plain
    assert estimated(common("box3", writing=Writing(compare="c.png")), job) > 1.5 * plain
    assert estimated(common("box3", spec=Spec(padding="full")), job) >= plain
    assert estimated(common("box3"), Job(str(path), str(tmp_path / "b.avif"))) > 5 * plain


def test_nothing_begins_beside_what_has_no_header(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(996))
    size = estimated(common("box3"), Job(str(tmp_path / "a.jpg"), "b.png"))
    room = MemoryBudget(2**30)
    assert room.fits(size)
    room.enter(0, size)
    assert not room.fits(1)
    room.leave(0)
    room.enter(1, 1)
    assert not room.fits(size)
    (tmp_path / "no.png").write_bytes(b"no image")
    for source in ("no.png", "none.png", "."):
        assert estimated(common("box3"), Job(str(tmp_path / source), "b.png")) == 0
    assert estimated(common("box3"), Job("-", "b.png")) == 0


@pytest.mark.parametrize("before", [0, 10, 5_000, 200_000, 3_000_000])
def test_a_jpeg_s_header_is_found_behind_what_stands_before_it(before, tmp_path):
    """Bytes that belong to no segment, as libjpeg skips them, and previews in segments."""
    data = encode(Image(np.zeros((600, 800, 3), np.uint8)), "JPEG")
    plain, path = header_of(peek_into(data), "JPEG"), tmp_path / "a.jpg"
    first = b"\xff\xe0\0\4ab"
    preview = first + b"".join(b"\xff\xe2\xff\xff" + bytes(65533) for _ in range(before // 65537))
    for between in (preview, preview + b"stray"):
        path.write_bytes(data[:2] + between + data[2:])
        assert facts_of(path) == plain
        assert plain.size == (600, 800)


def test_a_second_one_begins_only_if_there_is_room(tmp_path, monkeypatch):
    """The first of three takes 4 GB, whatever its file is like; then it is let go."""
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(flat(13377, 13377))
    jobs = [Job(str(tmp_path / f"{name}.png"), str(tmp_path / f"{name}.tif")) for name in "abc"]
    pool = WorkerPool(jobs, common("box3", spec=Spec(linear=True)), BatchLimits(2, 1))
    begun = []
    monkeypatch.setattr(WorkerPool, "start", lambda self: True)
    monkeypatch.setattr(WorkerPool, "_free", lambda self, alone: object())

    def begin(self, slot, place, size):
        begun.append(place)
        self._room.enter(place, size)

    monkeypatch.setattr(WorkerPool, "_begin", begin)
    assert list(pool._hand_out()) == []
    assert begun == [0]
    pool._room.leave(0)
    assert list(pool._hand_out()) == []
    assert begun == [0, 1]


def test_no_second_one_begins_where_the_machine_has_nothing_left(monkeypatch):
    room = MemoryBudget(2**40)
    room.enter(0, 2**28)
    monkeypatch.setattr(memory, "left", lambda: 2**27)
    assert room.fits(2**27)
    assert not room.fits(2**28)
    room.leave(0)
    assert room.fits(2**28)


@linux
def test_what_is_left_is_asked_of_the_system():
    assert 2**20 < memory.left() < 2**46


# No more is read than an image can take


class Endless(io.RawIOBase):
    """A stream that begins with some bytes and has no end."""

    def __init__(self, head, fill=b"\0"):
        self._head, self._fill, self.given = head, fill, 0

    def read(self, size=-1):
        assert size >= 0, "without end"
        found = self._head[:size]
        self._head = self._head[len(found) :]
        found += self._fill * ((size - len(found)) // len(self._fill))
        self.given += len(found)
        return found


ENDLESS = {
    "png": 0,
    "jpg": 0,
    "webp": 0,
    "avif": 0,
    "gif": 0,
    "jp2": 0,
    "jxl": 0,
    "bmp": 0,
    "ppm": 0,
    "npy": 0,
    "tif": 0,
}


@pytest.mark.parametrize("suffix", ENDLESS)
@pytest.mark.parametrize("fill", exhaustive_but([b"\0"], [b"\0", b"y\n", b"\xff"]))
def test_a_stream_without_end_is_left(suffix, fill):
    data = encode(Image(PIXELS), "." + suffix)
    stream = Endless(data, fill)
    try:
        image = read(stream)
    except ImageError:
        assert suffix in ("jp2", "avif", "bmp", "webp")
    else:
        # What follows a whole image does no harm.
        assert image.size == (30, 40)
    assert stream.given < 2 * ALLOWANCE + 2**23
    cut = Endless(data[: len(data) // 2], fill)
    with suppress(ImageError):
        read(cut)
    assert cut.given < 2 * ALLOWANCE + 2**23


def test_a_stream_that_is_no_image_is_left_at_once():
    stream = Endless(b"", b"y\n")
    with pytest.raises(ImageError, match="not an image"):
        read(stream)
    assert stream.given <= 512


def test_a_stream_of_too_many_pixels_is_left_at_once():
    stream = Endless(flat(20_000, 20_000))
    with pytest.raises(ImageError, match="`max_pixels`"):
        read(stream)
    assert stream.given <= 2**23


def test_a_stream_is_left_before_memory_ends(monkeypatch):
    monkeypatch.setattr(memory, "left", lambda: 2**20)
    monkeypatch.setattr("convcli.image.source._LOOK", 2**24)
    with pytest.raises(ImageError, match=r"goes on after \d+ MB"):
        load(Endless(encode(Image(PIXELS), "TIFF")))


@pytest.mark.parametrize(
    "suffix", ["png", "jpg", "gif", "webp", "ppm", "npy", "bmp", "jxl", "jp2", "avif"]
)
def test_what_is_behind_an_image_is_not_read(suffix, tmp_path):
    """Three gigabytes that take no room on the disk."""
    path = tmp_path / f"a.{suffix}"
    write(path, Image(PIXELS))
    data = path.read_bytes()
    with path.open("r+b") as file:
        file.truncate(3 * 2**30)
    assert len(load(path)[0]) <= 2 * ALLOWANCE
    assert read(path).size == read(data).size


def test_a_sparse_file_with_a_header_is_refused_soon(tmp_path):
    for head, name in (
        (encode(Image(PIXELS), "PNG")[:33], "a.png"),
        (encode(Image(PIXELS), "GIF")[:13], "a.gif"),
    ):
        path = tmp_path / name
        path.write_bytes(head)
        with path.open("r+b") as file:
            file.truncate(3 * 2**30)
        start = time.process_time()
        said = call("apply", "box3", path, "-o", tmp_path / "b.png")
        assert said.status == 1
        assert len(said.lines) == 1
        assert time.process_time() - start < 5
        explained = call("explain", "box3", path)
        assert explained.status == 1


def test_standard_input_is_read_as_far_as_needed(tmp_path):
    asked = program("apply", "box3", "-", "-o", tmp_path / "x.png")
    with subprocess.Popen(**asked, stdin=subprocess.PIPE) as process:
        given = 0
        try:
            while given < 2**28:
                given += os.write(process.stdin.fileno(), b"y\n" * 2**15)
        except BrokenPipeError:
            pass
        with suppress(BrokenPipeError):
            process.stdin.close()
        err = process.stderr.read()
    assert process.returncode == 1
    assert b"not an image" in err
    assert given < 2**24


def test_a_file_is_held_once(tmp_path):
    """Also one that is larger than what is read at once."""
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((5000, 5000, 4), np.uint8))
    import tracemalloc

    for source in (str(path), path.open("rb"), Endless(path.read_bytes())):
        tracemalloc.start()
        data, _ = load(source)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(data) >= 100_000_000
        assert peak < 1.35 * len(data)
        del data
        getattr(source, "close", bool)()


@linux
def test_a_file_that_says_it_has_no_bytes_is_read():
    with pytest.raises(ImageError, match="not an image"):
        load("/proc/self/status")


# Threads that can't be had


@pytest.fixture(params=["refused", "silent"])
def no_threads(request, monkeypatch):
    """No thread can be started, or those that are end before they begin."""

    def start(work, args):
        if request.param == "refused":
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "start_new_thread", start)
    monkeypatch.setattr(threads, "_waiting", deque())


def test_work_is_done_without_threads(no_threads):
    assert threads.Task(lambda: 7).take() == 7
    assert list(on.on_threads(lambda k: k * k, range(20), jobs=3)) == [k * k for k in range(20)]
    stream = zlib.compress(bytes(2**23))
    room = bytearray(2**23)
    inflating = Inflating([memoryview(stream)])
    inflating.fill([memoryview(room)])
    inflating.finish()
    assert sum(run_bands((64, 1), 1e9, 4, lambda: lambda first, last: last - first)) == 64


def test_images_are_filtered_without_threads(no_threads, tmp_path, rng):
    source = tmp_path / "a.png"
    write(source, Image(rng.integers(0, 256, (900, 1100, 3), dtype=np.uint8)))
    for suffix in ("png", "jpg", "tif"):
        said = call("apply", "gaussian:sigma=2", source, "-o", tmp_path / f"b.{suffix}", "-q")
        assert (said.status, said.err) == (0, "")


def test_what_a_task_raises_is_the_caller_s():
    def wrong():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        threads.Task(wrong).take()
    with pytest.raises(ZeroDivisionError):
        list(on.on_threads(lambda k: 1 // k, range(9), jobs=2))


def test_a_task_runs_on_a_thread_of_its_own():
    go = threading.Event()
    task = threads.Task(lambda: go.wait(10))
    assert not task.take_over(patience=True)
    assert threads.running()
    go.set()
    assert task.take()


# A want of memory is one line


def test_a_codec_that_fails_for_want_of_memory_is_not_called_damage(monkeypatch):
    def fails():
        raise ValueError("broken data stream")

    with pytest.raises(ImageError, match="is damaged: broken data stream"):
        guard(fails, "the JPEG2000 file is damaged")
    with pytest.raises(ImageError, match="not enough memory"):
        guard(fails, "the JPEG2000 file is damaged", lambda: 2**60)

    def explains():
        try:
            fails()
        except ValueError:
            raise ImageError("the PNG file is damaged: its pixels make no sense") from None

    with pytest.raises(ImageError, match="make no sense"):
        guard(explains, "the PNG file is damaged")
    with pytest.raises(ImageError, match="not enough memory"):
        guard(explains, "the PNG file is damaged", lambda: 2**60)

    def missing():
        raise ImportError("could not import name 'jpeg8_decode'")

    with pytest.raises(ImageError, match="a library for such files is missing or damaged"):
        guard(missing, "the JPEG file is damaged")
    monkeypatch.setattr(memory, "is_had", lambda size: False)
    with pytest.raises(ImageError, match="not enough memory"):
        guard(missing, "the JPEG file is damaged")


def test_the_command_says_so_too(monkeypatch, tmp_path):
    write(tmp_path / "a.png", Image(PIXELS))

    def full(*_, **__):
        raise MemoryError

    monkeypatch.setattr("convcli.cli.quick.attempt", full)
    said = call("apply", "box3", tmp_path / "a.png")
    assert said.status == 1
    (line,) = said.lines
    assert "not enough memory" in line


LIMITED = ("png", "jpg", "jp2", "avif", "webp", "jxl")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Two megapixels in the formats whose libraries fail in ways of their own."""
    folder = tmp_path_factory.mktemp("limited")
    rows, cols = np.mgrid[0:1200, 0:1600]
    pixels = np.dstack((rows // 5, cols // 7, (rows + cols) // 11)).astype(np.uint8)
    for suffix in LIMITED:
        path = folder / f"a.{suffix}"
        write(path, Image(pixels), quality=80 if suffix in ("jp2", "avif", "jxl") else None)
        subprocess.run(**program("apply", "gaussian:sigma=2", path, "-o", folder / f"w.{suffix}"))
    return folder


@linux
@pytest.mark.parametrize(
    "kilobytes",
    exhaustive_but([150_000], [120_000, 150_000, 183_000, 210_000, 260_000, 300_000]),
)
@pytest.mark.parametrize("suffix", exhaustive_but(LIMITED[:4], LIMITED))
def test_under_a_limit_of_the_system_it_is_one_line(suffix, kilobytes, images, tmp_path):
    import resource

    limit = kilobytes * 1024
    asked = program(
        "apply", "gaussian:sigma=2", images / f"a.{suffix}", "-o", tmp_path / f"b.{suffix}", "-q"
    )
    done = subprocess.run(
        **asked,
        timeout=30,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    lines = done.stderr.decode().splitlines()
    assert done.returncode in (0, 1), (done.returncode, lines)
    assert len(lines) == done.returncode, lines
    assert all("memory" in line.lower() and "damaged" not in line for line in lines)
    assert (tmp_path / f"b.{suffix}").exists() == (done.returncode == 0)
