"""Make convcli/engine/lowered.bin again: `python docs/lower.py`, with --check to only compare.

It has what Numba's front end makes of the loops that filters of common images ask for, so that
a first run needs only LLVM. Needed after every change of `convcli/engine/loops/`, `entries.py` or
the structs, and when the planner or `finish.py` choose other loops. The same sources and the same
Numba give the same file. It takes five minutes, the comparison ten seconds.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import product
from typing import Any
from unittest.mock import patch

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

import convcli
from convcli.engine import bank, lowered, native
from convcli.kernels.registry import names
from convcli.kernels.volume_library import volume_names
from convcli.pipeline import banks
from convcli.spec import Alpha, Mapping, Spec

Key = tuple[str, ...]

#: Beside every kernel with its own defaults.
SIZED = (
    "box:size=9", "box:size=31", "box:size=63", "gaussian:sigma=2", "gaussian:sigma=5",
    "gaussian:sigma=10",
)  # fmt: skip
#: Dense kernels of these sizes, of whole weights and of others.
DENSE = (3, 5, 7, 9, 15, 21, 31, 41)
SIZE = (512, 512)


def tasks() -> Iterator[tuple[str, str, Spec]]:
    """(channels, sample type, spec) of what is filtered by every kernel."""
    for mapping in (None, *Mapping):
        yield "L", "uint8", Spec(mapping=mapping, jobs=2)
    yield "L", "uint8", Spec(scale="auto", jobs=2)
    yield "L", "uint8", Spec(stride=2, jobs=2)
    yield "RGBA", "uint8", Spec(jobs=2)
    yield "RGBA", "uint8", Spec(alpha=Alpha.KEEP, jobs=2)
    yield "RGB", "uint8", Spec(linear=True, jobs=2)
    # What a soft mask mixes with the image.
    yield "L", "uint8", Spec(depth="float", precision="double", jobs=2)
    yield "L", "uint16", Spec(jobs=2)
    yield "L", "float32", Spec(jobs=2)


#: (sample type, mapping) of arrays that are filtered by every kernel, and sums not looked at.
ARRAYS = (("uint8", None), ("uint8", "clip"), ("uint16", None), ("float32", None))
#: The same of volumes.
VOLUMES = (("uint8", "clip"), ("uint16", "clip"), ("uint16", "abs"), ("float32", "raw"))
#: Sides of patches that are looked for, in gray and colour of these types, masked and not.
PATCHES, SEARCHED = (5, 24), ("uint8", "uint16", "float32")


def searches() -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """(patch, image) of what is looked for, and where."""
    for side, dtype, channels in product(PATCHES, SEARCHED, (1, 3)):
        patch = np.arange(side * side * channels).reshape(side, side, channels).astype(dtype)
        image = np.ones((*SIZE, channels), dtype)
        mask = np.eye(side, dtype=dtype)
        yield patch, image
        yield np.dstack([patch, mask]), image


#: Sample types of volumes that banks are run over, for processors of either kind.
BANKS = ("uint8", "uint16", "float32", "float64")


def kernels() -> Iterator[str | convcli.Kernel]:
    """Every kernel there is a name for, and dense ones."""
    yield from names()
    yield from SIZED
    rng = np.random.default_rng(1)
    for size in DENSE:
        whole = rng.integers(-9, 10, (size, size))
        yield convcli.Kernel("whole", whole)
        yield convcli.Kernel("mean", np.abs(whole), divisor=int(np.abs(whole).sum()))
        yield convcli.Kernel("real", rng.random((size, size)) / size**2)


def wanted() -> list[Key]:
    """Keys of the loops that the tasks ask for, found by asking for them in earnest."""
    found: set[Key] = set()

    def load(name: str, functions: Key, samples: Key, fixed: object = ()) -> _Seeing:
        found.add((name, *functions, *samples))
        return _Seeing()

    with patch.object(native, "load", load), np.errstate(all="ignore"):
        for kernel in kernels():
            for channels, dtype, spec in tasks():
                shape = SIZE if len(channels) == 1 else (*SIZE, len(channels))
                image = convcli.Image(np.ones(shape, dtype), channels)
                _try(partial(convcli.apply, image, kernel, spec))
            for dtype, mapping in ARRAYS:
                pixels = np.ones(SIZE, dtype)
                _try(partial(convcli.correlate, pixels, kernel, mapping=mapping, jobs=2))
        for kernel, (dtype, mapping) in product(volume_names(), VOLUMES):
            volume = np.ones((3, *SIZE), dtype)
            _try(partial(convcli.correlate_volume, volume, kernel, mapping=mapping, jobs=2))
        for sought, searched in searches():
            _try(partial(convcli.match_scores, sought, searched, jobs=1))
        for dtype in BANKS:
            banks_of(dtype)
    return sorted(found)


def banks_of(dtype: str) -> None:
    """Run a bank over samples of a type, as on processors of either kind."""
    volume, filters = np.ones((*SIZE, 3), dtype), np.full((4, 3, 3, 3), 0.1)
    for wide in (False, True):
        banks._ready.cache_clear()
        with patch.object(bank, "has_wide_vectors", lambda wide=wide: wide):
            _try(partial(convcli.correlate, volume, filters, jobs=2))
    banks._ready.cache_clear()


def _try(task: Callable[[], object]) -> None:
    """What has no such result asks for no loop."""
    with suppress(convcli.ConvError):
        task()


class _Seeing:
    """A loop that computes nothing, and says that sums differ, which `normalize` asks."""

    def bind(self, *structs: Sequence[np.ndarray]) -> _Seeing:
        """See `native.Loop`."""
        self._extremes = structs[-1][-1]
        return self

    def put(self, k: int, array: np.ndarray) -> None:
        """See `native.Call`."""

    def __call__(self) -> None:
        """See `native.Call`."""
        self._extremes[0], self._extremes[1] = 0, 100


def text(key: Key) -> str:
    """Return a loop in LLVM's language, simplified, for any 64-bit machine."""
    from convcli.engine.entries import lower_entry
    from convcli.engine.objects import own_module

    functions = tuple(part for part in key[1:] if "_" in part)
    module = own_module(*lower_entry(key[0], functions, key[1 + len(functions) :]))
    _simplify(module)
    return portable(str(module))


