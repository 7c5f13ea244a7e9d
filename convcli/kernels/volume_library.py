"""3-D kernels as people write them: a name with or without parameters, or a `.npy` file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import ceil, prod
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from convcli.errors import KernelError
from convcli.kernels.exact import MAX_TAPS, exact, parse_number, to_fraction
from convcli.kernels.kernel import Kernel
from convcli.kernels.notation import file_of
from convcli.kernels.npy import read_array
from convcli.kernels.others import other
from convcli.kernels.registry import Listing, normal
from convcli.kernels.volume import AnyVolumeKernel, VolumeCompound, VolumeKernel
from convcli.paths import reason

_Values: TypeAlias = dict[str, tuple[float, ...]]

#: Weights of a kernel made here at the most, and bytes that a file of one may have.
MOST_WEIGHTS, _MOST_BYTES = 2**22, 2**25
_AXES = {"z": 0, "y": 1, "x": 2}
_WIDEST = 500


def parse_volume_kernel(text: str) -> AnyVolumeKernel:
    """Return the 3-D kernel that a text stands for.

    Parameters
    ----------
    text
        A name, with or without parameters, or a `.npy` file of (planes, rows, cols) weights.
        Parameters along the axes take one number, or three in that order.

    Raises
    ------
    KernelError
        If there is none, or there is a mistake in it.

    Examples
    --------
    >>> parse_volume_kernel("box").shape
    (3, 3, 3)
    >>> parse_volume_kernel("gaussian:sigma=2,2,1").shape
    (17, 17, 9)
    """
    stripped = text.strip()
    path = file_of(stripped)
    if path:
        return _read(path)
    head, _, tail = stripped.partition(":")
    name = _ALIASES.get(normal(head), normal(head))
    if name in _MAGNITUDES and not tail.strip():
        return VolumeCompound.of(name, [_made(f"{name}-{axis}", "") for axis in _AXES])
    if name not in _MAKERS:
        if said := other(name):
            raise KernelError(said)
        raise KernelError(
            f"no 3-D kernel named {stripped[:40]!r}; there are {', '.join(volume_names())}, and "
            f".npy files of (planes, rows, cols) weights"
        )
    return _made(name, tail)


def volume_names() -> tuple[str, ...]:
    """Return the names of all 3-D kernels."""
    return (*_MAGNITUDES, *_MAKERS)


def volume_families() -> dict[str, tuple[Listing, ...]]:
    """Return what there is, as `registry.families` does; no kernel is made."""
    found = [(name, name, effect) for name, effect in _MAGNITUDES.items()]
    for name, maker in _MAKERS.items():
        said = ",".join(f"{key}={value[0]:g}" for key, value in [*maker.parameters.items()][:1])
        found.append((name, f"{name}:{said}" if said else name, maker.effect))
    others = {name: tuple(a for a, known in _ALIASES.items() if known == name) for name in _MAKERS}
    return {
        "volume": tuple(
            Listing(name, "volume", effect, others.get(name, ()), "volume", usage)
            for name, usage, effect in found
        )
    }


def _read(path: str) -> VolumeKernel:
    if not path.lower().endswith(".npy"):
        raise KernelError(f"{path} can't hold a 3-D kernel; expected a .npy file of its weights")
    try:
        with Path(path).open("rb") as file:
            array = read_array(file.read(_MOST_BYTES), MAX_TAPS**2)
        if array.ndim != 3 or not 0 < min(array.shape) <= max(array.shape) <= MAX_TAPS:
            raise KernelError(
                f"the array has shape {array.shape}; expected (planes, rows, cols), at most "
                f"{MAX_TAPS} along an axis"
            )
        plain = array.astype(np.float64) if array.dtype.kind == "f" else array.astype(object)
        rows = plain.reshape(len(plain), -1).tolist()
        matrix = exact([[to_fraction(weight + 0) for weight in row] for row in rows])
    except OSError as error:
        raise KernelError(f"{path}: {reason(error)}") from error
    except KernelError as error:
        raise KernelError(f"{path}: {error}") from None
    planes, down, along = array.shape
    flat = Kernel(Path(path).stem, matrix.array, matrix.divisor, denominator=matrix.denominator)
    return VolumeKernel(flat, (planes, down, along))


class _Maker(NamedTuple):
    """What makes a kernel, and its parameters with their defaults; () for one that has none."""

    effect: str
    make: Callable[..., tuple[NDArray[Any], float]]
    parameters: dict[str, tuple[float, ...]]
    given: tuple[Any, ...] = ()


@lru_cache(maxsize=64)
def _made(name: str, tail: str) -> VolumeKernel:
    maker = _MAKERS[name]
    values = _split(name, tail, tuple(maker.parameters)) if tail.strip() else {}
    weights, divisor = maker.make(*maker.given, **(maker.parameters | values))
    said = ",".join(f"{key}={','.join(f'{v:g}' for v in value)}" for key, value in values.items())
    return VolumeKernel.of(f"{name}:{said}" if said else name, weights, divisor)


def _split(name: str, tail: str, known: Sequence[str]) -> _Values:
    """Take `sigma=2,2,1,truncate=3` apart; numbers without a name are the first parameter's."""
    if not known:
        raise KernelError(f"{name} has no parameters in three dimensions")
    found: dict[str, list[float]] = {}
    key = known[0]
    for part in tail.split(","):
        head, equals, value = part.partition("=")
        if equals:
            key = head.strip().lower()
            if key in found:
                raise KernelError(f"{name}: {key} is given twice")
        if key not in known:
            raise KernelError(
                f"{name} has no parameter {key[:32]!r} in three dimensions; it has "
                f"{', '.join(known)}"
            )
        found.setdefault(key, []).append(_number(name, key, value if equals else part))
    for key, numbers in found.items():
        if len(numbers) not in ((1,) if key in _SINGLE else (1, 3)):
            more = "" if key in _SINGLE else ", or three as PLANES,ROWS,COLS"
            got = ",".join(f"{number:g}" for number in numbers)
            raise KernelError(f"{name}: {key} takes one number{more}; got {got!r}")
    return {key: tuple(numbers) for key, numbers in found.items()}


