"""What must hold of every damaged file: filtered whole, or refused in a line and nothing left."""

from __future__ import annotations

import io
import resource
import traceback
import warnings
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
from fuzz_references import compare

from convcli import batch, pipeline
from convcli.borders import Border
from convcli.errors import ConvError, KernelError
from convcli.image.files import read
from convcli.image.image import Image
from convcli.kernels import check_file, parse_kernel
from convcli.kernels.files import open_file
from convcli.kernels.matrix import format_matrix, parse_matrix
from convcli.report.kernels import card_data
from convcli.report.lines import as_json, printable
from convcli.report.outcome import describe
from convcli.spec import Spec

#: The most pixels of a fuzzed image, so that a case takes little.
LIMIT = 300_000
#: The longest message, and the memory that a case may add to the peak (bytes).
_LONGEST, _GROWTH = 500, 300 * 2**20
#: Formats that lose nothing of what is given to them.
_EXACT = (".png", ".tif", ".npy")
_SUFFIX = {
    "png": ".png",
    "jpeg": ".jpg",
    "tiff": ".tif",
    "bmp": ".bmp",
    "pnm": ".ppm",
    "gif": ".gif",
    "webp": ".webp",
    "avif": ".avif",
    "jp2": ".jp2",
    "jxl": ".jxl",
    "npy": ".npy",
}
_BOX = parse_kernel("box")


class _Check(ABC):
    """What both checks share: nothing is said, nothing is left, little memory is taken."""

    def __init__(self, group, folder, said):
        self.group, self.folder, self.said = group, Path(folder), said
        self.was_read = False
        self.found = []

    def warm_up(self):
        """Compile what will be needed, so that it doesn't count as part of a case."""
        self.said()

    def judge(self, case, rng):
        """Try a case and return (kind, words) of everything that must not be."""
        self.found, self.was_read = [], False
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._stage("ours")
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                self._try(case, rng)
            except Exception as error:
                frames = traceback.extract_tb(error.__traceback__)
                place = " < ".join(f"{Path(f.filename).name}:{f.name}" for f in frames[:-5:-1])
                self._add("raised", f"{type(error).__name__}: {error} at {place}")
        for warning in warned:
            self._add("warned", f"{warning.category.__name__}: {warning.message}")
        if text := self.said():
            self._add("said", text[:300])
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) * 1024
        if grown > _GROWTH:
            self._add("memory", f"{grown >> 20} MB more")
        return self.found

    @abstractmethod
    def _try(self, case, rng):
        """Add what is found wrong with a case."""

    def _stage(self, word):
        (self.folder / "stage").write_text(word)

    def _add(self, kind, what):
        self.found.append((kind, what))

    def _check_message(self, text):
        # The command writes out what isn't printable in the name of a file.
        if not text.strip() or "\n" in text or len(printable(text)) > _LONGEST:
            self._add("message", repr(text[:200]) + f" … {len(text)}")