def _simplify(module: llvm.ModuleRef) -> None:
    """Do what comes before all that depends on the processor, for the plainest of them.

    It makes texts a fifth as long, and LLVM's work in a first run a third shorter.
    """
    target = llvm.Target.from_triple("x86_64-unknown-linux-gnu")
    plain = target.create_target_machine(cpu="x86-64", features="", opt=3)
    module.triple, module.data_layout = plain.triple, str(plain.target_data)
    tuning = llvm.create_pipeline_tuning_options(speed_level=2)
    tuning.slp_vectorization = tuning.loop_vectorization = False
    tuning.loop_unrolling = tuning.loop_interleaving = False
    builder = llvm.create_pass_builder(plain, tuning)
    builder.getModulePassManager().run(module, builder)


#: What says nothing that matters, differs between runs, or that another LLVM may not know.
_LEFT_OUT = (
    re.compile(r"^(?:;|source_filename|target |attributes |!\d+ =).*\n", re.MULTILINE),
    re.compile(r" *; preds = .*"),
    re.compile(r",? ![\w.]+ !\d+"),
    re.compile(r" #\d+"),
    re.compile(r" (?:noalias|writeonly|readonly|readnone|noundef|nofree|nonnull|immarg)(?=[ ,)])"),
    re.compile(r" (?:captures|range|initializes|memory|dereferenceable)\((?:[^()]|\([^()]*\))*\)"),
    re.compile(r" (?:local_)?unnamed_addr"),
)
#: Names that Numba made: they hold types' addresses, and count what was compiled before.
_MANGLED = re.compile(r'"_ZN[^"]+"|_ZN[\w.$]+')


def portable(text: str) -> str:
    """Return a module's text without what holds for one machine or one run only."""
    for what in _LEFT_OUT:
        text = what.sub("", text)
    short: dict[str, str] = {}
    return _MANGLED.sub(lambda found: short.setdefault(found[0], f"name.{len(short)}"), text)


def check() -> None:
    """Leave with a line that says why, if the file is not as it would be made."""
    again = "run python docs/lower.py"
    try:
        has = lowered.unpacked(lowered.FILE.read_bytes())
    except (OSError, ValueError) as reason:
        sys.exit(f"{reason}: {again}")
    want = set(wanted())
    if want != has.keys():
        missing, more = len(want - has.keys()), len(has.keys() - want)
        sys.exit(
            f"{lowered.FILE.name} lacks {missing} loops that filters ask for, and has {more} "
            f"that none does: {again}"
        )


def main() -> None:
    """Write the file, or with --check fail if it isn't as it would be written."""
    if "--check" in sys.argv[1:]:
        check()
        return
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    data = lowered.packed({key: text(key) for key in wanted()})
    lowered.FILE.write_bytes(data)
    sys.stdout.write(f"{len(lowered.unpacked(data))} loops in {len(data):,} bytes\n")


if __name__ == "__main__":
    main()
