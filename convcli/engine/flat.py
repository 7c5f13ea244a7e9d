"""Object code laid out as one piece that runs wherever it is put.

What a compiler emits is sections with references between them, for a linker to fill in. Here they
are put one after the other and the references filled in, which only counts distances: so the
result can be copied to any address and called. Layout and names: System V ABI, "ELF-64 Object
File Format"; the kinds of references: "AMD64 Architecture Processor Supplement", table 4.9.
"""

from __future__ import annotations

from struct import Struct, error, unpack_from
from typing import NamedTuple

#: The largest alignment that is kept: memory comes in pages of so many bytes, or of more.
PAGE = 4096

_OBJECT = b"\x7fELF\x02\x01\x01"  # 64 bits, little-endian, version 1
_AMD64, _RELOCATABLE = 62, 1
_SECTION, _SYMBOL, _RELOCATION = Struct("<IIQQQQIIQQ"), Struct("<IBBHQQ"), Struct("<QQq")
_SYMBOLS, _RELOCATIONS, _WITHOUT_ADDENDS, _UNWINDING = 2, 4, 9, 0x70000001
_WRITABLE, _LOADED = 1, 2
#: Kinds of references that are a distance, and their bytes: PC32, PLT32, PC64.
_DISTANCES = {2: 4, 4: 4, 24: 8}


class NotFlatError(ValueError):
    """Object code that needs more than distances: addresses, memory of its own, a library."""


class _Section(NamedTuple):
    """An entry of the table of sections."""

    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry: int


def flatten(code: bytes, entry: str = "entry") -> tuple[bytes, int]:
    """Lay object code out as one piece.

    Parameters
    ----------
    code
        A relocatable ELF file for x86-64.
    entry
        The name of the function to be called.

    Returns
    -------
    tuple of bytes and int
        The piece, to be put at the beginning of a page, and where in it the function begins.

    Raises
    ------
    NotFlatError
        If it is another kind of file, or refers to anything outside.
    """
    try:
        return _flatten(code, entry.encode())
    except (error, IndexError, KeyError) as reason:
        raise NotFlatError(f"broken object code: {reason}") from reason


def _flatten(code: bytes, entry: bytes) -> tuple[bytes, int]:
    sections = _read_sections(code)
    piece, places = _lay_out(code, sections)
    symbols: list[tuple[bytes, int | None]] = []
    for section in sections:
        if section.type == _SYMBOLS:
            symbols = _read_symbols(code, section, sections[section.link], places)
    for section in sections:
        if section.type in (_RELOCATIONS, _WITHOUT_ADDENDS) and section.info in places:
            _refer(piece, code, section, places[section.info], symbols)
    start = dict(symbols).get(entry)
    if start is None:
        raise NotFlatError(f"no function named {entry.decode()!r}")
    return bytes(piece), start


def _read_sections(code: bytes) -> list[_Section]:
    if not code.startswith(_OBJECT) or unpack_from("<HH", code, 16) != (_RELOCATABLE, _AMD64):
        raise NotFlatError("not a relocatable ELF file for x86-64")
    table, *_, size, count, _ = unpack_from("<QIHHHHHH", code, 40)
    return [_Section(*_SECTION.unpack_from(code, table + k * size)) for k in range(count)]


def _lay_out(code: bytes, sections: list[_Section]) -> tuple[bytearray, dict[int, int]]:
    """Put what is loaded one after the other; where each section is, by its number."""
    piece = bytearray()
    places = {}
    for number, section in enumerate(sections):
        # Without its table for unwinding a function can't raise, and these don't.
        if not section.flags & _LOADED or section.type == _UNWINDING or not section.size:
            continue
        if section.flags & _WRITABLE:
            raise NotFlatError("needs memory that can be written")
        if section.align > PAGE:
            raise NotFlatError(f"needs an alignment of {section.align} bytes")
        piece += bytes(-len(piece) % max(section.align, 1))
        places[number] = len(piece)
        content = code[section.offset : section.offset + section.size]
        if len(content) < section.size:
            raise NotFlatError("broken object code: cut short")
        piece += content
    return piece, places


def _read_symbols(
    code: bytes, table: _Section, names: _Section, places: dict[int, int]
) -> list[tuple[bytes, int | None]]:
    """Name and place in the piece of each symbol; None for what isn't in it."""
    found: list[tuple[bytes, int | None]] = []
    for at in range(table.offset, table.offset + table.size, _SYMBOL.size):
        name, _, _, section, value, _ = _SYMBOL.unpack_from(code, at)
        begin = names.offset + name
        place = places[section] + value if section in places else None
        found.append((code[begin : code.index(0, begin)], place))
    return found


def _refer(
    piece: bytearray,
    code: bytes,
    table: _Section,
    base: int,
    symbols: list[tuple[bytes, int | None]],
) -> None:
    """Fill in the references of a section that begins at `base`."""
    if table.type == _WITHOUT_ADDENDS:
        raise NotFlatError("has references without addends")
    for at in range(table.offset, table.offset + table.size, _RELOCATION.size):
        offset, info, addend = _RELOCATION.unpack_from(code, at)
        symbol, kind = info >> 32, info & 0xFFFFFFFF
        name, target = symbols[symbol]
        size = _DISTANCES.get(kind)
        if size is None:
            raise NotFlatError(f"refers to {name.decode()!r} in a way of kind {kind}")
        if target is None:
            raise NotFlatError(f"needs {name.decode()!r}, which is elsewhere")
        where = base + offset
        distance, most = target + addend - where, 2 ** (8 * size - 1)
        if not -most <= distance < most or where + size > len(piece):
            raise NotFlatError("a reference leads too far")
        piece[where : where + size] = distance.to_bytes(size, "little", signed=True)