class ImageCheck(_Check):
    """Filters a damaged image as the command does."""

    def __init__(self, group, folder, said):
        super().__init__(group, folder, said)
        self.out = self.folder / "out"
        self.out.mkdir(exist_ok=True)
        self.seen, self.results = [], []

    def warm_up(self):
        pipeline.apply(Image(np.zeros((9, 9), np.uint8)), [_BOX], Spec())
        super().warm_up()

    def _try(self, case, rng):
        self.seen, self.results = [], []
        source = self.folder / f"in{_SUFFIX[self.group]}"
        source.write_bytes(case)
        target = self.out / f"out{rng.choice((_SUFFIX[self.group], '.png', '.tif', '.jpg'))}"
        spec = Spec(linear=rng.random() < 0.2, border=rng.choice((Border.REPLICATE, Border.WRAP)))

        def work(image, *, one_bit=False):
            self.seen.append(image)
            road = pipeline.lay(image, [_BOX], spec, one_bit=one_bit)
            self.results.append(road.result)
            return road

        jobs = [batch.Job(str(source), str(target))]
        writing = batch.Writing(max_pixels=LIMIT)
        common = batch.Common(work, writing, (io.BytesIO(), io.BytesIO()))
        (outcome,) = batch.run(jobs, common)
        self._check_outcome(outcome, target)
        for path in self.out.iterdir():
            path.unlink()

    def _check_outcome(self, outcome, target):
        left = sorted(path.name for path in self.out.iterdir())
        if outcome.error:
            self._check_message(outcome.error)
            if left:
                self._add("left", f"{left} after {outcome.error}")
            return
        self.was_read = True
        for note in outcome.facts.notes:
            self._check_message(note)
        if left != [target.name]:
            self._add("left", f"{left} for {target.name}")
            return
        self._check_result(target)

    def _check_result(self, target):
        """What was written can be read again."""
        try:
            again = read(target, max_pixels=2 * LIMIT)
        except ConvError as error:
            self._add("unreadable", f"{target.suffix}: {error}")
            return
        ours = self.results[0].pixels
        if len(self.results) > 1 and again.meta.frames != len(self.results):
            self._add("unreadable", f"{again.meta.frames} frames of {len(self.results)}")
        if target.suffix in _EXACT and not np.array_equal(
            again.pixels, ours, equal_nan=ours.dtype.kind == "f"
        ):
            self._add("unreadable", f"{target.suffix}: other pixels than were written")

    def judge(self, case, rng):
        """Try a case, and compare what was read with what others read."""
        super().judge(case, rng)
        if self.seen:
            self._stage("reference")
            if said := compare(self.group, case, self.seen[0].pixels):
                self._add("differs", said)
            self.said()
        return self.found


class TextCheck(_Check):
    """Reads a kernel that is written in some way, and filters a small image with it."""

    def __init__(self, group, folder, said):
        super().__init__(group, folder, said)
        pixels = np.arange(35, dtype=np.uint8).reshape(5, 7) * 7
        self.image = Image(pixels)

    def _try(self, case, rng):
        if self.group == "kernel-file":
            suffix, content = case
            path = self.folder / f"kernel{suffix}"
            path.write_bytes(content)
            self._file(path)
        elif self.group == "matrix":
            self._matrix(case)
        else:
            self._kernel(lambda: parse_kernel(case))

    def _matrix(self, text):
        self._kernel(lambda: parse_kernel(text))
        try:
            matrix = parse_matrix(text)
        except KernelError as error:
            self._check_message(str(error))
            return
        # What is divided by more can't be written, as its numbers end there, nor is it a kernel.
        if 1e-30 <= abs(matrix.divisor) <= 1e30:
            again = parse_matrix(format_matrix(matrix.weights, matrix.divisor))
            if not np.array_equal(again.array / again.divisor, matrix.array / matrix.divisor):
                self._add("unreadable", f"{text[:99]!r} becomes {matrix} and then {again}"[:300])

    def _file(self, path):
        for item in check_file(path).kernels:
            for said in (item.error, *item.warnings, *item.notes):
                if said:
                    self._check_message(said)
        try:
            loaders = open_file(path)
        except KernelError as error:
            self._check_message(str(error))
            return
        for load in [*loaders.values()][:4]:
            self._kernel(load)

    def _kernel(self, make):
        try:
            kernel = make()
            self.was_read = True
            self._shown(kernel)
            if max(kernel.shape) < 40:
                pipeline.apply(self.image, [kernel], Spec())
        except ConvError as error:
            self._check_message(str(error))

    def _shown(self, kernel):
        """What is said of it suits a terminal, and JSON has no numbers that others don't know."""
        said = describe(kernel)
        if not said.isprintable() or len(said) > _LONGEST:
            self._add("shown", repr(said[:200]))
        if max(kernel.shape) < 40:
            text = as_json(card_data(kernel))
            if not text.isprintable() or "NaN" in text or "Infinity" in text:
                self._add("JSON", repr(text[:200]))
