"""Kernels in NumPy array files: every real type is read, every odd header is one line."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from command import call
from hypothesis import given, settings
from hypothesis import strategies as st

from convcli.errors import KernelError
from convcli.kernels import read_kernel

GOOD = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }"


def array_file(header, data=bytes(48), version=(1, 0), length=None):
    """A file with any header."""
    text = header if isinstance(header, bytes) else header.encode("utf-8")
    count = len(text) if length is None else length
    return (
        b"\x93NUMPY"
        + bytes(version)
        + count.to_bytes(4 - 2 * (version[0] == 1), "little")
        + (text + data)
    )


ODD = {
    "bool in its shape": GOOD.replace("(2, 3)", "(True, 3)"),
    "negative": GOOD.replace("(2, 3)", "(-2, 3)"),
    "both negative": GOOD.replace("(2, 3)", "(-2, -3)"),
    "floats": GOOD.replace("(2, 3)", "(2.0, 3)"),
    "nested": GOOD.replace("(2, 3)", "((2,), 3)"),
    "a list": GOOD.replace("(2, 3)", "[2, 3]"),
    "a number": GOOD.replace("(2, 3)", "6"),
    "a word": GOOD.replace("(2, 3)", "('2', 3)"),
    "none": GOOD.replace("(2, 3)", "None"),
    "huge": GOOD.replace("(2, 3)", "(10**9, 3)"),
    "huge digits": GOOD.replace("(2, 3)", f"(1{'0' * 5000}, 3)"),
    "too large": GOOD.replace("(2, 3)", "(1002, 1)"),
    "beyond the file": GOOD.replace("(2, 3)", "(1001, 1001)"),
    "empty": GOOD.replace("(2, 3)", "(0, 3)"),
    "no dimensions": GOOD.replace("(2, 3)", "()"),
    "three dimensions": GOOD.replace("(2, 3)", "(1, 2, 3)"),
    "no order": GOOD.replace("False", "None"),
    "an order that is a number": GOOD.replace("False", "0"),
    "complex": GOOD.replace("<f8", "<c16"),
    "objects": GOOD.replace("<f8", "|O"),
    "text": GOOD.replace("<f8", "<U4"),
    "bytes": GOOD.replace("<f8", "|S4"),
    "times": GOOD.replace("<f8", "<M8[s]"),
    "void": GOOD.replace("<f8", "|V8"),
    "structured": GOOD.replace("'<f8'", "[('a', '<f8')]"),
    "no type at all": GOOD.replace("'<f8'", "()"),
    "no type but a list": GOOD.replace("'<f8'", "[]"),
    "a type in a tuple": GOOD.replace("'<f8'", "('<f8', (2,))"),
    "a type that is a table": GOOD.replace("'<f8'", "{}"),
    "a type that is none": GOOD.replace("<f8", "<f9"),
    "a type of any size": GOOD.replace("<f8", "<f99999999999"),
    "controls": GOOD.replace("<f8", "\x1b[31m"),
    "a key too many": GOOD.replace("}", "'more': 1}"),
    "a key too few": GOOD.replace("'fortran_order': False, ", ""),
    "keys that are numbers": "{1: 2, 3: 4, 5: 6}",
    "no table": "[1, 2]",
    "a call": "__import__('os').mkdir('made')",
    "a set": "{'descr', 'fortran_order', 'shape'}",
    "deep": "[" * 5000,
    "deeper": "-" * 9000 + "1",
    "a NUL": GOOD + "\0",
    "escapes": GOOD.replace("descr", "de\\scr"),
    "empty header": "",
    "no key can have this": "{[]: 1}",
}


def refusal(path, data):
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(KernelError, match=r"k\.npy: ") as caught:
            read_kernel(path)
    return str(caught.value)


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_an_odd_header_is_one_line(name, version, tmp_path):
    said = refusal(tmp_path / "k.npy", array_file(ODD[name], version=version))
    assert said.isprintable()
    assert len(said) < len(str(tmp_path)) + 200
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x93NUMPY", b"\x93NUMPY\1\0", b"\x93NUMPY\1\0\xff", array_file(GOOD, version=(0, 0)),
        array_file(GOOD, version=(4, 0)), array_file(GOOD, length=9), array_file(GOOD, length=999),
        array_file(GOOD, length=2**31, version=(2, 0)), array_file(GOOD, bytes(47)),
        array_file(GOOD, b""), array_file(GOOD + " " * 20_000),
    ],
    ids=repr,
)  # fmt: skip
def test_a_file_that_is_cut_or_lies_is_one_line(data, tmp_path):
    assert refusal(tmp_path / "k.npy", data).isprintable()


def test_the_command_says_one_line(tmp_path, samples):
    (tmp_path / "bool.npy").write_bytes(array_file(ODD["bool in its shape"]))
    said = call("apply", tmp_path / "bool.npy", samples / "grid-7x7.png", "-o", tmp_path / "o.png")
    assert (said.status, len(said.lines)) == (2, 1)
    assert call("kernels", tmp_path / "bool.npy").status == 2
    said = call("kernels", "--check", tmp_path / "bool.npy")
    assert said.status == 1
    assert "its shape isn't one of whole numbers" in " ".join(said.out.split())


@pytest.mark.parametrize("kind", ["?", *"bBhHiIlLqQefdg"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("layout", ["C", "F"])
def test_every_real_type_is_read(kind, order, layout, tmp_path):
    weights = np.array([[1, 0, 1], [0, 1, 1]]).astype(np.dtype(kind).newbyteorder(order))
    np.save(tmp_path / "k.npy", np.asarray(weights, order=layout))
    assert read_kernel(tmp_path / "k.npy").weights.tolist() == [[1, 0, 1], [0, 1, 1]]


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_is_read_and_what_python_2_wrote(version, tmp_path):
    data = np.arange(6.0).tobytes()
    for header in (GOOD, GOOD.replace("(2, 3)", "(2L, 3L)")):
        (tmp_path / "k.npy").write_bytes(array_file(header, data, version))
        assert read_kernel(tmp_path / "k.npy").weights.tolist() == [[0, 1, 2], [3, 4, 5]]


LITERALS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=8), inner, max_size=3),
    ),
    max_leaves=6,
)  # fmt: skip


@pytest.mark.exhaustive
@given(
    st.one_of(LITERALS, st.just((2, 3))), st.one_of(LITERALS, st.just("<f8")),
    st.one_of(LITERALS, st.just(False)), st.binary(max_size=60),
)  # fmt: skip
@settings(max_examples=200)
def test_any_header_is_a_kernel_or_one_line(tmp_path_factory, shape, kind, across, data):
    path = tmp_path_factory.mktemp("any") / "k.npy"
    header = repr({"descr": kind, "fortran_order": across, "shape": shape})
    path.write_bytes(array_file(header.encode("utf-8", "replace"), data))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            assert read_kernel(path).shape
        except KernelError as error:
            assert str(error).isprintable()  # noqa: PT017
