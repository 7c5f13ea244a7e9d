"""Banks in files: which array is meant, its bias beside it, and its settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from convcli.errors import KernelError
from convcli.kernels.bank import MAX_WEIGHTS, Bank
from convcli.kernels.bank_tables import banks_of
from convcli.kernels.npy import read_array
from convcli.kernels.tensors import Tensors, open_npz, open_safetensors
from convcli.kernels.texts import FileKind
from convcli.record import replace

_KIND = FileKind("bank", 8 * MAX_WEIGHTS + 2**16, KernelError)
#: What may be said of a bank besides weights and bias.
SETTINGS = ("stride", "padding", "dilation", "groups")
#: What weights and biases are called; `conv1.weight` has `conv1.bias` beside it.
_WEIGHTS = ("weight", "weights", "filters", "kernel")
_BIASES = ("bias", "biases")
_WHOLE = re.compile(r"\d{1,6}")


def read_bank(path: str | Path, name: str | None = None, **settings: Any) -> Bank:
    """Read a bank of filters from a file.

    Parameters
    ----------
    path
        A `.npz`, `.npy`, `.safetensors` or `.toml` file. Weights have shape (K, C, F, F), or
        (C, F, F) for one filter.
    name
        Which of those in it, as `features.0` or `features.0.weight`; may be left out if there is
        one.
    **settings
        `stride`, `padding`, `dilation` and `groups`, in place of what the file says of them.

    Raises
    ------
    KernelError
        If the file can't be read, has no such bank, or a mistake in it.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    given = {key: value for key, value in settings.items() if value is not None}
    unknown = [key for key in given if key not in SETTINGS]
    if unknown:
        raise KernelError(
            f"{file.name} has no parameter {unknown[0][:32]!r}; a bank has {', '.join(SETTINGS)}"
        )
    if suffix == ".toml":
        return replace(_from_toml(file, name), **given)
    try:
        if suffix == ".npy":
            return Bank(file.stem, _from_npy(file), **given)
        if suffix == ".npz":
            return _chosen(file, open_npz(file), name, given)
        if suffix == ".safetensors":
            return _chosen(file, open_safetensors(file), name, given)
    except KernelError as error:
        said = str(error)
        raise error if str(file) in said else KernelError(f"{file}: {said}") from None
    raise KernelError(
        f"{file} is no file of banks; expected one that ends in .npz, .npy, .safetensors, .toml"
    )


def parse_settings(text: str, owner: str) -> dict[str, Any]:
    """Take `stride=2,padding=1x0` apart: numbers are joined by x, and padding may be a word.

    Raises
    ------
    KernelError
        If it isn't such a list; `owner` is named in the message.

    Examples
    --------
    >>> parse_settings("stride=4, padding=same", "bank.npz")
    {'stride': 4, 'padding': 'same'}
    """
    found: dict[str, Any] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        key, _, value = (word.strip() for word in part.partition("="))
        if key not in SETTINGS or key in found:
            raise KernelError(
                f"{owner}: {part[:32]!r} is none of its parameters, or given twice; expected "
                f"{', '.join(SETTINGS)}, as in stride=2,padding=1"
            )
        found[key] = _value(key, value, owner)
    return found


def _value(key: str, text: str, owner: str) -> Any:
    """Return a whole number, (rows, cols), or ((top, bottom), (left, right))."""
    numbers = text.lower().replace("×", "x").split("x")
    if key == "padding" and text[:1].isalpha():
        return text.lower()
    most = {"padding": (1, 2, 4), "groups": (1,)}.get(key, (1, 2))
    if len(numbers) not in most or not all(map(_WHOLE.fullmatch, numbers)):
        more = {"padding": ", or ROWSxCOLS, TOPxBOTTOMxLEFTxRIGHT, or a word", "groups": ""}
        raise KernelError(
            f"{owner}: {key} must be a whole number{more.get(key, ', or ROWSxCOLS')}; got "
            f"{text[:32]!r}"
        )
    return _sides([int(number) for number in numbers])


def _sides(numbers: list[int]) -> Any:
    if len(numbers) == 4:
        return (numbers[0], numbers[1]), (numbers[2], numbers[3])
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


def _from_npy(file: Path) -> Any:
    return read_array(_KIND.read(file), MAX_WEIGHTS)


