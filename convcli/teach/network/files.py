"""Networks in TOML files: those that people write, and those known by name."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from convcli.errors import UsageError
from convcli.kernels.texts import FileKind
from convcli.record import replace
from convcli.teach.network.layer_words import is_layer
from convcli.teach.network.origin import Origin
from convcli.teach.network.parse import parse_entries
from convcli.teach.network.stack import Network
from convcli.teach.network.volume import Volume, parse_volume

#: A network is a few pages of text.
_KIND = FileKind("network", 2**20, UsageError)
_KEYS = ("layers", "input", "title", "source")
_KNOWN = "networks.toml"


def find_network(text: str) -> Network:
    """Return the network that is meant by a name, a file, or its layers.

    Parameters
    ----------
    text
        `vgg16`; `mine.toml` or, of several in it, `mine.toml#small`; `conv 3 64 p1; relu; pool 2`.

    Raises
    ------
    UsageError
        If there is none of that name, or a mistake in it.
    """
    path, _, name = text.partition("#")
    if path.lower().endswith(".toml"):
        return read_network(path, name)
    key = _normal(text)
    if key in known():
        return known_network(key)
    if re.fullmatch(r"[\w.-]+", text.strip()) and not is_layer(text.strip()):
        close = get_close_matches(key[:64], known(), n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known())}"
        raise UsageError(
            f"no network named {text.strip()[:40]!r}; {hint} (or a .toml file, or layers such as "
            f"'conv 3 64 p1; relu')"
        )
    origin = Origin(text)
    return Network(parse_entries(origin), origin)


def read_network(path: str, name: str = "") -> Network:
    """Read a network from a TOML file.

    Parameters
    ----------
    path
        The file: `layers`, and perhaps `input`, `title` and `source`, or tables of these.
    name
        Which of the tables; may be left out if there is one.

    Raises
    ------
    UsageError
        If the file can't be read, or has a mistake; with file, line and column.
    """
    file = Path(path)
    text = _KIND.decode(file, _KIND.read(file))
    tables = _tables(path, text)
    if name:
        by_name = {_normal(key): key for key in tables}
        if _normal(name) not in by_name:
            close = get_close_matches(_normal(name)[:64], by_name, n=1)
            hint = f"did you mean {by_name[close[0]]!r}?" if close else f"it has {_some(tables)}"
            raise UsageError(f"{path} has no network {name[:40]!r}; {hint}")
        chosen = by_name[_normal(name)]
    elif len(tables) == 1:
        (chosen,) = tables
    else:
        raise UsageError(
            f"{path} holds {len(tables)} networks: {_some(tables)}; say which, such as "
            f"{path}#{next(iter(tables))}"
        )
    named = f"{path}#{chosen}" if len(tables) > 1 else path
    return _network(tables[chosen], Origin("", path, text, chosen), named)


def known() -> tuple[str, ...]:
    """Names of the networks that come with convcli."""
    return tuple(_known())


@cache
def known_network(name: str) -> Network:
    """Return one of them."""
    text, tables = _known_text(), _known()
    return _network(tables[name], Origin("", _KNOWN, text, name), name)


@cache
def _known() -> dict[str, dict[str, Any]]:
    return _tables(_KNOWN, _known_text())


@cache
def _known_text() -> str:
    return (Path(__file__).parent / _KNOWN).read_text(encoding="utf-8")


def _network(table: dict[str, Any], place: Origin, name: str) -> Network:
    for key, value in table.items():
        if key not in _KEYS:
            close = get_close_matches(key[:64], _KEYS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(_KEYS)}"
            raise place.wrong(key, f"no key {key!r} in a network; {hint}")
        if key in ("title", "source") and not isinstance(value, str):
            raise place.wrong(key, f"{key} must be a text; got {value!r}")
    origin = _origin(table.get("layers"), place)
    title, source = table.get("title", ""), " ".join(table.get("source", "").split())
    network = Network(parse_entries(origin), origin, name, title, source)
    return replace(network, input=_input(table.get("input"), place, network.dims))


def _origin(layers: Any, place: Origin) -> Origin:
    """Return the layers as one text, and where they stand."""
    if isinstance(layers, str):
        return replace(place, spec=layers)
    if isinstance(layers, list) and all(isinstance(item, str) for item in layers):
        spec = "\n".join(item.replace("\n", ";") for item in layers)
        return replace(place, spec=spec, items=True)
    if layers is None:
        raise place.wrong("", 'no layers; expected layers = "conv 3 64 p1; relu"')
    raise place.wrong("layers", "layers must be a text, or a list of texts")


def _input(value: object, place: Origin, dims: int) -> Volume | None:
    if value is None:
        return None
    if isinstance(value, list) and all(type(size) is int for size in value):
        value = "x".join(map(str, value))
    if not isinstance(value, str):
        raise place.wrong("input", f'input must be a text such as "224x224x3"; got {value!r}')
    try:
        return parse_volume(value, dims)
    except UsageError as error:
        raise place.wrong("input", str(error)) from None


def _tables(path: str, text: str) -> dict[str, dict[str, Any]]:
    """Return the tables of networks by name; one without a name if the file has no tables."""
    found = _KIND.parse_toml(path, text)
    if "layers" in found:
        return {"": found}
    inner = found.get("network")
    if isinstance(inner, dict) and "layers" not in inner:
        found = inner
    for name, table in found.items():
        if not isinstance(table, dict):
            reason = f"{name!r} stands outside a network; expected layers, or [network.NAME]"
            raise Origin("", path, text).wrong(name, reason)
    if not found:
        raise UsageError(f'{path} holds no network; expected layers = "conv 3 64 p1; relu"')
    return found


def _normal(name: str) -> str:
    """Return a name as it is compared: VGG-16 is vgg16."""
    return re.sub(r"[\s_-]+", "", name.strip().lower())


def _some(names: dict[str, Any]) -> str:
    listed = [*names][:8]
    return ", ".join(listed) + (", …" if len(names) > len(listed) else "")