def _number(name: str, key: str, text: str) -> float:
    """Read a number, and check it by what it is of."""
    least, most, whole = _RANGES[key]
    try:
        value = float(parse_number(text))
    except KernelError:
        value = -1.0
    if not least <= value <= most or (whole and not value.is_integer()):
        kind = "a whole number" if whole else "a number"
        raise KernelError(
            f"{name}: {key} must be {kind} from {least:g} to {most:g}, got {text.strip()[:32]!r}"
        )
    return value


#: Parameters that are no axes' own, and what each may be: from, to, and whether whole.
_SINGLE = ("truncate", "dims")
_RANGES = {
    "sigma": (0, _WIDEST, False),
    "truncate": (0, 20, False),
    "size": (1, MAX_TAPS, True),
    "dims": (2, 3, True),
}


def _each(values: tuple[float, ...]) -> tuple[float, ...]:
    return values * 3 if len(values) == 1 else values


def _gaussian(
    sigma: tuple[float, ...], size: tuple[float, ...], truncate: tuple[float, ...]
) -> tuple[NDArray[Any], float]:
    """A bell along each axis, its sum 1, cut as the 2-D one is; a sigma of 0 leaves an axis be."""
    sizes: Sequence[float] = _each(size) if size else ()
    if any(taps % 2 == 0 for taps in sizes):
        raise KernelError("gaussian: size must be odd, so that the kernel has a centre")
    reach = truncate[0]
    widths = _each(sigma)
    sides = [int(taps) for taps in sizes or (2 * ceil(reach * s - 1e-9) + 1 for s in widths)]
    _check(sides, "gaussian")
    return _product(*(_bell(side, s) for side, s in zip(sides, widths, strict=True))), 1


def _bell(side: int, sigma: float) -> NDArray[Any]:
    place = np.arange(side, dtype=np.float64) - side // 2
    if sigma == 0:
        return np.asarray(place == 0, dtype=np.float64)
    bell = np.exp(-((place / sigma) ** 2) / 2)
    return np.asarray(bell / bell.sum())


def _box(size: tuple[float, ...]) -> tuple[NDArray[Any], float]:
    sides = [int(taps) for taps in _each(size)]
    _check(sides, "box")
    return np.ones(sides, dtype=np.int64), prod(sides)


def _slope(axis: int, smooth: tuple[int, ...]) -> tuple[NDArray[Any], float]:
    """Grows along one axis, smoothed along the others."""
    parts = [np.array((-1, 0, 1) if k == axis else smooth) for k in range(3)]
    return _product(*parts), 1


def _laplacian(centre: int, sign: int, dims: tuple[float, ...]) -> tuple[NDArray[Any], float]:
    """The six neighbours, or the four within the plane, and what balances them."""
    cross = np.zeros((3, 3, 3), dtype=np.int64)
    for axis in range(3 - int(dims[0]), 3):
        at = [1, 1, 1]
        for step in (0, 2):
            at[axis] = step
            cross[tuple(at)] = sign
    cross[1, 1, 1] = centre - int(cross.sum())
    return (cross if dims[0] == 3 else cross[1:2]), 1


def _identity() -> tuple[NDArray[Any], float]:
    return np.ones((1, 1, 1), dtype=np.int64), 1


def _product(planes: NDArray[Any], rows: NDArray[Any], cols: NDArray[Any]) -> NDArray[Any]:
    weights: NDArray[Any] = planes[:, None, None] * rows[:, None] * cols
    return weights


def _check(sides: Sequence[int], name: str) -> None:
    """Refuse a kernel that is too large, before it is made."""
    if max(sides) > MAX_TAPS or prod(sides) > MOST_WEIGHTS:
        raise KernelError(
            f"{name}: a kernel of {'×'.join(map(str, sides))} weights is too large; expected at "
            f"most {MAX_TAPS} along an axis and {MOST_WEIGHTS:,} in all"
        )


_MAKERS = {
    "gaussian": _Maker(
        "Blurs: near samples count more than far ones.",
        _gaussian,
        {"sigma": (1,), "size": (), "truncate": (4,)},
    ),
    "box": _Maker("Replaces each sample by the mean of those around it.", _box, {"size": (3,)}),
    **{
        f"{name}-{axis}": _Maker(f"Shows {what}.", _slope, {}, (_AXES[axis], smooth))
        for name, smooth in (("sobel", (1, 2, 1)), ("prewitt", (1, 1, 1)))
        for axis, what in (
            ("x", "edges across columns"),
            ("y", "edges across rows"),
            ("z", "edges between planes"),
        )
    },
    "laplacian": _Maker(
        "Shows fine detail, by six neighbours.", _laplacian, {"dims": (3,)}, (0, 1)
    ),
    "sharpen": _Maker("Adds fine detail.", _laplacian, {"dims": (3,)}, (1, -1)),
    "identity": _Maker("Changes nothing.", _identity, {}),
}
#: Of the kernels along all three axes: how steep it is, in any direction.
_MAGNITUDES = {
    "sobel": "Shows how steep it is, in any direction.",
    "prewitt": "Shows how steep it is, smoothed evenly.",
}
_ALIASES = {"gauss": "gaussian", "mean": "box", "average": "box"}