def _from_toml(file: Path, name: str | None) -> Bank:
    banks = banks_of(file, _KIND.decode(file, _KIND.read(file)))
    if not banks:
        raise KernelError(f"{file} holds no bank; expected [bank.NAME] with filters or weights")
    return banks[_named(file, banks, name)]()


def _named(file: Path, banks: Mapping[str, Callable[[], Bank]], name: str | None) -> str:
    """Return which of a file's banks is meant."""
    if name is None and len(banks) == 1:
        return next(iter(banks))
    if name is None:
        raise _which(file, [*banks])
    if name not in banks:
        raise _missing(file, [*banks], name)
    return name


def _chosen(file: Path, tensors: Tensors, name: str | None, given: dict[str, Any]) -> Bank:
    """Return the bank of one array, with the bias that is beside it."""
    meant = {name, *(f"{name}.{word}" for word in _WEIGHTS)}
    if tensors.complex and (meant & {*tensors.complex} or not _banks(tensors.shapes)):
        raise KernelError(
            f"{file}, {tensors.complex[0][:64]}: holds complex numbers; expected real ones: filter "
            f"with their real and their imaginary parts apart"
        )
    weight = _weight(file, tensors.shapes, name)
    prefix = weight.rpartition(".")[0]
    beside = {key: f"{prefix}.{key}" if prefix else key for key in (*_BIASES, *SETTINGS)}
    bias = next((beside[key] for key in _BIASES if beside[key] in tensors.shapes), None)
    said = {
        key: _setting(tensors.load(beside[key]), f"{file}, {beside[key]}")
        for key in SETTINGS
        if beside[key] in tensors.shapes and beside[key] != weight
    }
    weights = tensors.load(weight)
    if not 2 <= weights.ndim <= 4 or weights.size == 0:
        raise KernelError(
            f"{file}, {weight[:64]}: has shape {weights.shape}; expected (K, C, F, F), or "
            f"(C, F, F) for one filter"
        )
    named = file.stem if len(_banks(tensors.shapes)) == 1 else f"{file.stem}-{prefix or weight}"
    return Bank(named, weights, None if bias is None else tensors.load(bias), **said | given)


def _banks(shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    """Return the arrays that have the shape of a bank."""
    others = (*_BIASES, *SETTINGS)
    return [
        name
        for name, shape in shapes.items()
        if len(shape) in (3, 4) and name.rpartition(".")[2] not in others
    ]


def _weight(file: Path, shapes: Mapping[str, tuple[int, ...]], name: str | None) -> str:
    """Return which array holds the weights that are meant."""
    if name is not None:
        for known in (name, *(f"{name}.{word}" for word in _WEIGHTS)):
            if known in shapes:
                return known
        raise _missing(file, _banks(shapes), name)
    banks = _banks(shapes)
    plain = [word for word in _WEIGHTS if word in shapes]
    if len(plain) == 1:
        return plain[0]
    if len(banks) == 1:
        return banks[0]
    if not banks:
        raise KernelError(
            f"{file} holds no bank; expected weights of shape (K, C, F, F), or (C, F, F) for one "
            f"filter"
        )
    raise _which(file, banks)


def _which(file: Path, banks: list[str]) -> KernelError:
    return KernelError(
        f"{file} holds {len(banks)} banks: {_some(banks)}; say which, such as "
        f"{file}#{banks[0].removesuffix('.weight')[:64]}"
    )


def _missing(file: Path, banks: list[str], name: str) -> KernelError:
    from difflib import get_close_matches

    close = get_close_matches(name[:64], [bank.removesuffix(".weight") for bank in banks], n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"it has {_some(banks) or 'none'}"
    return KernelError(f"{file} has no bank {name[:64]!r}; {hint}")


def _some(names: list[str]) -> str:
    listed = [name if len(name) <= 48 else f"{name[:47]}…" for name in names[:8]]
    return ", ".join(listed) + (", …" if len(names) > len(listed) else "")


def _setting(array: Any, owner: str) -> Any:
    """Return a stride or the like that a file holds as an array."""
    values = np.asarray(array).reshape(-1)
    if values.size not in (1, 2, 4) or values.dtype.kind not in "iu" or values.min() < 0:
        raise KernelError(f"{owner}: expected one whole number, or two; got {values.tolist()[:4]}")
    return _sides([int(value) for value in values])
