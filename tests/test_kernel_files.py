"""Kernels in files: each format, each mistake with its place, and what --check says."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convcli.errors import KernelError
from convcli.kernels import Combine, check_file, parse_kernel, read_kernel
from convcli.kernels import files as files_module
from convcli.kernels.texts import FileKind

SHARPEN = [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
TOML = """
[kernel.soft]
weights = [[1, 2, 1],
           [2, 4, 2],
           [1, 2, 1]]
divisor = 16
offset = 1.5
effect = "Blurs."

["two words"]
weights = "1/9 1/9 1/9"

[kernel.across]
column = "1 2 1"
row = [-1, 0, 1]

[compound.edges]
parts = ["across", "sobel-y"]
combine = "sum-abs"
"""


@pytest.fixture
def write(tmp_path):
    def _write(name, content):
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content, encoding="utf-8")
        return path

    return _write


def refusal(path, name=None):
    with pytest.raises(KernelError) as caught:
        read_kernel(path, name)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{path.parent}/", "")


@pytest.mark.parametrize(
    ("name", "content", "weights", "divisor", "offset"),
    [
        ("k.csv", "0,-1,0\n-1,5,-1\n0,-1,0\n", SHARPEN, 1, 0),
        (
            "k.csv",
            "\ufeff# mine\r\n0, -1, 0,\r\n\r\n-1,5,-1 # middle\r\n0,-1,0\r\n",
            SHARPEN,
            1,
            0,
        ),
        ("k.csv", "0,5;1;0,5\n1;2;1\n0,5;1;0,5\n", [[0.5, 1, 0.5], [1, 2, 1], [0.5, 1, 0.5]], 1, 0),
        ("k.csv", '"1"\t"2"\n3\t4\n', [[1, 2], [3, 4]], 1, 0),
        ("k.CSV", "1/9,1/9\n1/9,1/9", [[1 / 9, 1 / 9]] * 2, 1, 0),
        ("k.csv", "1 2\n3 4", [[1, 2], [3, 4]], 1, 0),
        ("k.txt", "# three rows\n0 -1 0\n-1  5\t-1\n0 -1 0", SHARPEN, 1, 0),
        ("k.txt", "1e-1 .2", [[0.1, 0.2]], 1, 0),
        ("k.mat", "3 3 9 128\n1 1 1\n1 1 1\n1 1 1\n", [[1, 1, 1]] * 3, 9, 128),
        ("k.mat", '2, 1\n"1", "-1"\n', [[1, -1]], 1, 0),
        ("k.mat", "1 2 0.5\n1\n2\n", [[1], [2]], 0.5, 0),
        ("k.json", json.dumps(SHARPEN), SHARPEN, 1, 0),
        ("k.json", '{"weights": [[1, 2]], "divisor": 3, "offset": 4}', [[1, 2]], 3, 4),
        ("k.json", '{"weights": [["1/9", 0.5]]}', [[1 / 9, 0.5]], 1, 0),
        ("k.toml", "weights = [[0.5, 1, 0.5]]\ndivisor = 4", [[0.5, 1, 0.5]], 4, 0),
        ("k.toml", 'weights = """\n1 2\n3 4"""', [[1, 2], [3, 4]], 1, 0),
    ],
)
def test_what_is_read(write, name, content, weights, divisor, offset):
    kernel = parse_kernel(str(write(name, content)))
    assert kernel.weights.tolist() == weights
    assert (kernel.divisor, kernel.offset) == (divisor, offset)
    assert kernel.name == "k"
    assert kernel.is_integer


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "float32", "float64", ">f8", "bool"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_numpy_arrays(tmp_path, dtype, order):
    path = tmp_path / "k.npy"
    array = np.array([[0, 1, 2], [3, 4, 5]], dtype=dtype, order=order)
    np.save(path, array)
    assert np.array_equal(read_kernel(path).weights, array.astype(int))


def test_a_numpy_vector_is_a_row(tmp_path):
    np.save(tmp_path / "k.npy", np.array([0.25, 0.5, 0.25]))
    kernel = read_kernel(tmp_path / "k.npy")
    assert kernel.weights.tolist() == [[0.25, 0.5, 0.25]]
    assert kernel.divisor == 1
    assert kernel.is_integer


def test_names_in_toml(write):
    path = write("mine.toml", TOML)
    soft = parse_kernel(f"{path}#soft")
    assert (soft.name, soft.divisor, soft.offset, soft.effect) == ("soft", 16, 1.5, "Blurs.")
    assert parse_kernel(f"{path}#Two_Words").weights.tolist() == [[1 / 9] * 3]
    across = parse_kernel(f"{path}#across")
    assert across.weights.tolist() == [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    edges = parse_kernel(f"{path}#edges")
    assert edges.combine is Combine.SUM_ABS
    assert [part.name for part in edges.parts] == ["across", "sobel-y"]
    assert refusal(path) == (
        "mine.toml holds 4 kernels: soft, across, two words, edges; say which, such as "
        "mine.toml#soft"
    )
    assert refusal(path, "sofd") == "mine.toml has no kernel 'sofd'; did you mean 'soft'?"
    assert refusal(path, "x").startswith("mine.toml has no kernel 'x'; it has soft, across")


def test_the_name_may_be_left_out_if_there_is_one(write):
    assert parse_kernel(str(write("a.toml", "[kernel.one]\nweights = [[1]]"))).name == "one"
    assert parse_kernel(str(write("b.toml", "[one]\nweights = [[1]]"))).name == "one"
    assert read_kernel(write("c.json", '{"name": "one", "weights": [[1]]}')).name == "one"


def test_a_mark_in_the_name_of_the_file(write):
    assert parse_kernel(str(write("a#1.csv", "1,2"))).shape == (1, 2)


def test_parts_may_have_parameters(write):
    path = write("m.toml", '[compound.g]\nparts = ["gaussian-dx:2", "gaussian-dy:2"]')
    assert parse_kernel(str(path)).combine is Combine.MAGNITUDE


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "k.csv",
            "1,2\n3,x",
            "k.csv, line 2, column 3: 'x' is not a number; expected a number",
        ),
        ("k.csv", "a,b\n1,2", "k.csv, line 1, column 1: 'a' is not a number"),
        (
            "k.csv",
            "1,2\n# c\n3",
            "k.csv, line 3, column 1: row 2 has 1 weight, but row 1 has 2",
        ),
        ("k.csv", "1,,2", "k.csv, line 1, column 3: an empty cell; expected a number"),
        ("k.csv", "# nothing\n\n", "k.csv, line 1, column 1: the matrix is empty"),
        ("k.csv", "", "k.csv, line 1, column 1: the matrix is empty"),
        ("k.csv", b"1,2\n3,\xff", "k.csv, line 2, column 3: a byte that is not UTF-8 text"),
        ("k.csv", "1,2".encode("utf-16"), "k.csv is UTF-16; save it as UTF-8"),
        (
            "k.txt",
            "1 2\n3 4 5",
            "k.txt, line 2, column 1: row 2 has 3 weights, but row 1 has 2",
        ),
        ("k.txt", "1 1e99", "k.txt, line 1, column 3: '1e99' is too large"),
        (
            "k.txt",
            "1 " * 1002,
            "k.txt, line 1, column 1: the matrix is 1×1002; expected at most",
        ),
        (
            "k.mat",
            "",
            "k.mat, line 1, column 1: the file is empty; expected a line 'width height'",
        ),
        ("k.mat", "3\n1 1 1", "k.mat, line 1, column 1: the first line must be 'width height"),
        ("k.mat", "1.5 2\n1", "k.mat, line 1, column 1: the first line must be 'width height"),
        ("k.mat", "3 1 0\n1 1 1", "k.mat, line 1, column 1: scale is 0; expected any other"),
        ("k.mat", "3 1\n1 1", "k.mat, line 2, column 1: this row has 2 numbers; expected 3"),
        (
            "k.mat",
            "3 2\n1 1 1",
            "k.mat, line 1, column 1: there are 1 rows; the first line says 2",
        ),
        (
            "k.mat",
            b"MATLAB 5.0 MAT-file",
            "k.mat is MATLAB's own format; save the matrix as text",
        ),
        ("k.json", "[[1, 2],\n [3 4]]", "k.json, line 2, column 5: not JSON: Expecting ','"),
        ("k.json", "[[1, 2],\n [3, null]]", "k.json, line 2, column 6: None is not a number"),
        ("k.json", "[[1, 2],\n [3]]", "k.json, line 2, column 3: row 2 has 1 weight"),
        ("k.json", "[[1, NaN]]", "k.json, line 1, column 6: nan is not a finite number"),
        ("k.json", "[" * 100000, "k.json is nested too deeply, or has a number too long"),
        ("k.json", "3", "k.json holds no kernel; expected a list of rows, or weights"),
        ("k.json", '{"divisor": 3}', "k.json, line 1, column 1: kernel 'k' has no weights"),
        ("k.json", '{"weights":\n[[true]]}', "k.json, line 2, column 3: True is not a number"),
        ("k.json", '{"name": 3, "weights": [[1]]}', "k.json: name must be a text"),
        ("k.toml", "weights = [[1, 2]", "k.toml, line 1, column 18: not TOML:"),
        ("k.toml", "weights == 2", "k.toml, line 1, column 10: not TOML: Invalid value"),
        ("k.toml", "", "k.toml holds no kernel; expected [kernel.NAME] with weights"),
        ("k.toml", "a = 3", "k.toml, line 1, column 5: 'a' stands outside a table"),
        ("k.toml", "[kernel.a]\n[a]\n", "k.toml has two entries named 'a'; rename one"),
        ("k.toml", "[a]\ndivisor = 2", "k.toml, line 1, column 1: kernel 'a' has no weights"),
        (
            "k.toml",
            "[a]\nweights = [[1]]\ndivisr = 2",
            "k.toml, line 3, column 10: kernel 'a' has an unknown key 'divisr'; did you mean "
            "'divisor'?",
        ),
        (
            "k.toml",
            "[a]\nweights = [[1]]\nzz = 2",
            "k.toml, line 3, column 6: kernel 'a' has an",
        ),
        (
            "k.toml",
            "[a]\nweights = [[1]]\ndivisor = 0",
            "k.toml, line 3, column 11: divisor is 0",
        ),
        (
            "k.toml",
            "[a]\nweights = [[1]]\ndivisor = 'x'",
            "k.toml, line 3, column 11: divisor: 'x'",
        ),
        (
            "k.toml",
            "[a]\nweights = [[1]]\noffset = inf",
            "k.toml, line 3, column 10: offset: inf is",
        ),
        (
            "k.toml",
            "[a]\nweights = [[1]]\neffect = 3",
            "k.toml, line 3, column 10: effect must be",
        ),
        (
            "k.toml",
            "[a]\nweights = [[1]]\naliases = 3",
            "k.toml, line 3, column 11: aliases must",
        ),
        (
            "k.toml",
            "[a]\nweights = [[1]]\nmapping = 'x'",
            "k.toml, line 3, column 11: mapping is 'x'",
        ),
        (
            "k.toml",
            "[a]\nweights = 3",
            "k.toml, line 2, column 11: weights must be a list of rows",
        ),
        (
            "k.toml",
            "[a]\nweights = [\n  [1, 2],\n  [3],\n]",
            "k.toml, line 4, column 4: row 2 has 1 weight, but row 1 has 2",
        ),
        (
            "k.toml",
            "[a]\nweights = [[1, 2], 3]",
            "k.toml, line 2, column 20: row 2 is 3; expected",
        ),
        (
            "k.toml",
            '[a]\nweights = "1 2; 3 x"',
            "k.toml, line 2, column 19: 'x' is not a number",
        ),
        ("k.toml", '[a]\nweights = """\n1 2\n3 x"""', "k.toml, line 4, column 3: 'x' is not a"),
        ("k.toml", '[a]\nweights = """1 2\n3 x"""', "k.toml, line 3, column 3: 'x' is not a"),
        (
            "k.toml",
            "[a]\nweights = [[1]]\nrow = [1]",
            "k.toml, line 2, column 11: has weights and",
        ),
        ("k.toml", "[a]\nrow = [1]", "k.toml, line 1, column 1: kernel 'a' has no weights"),
        (
            "k.toml",
            "[a]\nrow = [1, 'x']\ncolumn = [1]",
            "k.toml, line 2, column 11: 'x' is not a",
        ),
        (
            "k.toml",
            "[a]\nrow = '1 2; 3 4'\ncolumn = [1]",
            "k.toml, line 2, column 7: row is a matrix",
        ),
        (
            "k.toml",
            "[a]\nparts = 'x'",
            "k.toml, line 2, column 9: parts must be a list of names",
        ),
        (
            "k.toml",
            "[a]\nparts = ['sobel-x',\n 'sobely']",
            "k.toml, line 3, column 2: part 'sobely': no kernel named 'sobely'; did you mean "
            "'sobel-y'?",
        ),
        (
            "k.toml",
            "[a]\nparts = ['sobel']",
            "k.toml, line 2, column 10: part 'sobel' is a compound",
        ),
        (
            "k.toml",
            "[a]\nparts = ['a']",
            "k.toml, line 2, column 10: part 'a': 'a' is a compound",
        ),
        (
            "k.toml",
            "[a]\nparts = ['sobel-x', 'sobel5-y']",
            "k.toml, line 2, column 9: compound 'a' needs kernels of one size",
        ),
        (
            "k.toml",
            "[a]\nparts = ['sobel-x']\ncombine = 'add'",
            "k.toml, line 3, column 11: combine is 'add'; expected magnitude, direction, max",
        ),
        (
            "k.toml",
            "[a]\nparts = ['sobel-x']\ncombine = 'direction'",
            "k.toml, line 2, column 9: direction needs 2 parts, along x and along y, got 1",
        ),
        (
            "k.toml",
            "[a]\nparts = ['sobel-x', 'sobel-y']\ncombine = 'share'\nshare = 2",
            "k.toml, line 4, column 9: share must be a whole number from 1 to 1, got 2",
        ),
        (
            "k.toml",
            "[a]\nparts = ['sobel-x']\nfull_scale = 0",
            "k.toml, line 3, column 14: full_scale must be above 0",
        ),
        (
            "k.toml",
            "[a]\nparts = ['sobel-x']\ndivisor = 0",
            "k.toml, line 3, column 11: divisor is 0",
        ),
        ("k.npy", b"", "k.npy: not a NumPy array that can be read: "),
        ("k.npy", b"\x93NUMPY\x01\x00\x10\x00{'descr': nonsen", "k.npy: not a NumPy array"),
    ],
)
def test_what_is_refused(write, name, content, message):
    assert refusal(write(name, content)).startswith(message)


def test_a_mistake_is_looked_for_in_its_own_table(write):
    path = write(
        "k.toml",
        "[b]\nweights = [[9]]\n[a]\nweights = [\n  [1, 2],  # [first], 3\n  [3, '4x'],\n]",
    )
    assert refusal(path, "a").startswith("k.toml, line 6, column 7: '4x' is not a number")
    assert read_kernel(path, "b").weights.tolist() == [[9]]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 2, 2)), "k.npy: the array has shape (2, 2, 2); expected rows × columns"),
        (np.zeros((0, 3)), "k.npy: the array has shape (0, 3)"),
        (np.zeros((1002, 1)), "k.npy: the array has shape (1002, 1)"),
        (np.array(3.0), "k.npy: the array has shape ()"),
        (np.ones((2, 2), dtype=complex), "k.npy: the array doesn't hold real numbers"),
        (np.array([["a"]]), "k.npy: the array doesn't hold real numbers"),
        (np.array([[object()]]), "k.npy: the array doesn't hold real numbers"),
        (np.array([[np.nan]]), "k.npy: nan is not a finite number within ±1e30"),
        (np.array([[1e200]]), "k.npy: 1e+200 is not a finite number within ±1e30"),
    ],
)
def test_arrays_that_are_refused(tmp_path, array, message):
    path = tmp_path / "k.npy"
    if array.dtype == object:
        header = np.lib.format.header_data_from_array_1_0(np.zeros((1, 1))) | {"descr": "|O"}
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
    else:
        np.save(path, array)
    assert refusal(path).startswith(message)


def test_a_large_array_is_refused_by_its_header(tmp_path):
    path = tmp_path / "k.npy"
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**9)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    assert "the array has shape (1000000000, 1000000000)" in refusal(path)


def test_an_array_that_is_cut_off(tmp_path):
    path = tmp_path / "k.npy"
    np.save(path, np.ones((3, 3)))
    path.write_bytes(path.read_bytes()[:-5])
    assert refusal(path).startswith("k.npy: the array is cut off: ")


def test_files_that_can_not_be_read(tmp_path, write, monkeypatch):
    assert refusal(tmp_path / "none.csv") == "no such file: none.csv"
    (tmp_path / "folder.csv").mkdir()
    assert refusal(tmp_path / "folder.csv").endswith("can't be read: Is a directory")
    assert refusal(write("k.yaml", "x")).startswith(
        "k.yaml is not a kernel file; expected one that"
    )
    monkeypatch.setattr(files_module, "FILE", FileKind("kernel", 2**20, KernelError))
    assert refusal(write("k.csv", "1," * 2**20)) == "k.csv is larger than 1 MB; not a kernel"


@given(data=st.binary(max_size=60), suffix=st.sampled_from(["csv", "txt", "mat", "json", "toml"]))
@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_bytes_break_it(write, data, suffix):
    assert "\n" not in "".join(
        item.error for item in check_file(write(f"k.{suffix}", data)).kernels
    )


@given(place=st.integers(0, 200), value=st.integers(0, 255))
@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_broken_header_breaks_it(write, place, value):
    stream = io.BytesIO()
    np.save(stream, np.ones((3, 3)))
    data = bytearray(stream.getvalue())
    data[place % len(data)] = value
    assert len(check_file(write("k.npy", bytes(data))).kernels) == 1


@given(text=st.text("[]{}=.\"'#\n 0123abckernlweightsp,-", max_size=60))
@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_toml_or_json_breaks_it(write, text):
    for name, content in (
        ("k.toml", text),
        ("k.json", text),
        ("l.toml", f"[kernel.a]\nweights = {text}"),
        ("l.json", f'{{"weights": {text}}}'),
    ):
        for item in check_file(write(name, content)).kernels:
            assert "\n" not in item.error


# --check


def test_check_tells_each_kernel_of_a_file(write):
    path = write("m.toml", "[a]\nweights = [[1, 'x']]\n[b]\nweights = [[1, 1, 1]]\ndivisor = 3\n")
    found = check_file(path)
    assert not found.ok
    bad, good = found.kernels
    assert (bad.name, bad.kernel, bad.line, bad.column) == ("a", None, 2, 16)
    assert bad.error == f"{path}, line 2, column 16: 'x' is not a number; " + (
        "expected a number such as 5, -0.5, 1e-3 or 1/9"
    )
    assert (good.name, good.error, good.warnings) == ("b", "", ())
    assert good.kernel.sum == 1


def test_check_of_a_file_that_is_not_there(tmp_path):
    found = check_file(tmp_path / "none.toml")
    assert not found.ok
    assert found.kernels[0].error.startswith("no such file")


@pytest.mark.parametrize(
    ("entry", "warning"),
    [
        (
            "weights = [[1, 1]]",
            "the sum is 2: flat areas become brighter; divisor 2 would keep them",
        ),
        (
            "weights = [[1, 1]]\ndivisor = 8",
            "the sum is 0.25: flat areas become darker; divisor 2",
        ),
        ("weights = [[-1, -1]]", "the sum is -2: flat areas become negative; divisor -2 would"),
        (
            "weights = [[0.333, 0.333, 0.333]]",
            "the sum is 0.999, nearly but not 1; is a weight rounded or mistyped?",
        ),
        (
            "weights = [[-1, 2, -1.01]]",
            "the sum is -0.01, nearly but not 0; is a weight rounded or mistyped?",
        ),
        (
            "weights = [[1, 1, 1]]\nfamily = 'smoothing'",
            "the sum is 3, but a smoothing kernel has sum 1",
        ),
        (
            "weights = [[1, 0, 1]]\nfamily = 'gradient'",
            "the sum is 2, but a gradient kernel has sum 0",
        ),
        (
            "weights = '0 0 0 0 0; 0 1 0 0 0; 0 0 0 0 0'",
            "the outermost weights are all 0; 1×3 would do the same",
        ),
    ],
)
def test_warnings(write, entry, warning):
    item = check_file(write("m.toml", f"[mine]\n{entry}")).kernels[0]
    assert item.error == ""
    assert any(text.startswith(warning) for text in item.warnings), item.warnings


@pytest.mark.parametrize(
    "entry",
    [
        "weights = [[1, -1]]",
        "weights = [[1, 1]]\ndivisor = 2",
        "weights = [[1, -2, 1]]\nfamily = 'line'",
    ],
)
def test_no_warnings_where_nothing_is_odd(write, entry):
    assert check_file(write("m.toml", f"[mine]\n{entry}")).kernels[0].warnings == ()


def test_warnings_about_names(write):
    text = "[Sobel]\nweights = [[1]]\n[x-y]\nweights = [[1]]\n[x_y]\nweights = [[1]]\n"
    sobel, first, second = check_file(write("m.toml", text)).kernels
    assert sobel.warnings == ("convcli has a kernel 'sobel' too; the name alone means that one",)
    assert first.warnings == second.warnings
    assert first.warnings == ("another kernel of the file differs only in case or hyphens",)


def test_notes(write):
    item = check_file(write("m.toml", "[a]\nweights = '1 1 1 1; 2 2 2 2; 1 1 1 1'")).kernels[0]
    assert item.notes == (
        "the size 3×4 is even, so there is no centre: the result stands at row 2, column 3 of "
        "the kernel",
        "separable: a column and a row do the same with 7 multiplications instead of 12",
    )
    assert check_file(write("n.toml", "[a]\nparts = ['sobel-x']")).kernels[0].notes == ()
