"""The kernels known by name: those of kernels.toml, and the generators.

kernels.toml is cut into its tables, and a table is parsed when it is asked for: a single kernel
costs a tenth of parsing the whole file.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convcli.errors import KernelError
from convcli.record import record

if TYPE_CHECKING:
    from convcli.kernels.generator import Generator
    from convcli.kernels.kernel import Compound, Kernel

_HEADER = re.compile(r'\[(kernel|compound)\.(?:"([^"\n]+)"|([\w-]+))\]')
_ALIASES = re.compile(r"^aliases = (\[.*\])$", re.MULTILINE)


@record
class Listing:
    """What a list of kernels says of one.

    Parameters
    ----------
    name, family, effect, aliases
        As for a `Kernel`.
    form
        `kernel`, `compound` or `generator`.
    usage
        How it is written: its name, with the parameters and their defaults for a generator.
    """

    name: str
    family: str
    effect: str
    aliases: tuple[str, ...]
    form: str
    usage: str


def get_kernel(name: str, **params: object) -> Kernel | Compound:
    """Return a kernel by its name.

    Parameters
    ----------
    name
        A name or an alias, in any case, with hyphens, underscores or spaces; for a generator
        also with parameters: ``'gaussian:sigma=2'``.
    params
        Parameters of a generator.

    Raises
    ------
    KernelError
        If there is none of that name, or a parameter is wrong.

    Examples
    --------
    >>> get_kernel("Sobel_X").name
    'sobel-x'
    >>> get_kernel("gaussian", sigma=2).shape
    (17, 17)
    """
    head, colon, tail = name.partition(":")
    known = canonical(head)
    if known is not None and not colon and not params:
        return _library(known)
    generator = _generators(aliases=True).get(normal(head))
    if generator is not None:
        return generator.parse(tail, **params) if params else _generated(normal(head), tail)
    if known is None:
        raise KernelError(_unknown(head))
    raise KernelError(f"{known!r} has no parameters; those that have: {', '.join(_generators())}")


@lru_cache(maxsize=64)
def _generated(name: str, parameters: str) -> Kernel | Compound:
    """Return a generator's kernel; the same one for the same text."""
    return _generators(aliases=True)[name].parse(parameters)


def names(aliases: bool = False) -> tuple[str, ...]:
    """All names: kernels and compounds in the file's order, then generators.

    Parameters
    ----------
    aliases
        Whether other names follow.
    """
    found = (*_tables(), *_generators())
    more = (*_aliases(), *_generators(aliases=True)) if aliases else ()
    return tuple(dict.fromkeys((*found, *more)))


def families() -> dict[str, tuple[Listing, ...]]:
    """Return what there is, by family; no matrix is made."""
    found: dict[str, list[Listing]] = {}
    for name, (form, _) in _tables().items():
        table = _table(name)
        listing = Listing(
            name, table["family"], table["effect"], tuple(table.get("aliases", ())), form, name
        )
        found.setdefault(listing.family, []).append(listing)
    for generator in _generators().values():
        found.setdefault(generator.family, []).append(
            Listing(
                generator.name,
                generator.family,
                generator.effect,
                generator.aliases,
                "generator",
                generator.usage,
            )
        )
    return {family: tuple(listings) for family, listings in found.items()}


def suggest(name: str, count: int = 3) -> tuple[str, ...]:
    """Return the names nearest to one that isn't known, the best first.

    Examples
    --------
    >>> suggest("sobelx")[0]
    'sobel-x'
    """
    from difflib import get_close_matches

    key = normal(name)
    known = names(aliases=True)
    joined = key.replace("-", "")
    same = [other for other in known if other.replace("-", "") == joined]
    close = get_close_matches(key[:64], known, n=count, cutoff=0.6)
    return tuple(dict.fromkeys([*same, *close]))[:count]


def canonical(name: str) -> str | None:
    """Return the name under which kernels.toml has this name or alias; None if it hasn't."""
    key = normal(name)
    return key if key in _tables() else _aliases().get(key)


def normal(name: str) -> str:
    """Return a name as it is compared: lower case, hyphens for underscores and spaces."""
    return re.sub(r"[\s_-]+", "-", name.strip().lower())


def _unknown(name: str) -> str:
    from convcli.kernels.others import other

    if said := other(normal(name)):
        return said
    shown = name.strip()
    shown = shown if len(shown) <= 40 else shown[:39] + "…"
    close = suggest(name, 1)
    hint = f"did you mean {close[0]!r}?" if close else "'convcli kernels' lists them"
    return f"no kernel named {shown!r}; {hint}"


@cache
def _library(name: str) -> Kernel | Compound:
    from convcli.kernels.tables import make_entry

    return make_entry(name, _table(name), get_kernel)


@cache
def _table(name: str) -> dict[str, Any]:
    form, text = _tables()[name]
    table: dict[str, Any] = tomllib.loads(text)[form][name]
    return table


@cache
def _tables() -> dict[str, tuple[str, str]]:
    """Form and text of every table, by name."""
    text = _file().read_text(encoding="utf-8")
    starts = [*re.finditer(rf"^{_HEADER.pattern}$", text, re.MULTILINE)]
    ends = [*(match.start() for match in starts[1:]), len(text)]
    return {
        match[2] or match[3]: (match[1], text[match.start() : end])
        for match, end in zip(starts, ends, strict=True)
    }


@cache
def _aliases() -> dict[str, str]:
    return {
        alias: name
        for name, (_, text) in _tables().items()
        if (match := _ALIASES.search(text))
        for alias in re.findall('"([^"]+)"', match[1])
    }


def _generators(aliases: bool = False) -> dict[str, Generator]:
    """Return the generators by name; imported late, as most kernels aren't theirs."""
    from convcli.kernels.generators import BY_NAME, GENERATORS

    return BY_NAME if aliases else GENERATORS


def _file() -> Path:
    """The file: inside the package once installed, beside it in the source tree."""
    here = Path(__file__).parent
    for folder in (here, here.parents[1]):
        if (folder / "kernels.toml").is_file():
            return folder / "kernels.toml"
    raise KernelError("kernels.toml is missing from the installation; install convcli again")
