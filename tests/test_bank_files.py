"""Banks of filters as people keep them: every file kind is read, every mistake is one line."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile

import numpy as np
import pytest

from convcli.errors import KernelError
from convcli.kernels import Kernel, get_kernel, read_kernel
from convcli.kernels.bank import Bank, stacked
from convcli.kernels.bank_files import read_bank
from convcli.kernels.bank_notation import parse_bank, parse_layer

WEIGHTS = np.arange(2 * 3 * 3 * 5, dtype=np.float32).reshape(2, 3, 3, 5) / 7
BIAS = np.array([0.5, -1], np.float32)


def safetensors(tensors, header=None, length=None):
    """A file of tensors, each a dtype's name and an array; its header may be another."""
    entries, parts, at = {}, [], 0
    for name, (kind, array) in tensors.items():
        data = array.tobytes()
        offsets = [at, at + len(data)]
        entries[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": offsets}
        parts.append(data)
        at += len(data)
    text = json.dumps(entries if header is None else header(entries)).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + b"".join(parts)


def write_npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def write_tensors(path, **arrays):
    path.write_bytes(safetensors({name: ("F32", array) for name, array in arrays.items()}))
    return path


def refusal(path, name=None, **settings):
    with pytest.raises(KernelError) as caught:
        read_bank(path, name, **settings)
    said = str(caught.value)
    assert "\n" not in said
    assert path.name in said
    return said


@pytest.mark.parametrize("write", [write_npz, write_tensors])
@pytest.mark.parametrize("word", ["weight", "weights", "anything"])
def test_weights_and_the_bias_beside_them(write, word, tmp_path):
    suffix = ".npz" if write is write_npz else ".safetensors"
    bank = read_bank(write(tmp_path / f"bank{suffix}", **{word: WEIGHTS, "bias": BIAS}))
    assert bank.weights.dtype == np.float32
    assert (bank.weights == WEIGHTS).all()
    assert bank.bias.tolist() == [0.5, -1]
    assert (bank.name, bank.shape, bank.parameters) == ("bank", (2, 3, 3, 5), 92)


@pytest.mark.parametrize("write", [write_npz, write_tensors])
def test_one_of_several_is_chosen_by_its_name(write, tmp_path):
    suffix = ".npz" if write is write_npz else ".safetensors"
    arrays = {"conv1.weight": WEIGHTS, "conv1.bias": BIAS, "conv2.weight": WEIGHTS[:, :2] + 1}
    path = write(tmp_path / f"net{suffix}", **arrays)
    for name in ("conv1", "conv1.weight"):
        bank = read_bank(path, name)
        assert (bank.weights == WEIGHTS).all()
        assert (bank.bias == BIAS).all()
    assert read_bank(path, "conv2").bias is None
    said = refusal(path)
    assert "2 banks: conv1.weight, conv2.weight" in said
    assert f"{path}#conv1" in said
    assert "did you mean 'conv1'?" in refusal(path, "convl1")
    layer = parse_layer(f"{path}#conv2:stride=2x3,padding=1x0x2x1,groups=2,dilation=4")
    assert (layer.stride, layer.padding) == ((2, 3), ((1, 0), (2, 1)))
    assert (layer.groups, layer.dilation, layer.name) == (2, 4, "net-conv2")


def test_a_filter_over_depth_is_a_bank_of_one(tmp_path):
    np.save(tmp_path / "one.npy", WEIGHTS[0])
    bank = parse_layer(str(tmp_path / "one.npy"))
    assert (bank.shape, bank.channels) == ((1, 3, 3, 5), 3)
    np.save(tmp_path / "flat.npy", WEIGHTS[0, 0])
    assert isinstance(parse_layer(str(tmp_path / "flat.npy")), Kernel)
    assert parse_layer(str(tmp_path / "flat.npy:stride=2")).shape == (1, 1, 3, 5)


def test_an_archive_says_where_it_is_laid(tmp_path):
    path = write_npz(tmp_path / "b.npz", weight=WEIGHTS, stride=[2, 1], padding=3, groups=2)
    bank = read_bank(path)
    assert (bank.stride, bank.padding, bank.groups, bank.channels) == ((2, 1), 3, 2, 6)
    assert read_bank(path, stride=5).stride == 5
    assert "stride" in refusal(write_npz(path, weight=WEIGHTS, stride=[1.5]))


KINDS = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2",
    "I8": "<i1", "U8": "<u1", "U16": "<u2", "BOOL": "|b1",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_of_tensors(kind, tmp_path):
    numbers = np.arange(18).reshape(2, 1, 3, 3).astype(KINDS[kind])
    path = tmp_path / "b.safetensors"
    path.write_bytes(safetensors({"w": (kind, numbers)}))
    bank = read_bank(path)
    assert (bank.weights == numbers).all()
    assert bank.weights.dtype == (np.float32 if kind in ("F32", "F16") else np.float64)


def test_bfloat16_is_the_upper_half_of_a_float(tmp_path):
    numbers = np.array([1, -0.5, 3.140625, 2.0**100], np.float32)
    halves = (numbers.view(np.uint32) >> 16).astype("<u2").reshape(1, 1, 2, 2)
    path = tmp_path / "b.safetensors"
    path.write_bytes(safetensors({"w": ("BF16", halves)}))
    assert read_bank(path).weights.reshape(-1).tolist() == numbers.tolist()


WHOLE = safetensors({"conv.weight": ("F32", WEIGHTS), "conv.bias": ("F32", BIAS)})


def changed(**change):
    """The file with another entry for the weights."""
    return safetensors({"w": ("F32", WEIGHTS)}, header=lambda entries: {"w": entries["w"] | change})


DAMAGED = {
    "empty": b"",
    "no header": WHOLE[:7],
    "a header larger than the file": struct.pack("<Q", 2**40) + WHOLE[8:],
    "the largest length": b"\xff" * 8 + WHOLE[8:],
    "not JSON": struct.pack("<Q", 5) + b"hello" + bytes(99),
    "deep": struct.pack("<Q", 200_000) + b"[" * 200_000,
    "a list": safetensors({}, header=lambda _: [1, 2]),
    "no tensors": safetensors({}),
    "an entry that is a number": safetensors({}, header=lambda _: {"w": 3}),
    "no shape": safetensors({}, header=lambda _: {"w": {"dtype": "F32"}}),
    "an unknown type": changed(dtype="F8_E4M3"),
    "another type": changed(dtype="F64"),
    "a type that is a number": changed(dtype=4),
    "a type that is a list": changed(dtype=[]),
    "another shape": changed(shape=[2, 3, 3, 6]),
    "a huge shape": changed(shape=[2**62, 2**62, 2**62]),
    "a negative size": changed(shape=[-2, -3, 3, 5]),
    "a size that is true": changed(shape=[True, 3, 3, 30]),
    "offsets behind the end": changed(data_offsets=[360, 720]),
    "offsets the other way round": changed(data_offsets=[360, 0]),
    "negative offsets": changed(data_offsets=[-360, 0]),
    "one offset": changed(data_offsets=[0]),
    "offsets that are words": changed(data_offsets="ab"),
    "two dimensions": safetensors({"w": ("F32", WEIGHTS[0, 0])}),
    "nothing in it": safetensors({"weight": ("F32", WEIGHTS[:0])}),
    "no finite number": safetensors({"w": ("F32", np.full_like(WEIGHTS, np.inf))}),
    "biases for others": safetensors({"weight": ("F32", WEIGHTS), "bias": ("F32", BIAS[:1])}),
    "filters too large": safetensors({"w": ("U8", np.ones((1, 1, 1, 1002), np.uint8))}),
}  # fmt: skip


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_damaged_tensors_are_one_line(data, tmp_path):
    path = tmp_path / "b.safetensors"
    path.write_bytes(data)
    refusal(path)


@pytest.mark.parametrize("size", [*range(0, len(WHOLE), 17), len(WHOLE) - 1])
def test_tensors_cut_short_anywhere(size, tmp_path):
    path = tmp_path / "b.safetensors"
    path.write_bytes(WHOLE[:size])
    refusal(path)


class Attack:
    """What would make a file if it were unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_pickled_objects_are_never_unpickled(tmp_path):
    made = tmp_path / "made"
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        content, {"descr": "|O", "fortran_order": False, "shape": (1, 3, 3, 3)}
    )
    content.write(pickle.dumps(Attack(made)))
    path = tmp_path / "b.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weight.npy", content.getvalue())
    assert "no bank" in refusal(path)
    refusal(path, "weight")
    (tmp_path / "b.npy").write_bytes(content.getvalue())
    assert "real numbers" in refusal(tmp_path / "b.npy")
    (tmp_path / "c.npz").write_bytes(pickle.dumps(Attack(made)))
    refusal(tmp_path / "c.npz")
    assert not made.exists()


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.99])
def test_archives_cut_short(share, tmp_path):
    path = write_npz(tmp_path / "b.npz", weight=WEIGHTS)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    refusal(path)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_files_with_wrong_bytes_are_one_line(suffix, rng, tmp_path):
    np.savez_compressed(tmp_path / "b.npz", weight=WEIGHTS, bias=BIAS)
    data = (tmp_path / "b.npz").read_bytes() if suffix == ".npz" else WHOLE
    path, said = tmp_path / f"c{suffix}", []
    for _ in range(300):
        changed = bytearray(data)
        for at in rng.integers(0, len(data), 3):
            changed[at] = rng.integers(0, 256)
        path.write_bytes(changed)
        try:
            read_bank(path)
        except KernelError as error:
            said.append(str(error))
    assert said
    assert not [each for each in said if "\n" in each]


def test_files_that_are_none(tmp_path):
    assert "no such file" in refusal(tmp_path / "none.npz")
    assert "no such file" in refusal(tmp_path / "none.safetensors")
    (tmp_path / "folder.npz").mkdir()
    assert "directory" in refusal(tmp_path / "folder.npz")
    (tmp_path / "text.csv").write_text("1 2 3")
    assert "ends in .npz" in refusal(tmp_path / "text.csv")
    path = write_npz(tmp_path / "b.npz", bias=BIAS)
    assert "no bank" in refusal(path)
    assert "no parameter 'strides'" in refusal(path, strides=2)


MADE = """
[kernel.mine]
weights = "1 2 1"
divisor = 4

[bank.edges]
filters = ["sobel-x", "0 1; 2 3", "mine", \"\"\"
1
2\"\"\"]
bias = [0, 0.5, 1, -1]
stride = [2, 1]
padding = "valid"
note = "four of them"

[bank.colours]
filters = [["1", "-1", "0"], ["1/2", "1/2", "-1"]]
names = ["red-green", "yellow-blue"]

[bank.numbers]
weights = [[[[1, 2], [3, 4]]], [[["1/2", 0], [0, 1]]]]
divisor = 2
groups = 2
"""


def test_banks_in_toml(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text(MADE)
    edges = read_bank(path, "edges")
    assert (edges.shape, edges.stride, edges.padding) == ((4, 1, 3, 3), (2, 1), "valid")
    assert edges.bias.tolist() == [0, 0.5, 1, -1]
    assert edges.weights[0, 0].tolist() == get_kernel("sobel-x").weights.tolist()
    assert edges.weights[1, 0].tolist() == [[0, 1, 0], [2, 3, 0], [0, 0, 0]]
    assert edges.weights[2, 0].tolist() == [[0, 0, 0], [0.25, 0.5, 0.25], [0, 0, 0]]
    assert edges.weights[3, 0].tolist() == [[0, 1, 0], [0, 2, 0], [0, 0, 0]]
    colours = read_bank(path, "colours")
    assert colours.weights.reshape(2, 3).tolist() == [[1, -1, 0], [0.5, 0.5, -1]]
    assert colours.maps == ("red-green", "yellow-blue")
    numbers = read_bank(path, "numbers")
    assert numbers.weights[:, 0].tolist() == [[[0.5, 1], [1.5, 2]], [[0.25, 0], [0, 0.5]]]
    assert numbers.groups == 2
    assert read_kernel(path, "mine").sum == 1
    assert isinstance(parse_layer(f"{path}#mine"), Kernel)
    assert isinstance(parse_layer(f"{path}#edges"), Bank)
    with pytest.raises(KernelError, match="kernels and banks: edges, colours, numbers, mine"):
        parse_layer(str(path))
    assert "3 banks" in refusal(path)


PLACED = [
    ('[bank.b]\nfilters = ["sobel-x", "sobelx"]', 2, 23, "did you mean"),
    ('[bank.b]\nfilters = [["1", "2"], ["1"]]', 2, 25, "1 kernels, and the first has 2"),
    ('[bank.b]\nfilters = ["""\n1 2\n3"""]', 2, 12, "row"),
    ('[bank.b]\nfilters = ["""\n1 2\n3 4""", "sobel"]', 4, 9, "combines several"),
    ("[bank.b]\nfilters = [1]", 2, 12, "is no kernel"),
    ("[bank.b]\nfilters = 3", 2, 11, "list of kernels"),
    ("[bank.b]\nweights = [[[1, 2], [3]]]", 2, 14, "expected 2 items"),
    ('[bank.b]\nweights = [[[1, 2], [3, "x"]]]', 2, 25, "not a number"),
    ("[bank.b]\nweights = [[1, 2], [3, 4]]", 2, 11, "shape (K, C, F, F)"),
    ('[bank.b]\nfilters = ["1"]\nbias = ["x"]', 3, 9, "not a number"),
    ('[bank.b]\nfilters = ["1"]\ndivisor = 0', 3, 11, "divisor is 0"),
    ('[bank.b]\nfilters = ["1"]\nstride = 1.5', 3, 10, "whole number"),
    ('[bank.b]\nfilters = ["1"]\nstrid = 1', 3, 9, "did you mean 'stride'?"),
    ('[bank.b]\nfilters = ["1"]\nnames = "x"', 3, 9, "list of texts"),
    ("[bank.b]\nbias = 1", 1, 1, "filters or weights"),
]


@pytest.mark.parametrize(("text", "line", "column", "said"), PLACED)
def test_mistakes_in_toml_are_placed(text, line, column, said, tmp_path):
    path = tmp_path / "b.toml"
    path.write_text(text)
    found = refusal(path)
    assert f"line {line}, column {column}:" in found
    assert said in found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[bank.b]\nfilters = ["1"]\nbias = [1, 2]', "2 biases for 1 filters"),
        ('[bank.b]\nfilters = ["1", "2"]\ngroups = 3', "divided into 3 groups"),
        ('[bank.b]\nfilters = ["1", "2"]\nnames = ["a"]', "1 names for 2 filters"),
        ('[bank.b]\nfilters = ["1"]\nstride = 0', "at least 1"),
        ('[bank.b]\nfilters = ["1"]\npadding = "much"', "padding is 'much'"),
        ('[kernel.k]\nweights = "1"', "holds no bank"),
        ("[bank.b", "not TOML"),
    ],
)
def test_other_mistakes_in_toml(text, said, tmp_path):
    path = tmp_path / "b.toml"
    path.write_text(text)
    assert said in refusal(path)


def test_a_file_of_banks_holds_no_kernel(tmp_path):
    path = tmp_path / "b.toml"
    path.write_text('[bank.b]\nfilters = ["1"]')
    with pytest.raises(KernelError, match="holds banks of filters, and no kernel"):
        read_kernel(path)
    path.write_text('[bank.b]\nfilters = ["1"]\n[kernel.b]\nweights = "1"')
    with pytest.raises(KernelError, match="rename one"):
        parse_layer(f"{path}#b")


def test_a_list_of_kernels_is_a_bank():
    bank = parse_bank("sobel-x,gaussian:sigma=1,size=5,0 1; 2 3,[[1,2],[3,4]]/2,sobel-x")
    assert bank.maps == ("sobel-x", "gaussian:sigma=1,size=5", "custom", "custom-2", "sobel-x-2")
    assert bank.shape == (5, 1, 5, 5)
    assert bank.weights[0, 0, 1:4, 1:4].tolist() == get_kernel("sobel-x").weights.tolist()
    assert bank.weights[2, 0].sum() == bank.weights[2, 0, 1:3, 1:3].sum() == 6
    assert np.abs(bank.weights[0]).sum() == 8
    assert bank.bias is None


def test_an_offset_is_a_bias_in_samples_of_0_to_1():
    bank = stacked("b", [Kernel("one", [[1]], 1, 51), Kernel("two", [[1, 1]], 2)])
    assert bank.bias.tolist() == [0.2, 0]
    assert bank.weights[:, 0].tolist() == [[[0, 1]], [[0.5, 0.5]]]


@pytest.mark.parametrize("text", ["sobel-x,", "", "sobel-x,,log", "sobel-x,nothing", "sobel,log"])
def test_lists_that_are_none(text):
    with pytest.raises(KernelError) as caught:
        parse_bank(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "said",
    ["stride=x", "stride=1x2x3", "groups=2x2", "much=1", "stride=1,stride=1", "padding=1x2x3"],
)
def test_settings_that_are_none(said, tmp_path):
    path = write_npz(tmp_path / "b.npz", weight=WEIGHTS)
    with pytest.raises(KernelError) as caught:
        parse_layer(f"{path}:{said}")
    assert "\n" not in str(caught.value)
