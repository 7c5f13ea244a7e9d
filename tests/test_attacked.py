"""Small files that would take long, or tell lies: attacks by other means than the fuzzer's."""

from __future__ import annotations

import re
import time

import pytest

from convcli.errors import ConvError
from convcli.kernels.files import read_kernel
from convcli.kernels.texts import Kind

#: Seconds: machines that are busy are given time; what was found took minutes.
SOON = 5.0


def refused_soon(read, *words):
    start = time.perf_counter()
    with pytest.raises(ConvError) as caught:
        read()
    taken = time.perf_counter() - start
    said = str(caught.value)
    assert taken < SOON, f"{taken:.1f} s: {said}"
    assert "\n" not in said
    assert len(said) < 300
    for word in words:
        assert word in said, said
    return said


# Kernel files


@pytest.mark.parametrize(
    "text",
    [
        ".".join(["a"] * 100_000) + " = 1",
        "[" + ".".join(["a"] * 100_000) + "]\nweights = [[1]]",
        "[[" + " . ".join(["a"] * 100_000) + "]]\nweights = [[1]]",
        "k = {" + ".".join(["a"] * 100_000) + " = 1}",
        ".".join(['"a b"'] * 50_000) + " = 1",
        ".".join(["'a.b'"] * 50_000) + " = 1",
    ],
    ids=["key", "table", "list", "inline", "quoted", "literal"],
)
def test_keys_of_very_many_parts_take_no_time(text, tmp_path):
    (tmp_path / "k.toml").write_text(text)
    refused_soon(lambda: read_kernel(tmp_path / "k.toml"), "more than 32 parts")


@pytest.mark.parametrize(
    "piece", ['"""\\', "'''\"\"\"", '"\\', "a.a.a\n", ' "', "#", "a . a ", "'"]
)
def test_looking_for_such_keys_takes_no_time(piece):
    kind = Kind("kernel", 2**20, ConvError)
    refused_soon(lambda: kind.parse_toml("k.toml", "." * 32 + (piece * 2**20)[: 2**20]))


def test_dots_elsewhere_are_no_keys(tmp_path):
    dots = ".".join(["a"] * 99)
    text = f"# {dots}\n[k]\nnote = \"{dots}\"\nsource = '''\n{dots} = 1'''\nweights = [[1.5]]\n"
    (tmp_path / "k.toml").write_text(text)
    assert read_kernel(tmp_path / "k.toml").name == "k"


@pytest.mark.parametrize("suffix", ["csv", "txt", "mat"])
@pytest.mark.parametrize("piece", ["\n", "#\n", " ", " \n", "#"])
def test_tables_of_nothing_take_neither_time_nor_memory(piece, suffix, tmp_path):
    file = tmp_path / f"k.{suffix}"
    file.write_text((piece * 2**21)[: 2**21])
    refused_soon(lambda: read_kernel(file), "empty")


def test_lines_are_counted_with_those_that_say_nothing(tmp_path):
    (tmp_path / "k.csv").write_text("# c\n\n  # c\n1,2 # c\n \n\n3,x\n")
    said = refused_soon(lambda: read_kernel(tmp_path / "k.csv"), "line 7, column 3")
    assert "'x'" in said


@pytest.mark.parametrize("suffix", ["csv", "toml", "json"])
def test_long_numbers_are_called_long(suffix, tmp_path):
    digits = "9" * 5000 if suffix != "csv" else "0." + "1" * 500
    file = tmp_path / f"k.{suffix}"
    file.write_text(
        {"toml": f"weights = [[{digits}]]", "json": f"[[{digits}]]"}.get(suffix, digits)
    )
    said = refused_soon(lambda: read_kernel(file), "too long")
    assert not re.search("conversion|Exceeds|too large", said)
