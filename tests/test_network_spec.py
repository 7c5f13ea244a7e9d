"""Networks as they are written: what can be read, and where a mistake is said to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcli.errors import ConvError, UsageError
from convcli.kernels.exact import PlacedError
from convcli.teach.network.files import find_network, read_network
from convcli.teach.network.stack import Residual, follow
from convcli.teach.network.volume import Volume, parse_volume


def texts(spec):
    return [entry.layer.text for entry in find_network(spec).entries]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("conv 3 64 p1", "conv 3 64 p1"),
        ("CONV 3x3 64 P=1", "conv 3 64 p1"),
        ("conv2d 3 64 padding=1 stride=2", "conv 3 64 s2 p1"),
        ("conv 3x5 64 p1x2 s2x1", "conv 3x5 64 s2x1 p1x2"),
        ("conv 3 64 same d2 g4 nobias", "conv 3 64 same d2 g4 nobias"),
        ("conv 3 64 psame", "conv 3 64 same"),
        ("depthwise 3 s2", "depthwise 3 s2"),
        ("dw 3 2", "depthwise 3 2"),
        ("deconv 4 8 s2 p1 o1", "transposed 4 8 s2 p1 o1"),
        ("pool 2", "pool 2"),
        ("maxpool 2 s2", "pool 2"),
        ("pool 3 s2 ceil", "pool 3 s2 ceil"),
        ("pool 3 s1 p1", "pool 3 s1 p1"),
        ("avg 2", "avgpool 2"),
        ("gap", "global"),
        ("global max", "global max"),
        ("dense 10 nobias", "fc 10 nobias"),
        ("batchnorm", "bn"),
        ("conv 3 4 p1,2,3,4", "conv 3 4 p1,2,3,4"),
        ("conv 3 4 padding=1,1,2,2", "conv 3 4 p1x2"),
        ("conv 3 4 p0,0,0,0", "conv 3 4"),
        ("avgpool 3 s1 p0,2,0,2 ceil", "avgpool 3 s1 p0,2,0,2 ceil"),
        ("conv1d 5 16 s2 p2,1", "conv1d 5 16 s2 p2,1"),
        ("CONV3D 3x5x5 8 same g2", "conv3d 3x5x5 8 same g2"),
        ("maxpool3d 1x2x2", "pool3d 1x2x2"),
        ("dw1d 3 2", "depthwise1d 3 2"),
        ("convtranspose3d 4 8 s2 p1 to=9x9x9", "transposed3d 4 8 s2 p1 to9"),
        ("deconv2d 4 8 s2 outputshape28x30", "transposed 4 8 s2 to28x30"),
        ("transposed 4 8 s2 p1,0,0,1 o1x0", "transposed 4 8 s2 p1,0,0,1 o1x0"),
    ],
)
def test_a_layer_is_read_and_written(written, text):
    assert texts(written) == [text]
    assert texts(text) == [text]


def test_layers_are_parted_by_semicolons_and_lines():
    assert texts("conv 3 4; relu\n\n pool 2 ;; fc 3 # the end; relu") == [
        "conv 3 4", "relu", "pool 2", "fc 3",
    ]  # fmt: skip


def test_repetitions_are_written_out():
    assert texts("repeat 2 { conv 3 4; relu }; fc 3") == ["conv 3 4", "relu"] * 2 + ["fc 3"]
    assert texts("repeat 2 { repeat 2 { relu } }") == ["relu"] * 4


def test_blocks_and_names():
    first, last = find_network(
        "a: residual {\n conv 1 4\n}\n + { x: conv 1 4; bn }\nb: relu"
    ).entries
    assert isinstance(first, Residual)
    assert (first.label, last.label) == ("a", "b")
    assert [entry.layer.text for entry in first.main] == ["conv 1 4"]
    assert [(e.label, e.layer.text) for e in first.shortcut] == [("x", "conv 1 4"), ("", "bn")]
    (alone,) = find_network("residual { conv 1 3 } + { }").entries
    assert alone.shortcut == ()


def traced(spec):
    return follow(find_network(spec), Volume((8, 8), 3))


def wrong(spec):
    """Return where a mistake is, and what is said of it."""
    with pytest.raises(PlacedError) as caught:
        traced(spec)
    return (caught.value.line, caught.value.column), caught.value.reason


@pytest.mark.parametrize(
    ("spec", "place", "said"),
    [
        ("", (1, 1), "no layers; expected layers such as"),
        ("conv 3", (1, 1), "conv needs its size and how many filters, as in 'conv 3 64 s1 p1'"),
        ("pool 2; fc", (1, 9), "fc needs its units"),
        ("relu\nconv 3 4 q1", (2, 10), "'q1' means nothing to conv; expected"),
        ("conv 3 4 pad1", (1, 10), "did you mean p1?"),
        ("conv 3 4 strid2", (1, 10), "did you mean s2?"),
        ("conv 3 4 nobia", (1, 10), "did you mean nobias?"),
        ("conv 3 4 relu", (1, 10), "a layer of its own needs a ; before it"),
        ("conv 3 4 p-1", (1, 10), "'p-1' means nothing to conv"),
        ("conv 3 4 5", (1, 10), "one number too many for conv"),
        ("conv 3 4x5", (1, 8), "one number too many"),
        ("conv 3x3x3 4", (1, 6), "expected a whole number from 1 to 1,000,000, or two as 3x5"),
        ("conv 0 4", (1, 6), "from 1 to 1,000,000"),
        ("conv 3 4 s0", (1, 10), "from 1 to 1,000,000"),
        ("conv 3 4 g1x2", (1, 10), "groups are one number"),
        ("conv 3 4 ssame", (1, 10), "no stride; expected a number"),
        ("transposed 3 4 same", (1, 16), "'same' means nothing to transposed"),
        ("fc 10 s2", (1, 7), "'s2' means nothing to fc; expected 'fc 1000', with nobias"),
        ("relu 3", (1, 6), "one number too many for relu"),
        ("relu; pol 2", (1, 7), "no layer 'pol'; did you mean 'pool'?"),
        ("conv3 64", (1, 1), "did you mean 'conv'?"),
        ("foo 3", (1, 1), "no layer 'foo'; there are conv, depthwise"),
        ("x:", (1, 1), "no layer after 'x:'"),
        ("relu }", (1, 6), "expected a layer; got '}'"),
        ("}", (1, 1), "expected a layer; got '}'"),
        ("conv 3 4 + relu", (1, 10), "expected ; or a new line; got '+'"),
        ("residual { conv 1 3", (1, 10), "this { is never closed; expected }"),
        ("residual relu", (1, 10), "expected { after residual; got 'relu'"),
        ("residual { }", (1, 1), "residual { } has no layers"),
        ("repeat x { relu }", (1, 8), "expected how often, as in repeat 3 { … }; got 'x'"),
        ("repeat 0 { relu }", (1, 8), "expected how often"),
        ("repeat 2 { relu", (1, 10), "never closed"),
        ("repeat 9999 { repeat 9999 { relu } }", (1, 8), "over 10,000 layers"),
        ("repeat 200 { residual { repeat 10000 { relu } } }", (1, 40), "over 10,000 layers"),
        ("residual { " * 30 + "relu" + " }" * 30, (1, 230), "over 20 blocks in each other"),
        ("relu; conv 9 4", (1, 7), "layer 1, 'conv 9 4', gets 8×8×3: the kernel spans 9"),
        ("conv 3 4; conv 9 4", (1, 11), "layer 2, 'conv 9 4', gets 6×6×4"),
        ("conv 3 4 g2", (1, 1), "3 input channels can't be divided into 2 groups"),
        ("conv 3 5; conv 1 4 g5", (1, 11), "4 filters can't be divided into 5 groups"),
        ("pool 2 p2", (1, 1), "the window from sample -2 on holds nothing but padding"),
        ("pool 3 s1 p3,0,0,0", (1, 1), "with padding 3 before and 0 behind 8 samples, the window"),
        ("conv 3 4 p1,2", (1, 10), "'p1,2' is no padding; expected pTOP,BOTTOM,LEFT,RIGHT"),
        ("conv1d 3 4 p1,2,3", (1, 12), "is no padding; expected pBEFORE,AFTER"),
        ("conv3d 3 4 p1,2", (1, 12), "expected pFRONT,BACK,TOP,BOTTOM,LEFT,RIGHT"),
        ("conv 3 4 p1,2,3,9999999", (1, 10), "whole numbers up to 1,000,000"),
        ("conv 3 4 s1,2", (1, 10), "'s1,2' is no stride; expected a number"),
        ("conv1d 3x3 4", (1, 8), "from 1 to 1,000,000; got '3x3'"),
        ("conv3d 3x3 4", (1, 8), "from 1 to 1,000,000, or three as 3x5x5; got '3x3'"),
        ("conv3d 3", (1, 1), "conv3d needs its size and how many filters, as in 'conv3d 3 64"),
        ("conv1d 3 4", (1, 1), "gets 8×8×3: it takes LENGTHxCHANNELS, such as 128x3"),
        ("pool; pool3d 2", (1, 1), "pool needs its size, as in 'pool 2 s2'"),
        ("conv 3 4; pool3d 2", (1, 11), "it takes DEPTHxHEIGHTxWIDTHxCHANNELS, such as 16x"),
        ("fc 3; pool1d 2", (1, 7), "needs LENGTHxCHANNELS, such as 128x3, but gets a list"),
        ("conv4d 3 4", (1, 1), "no layer 'conv4d'; did you mean 'conv'?"),
        ("fc1d 3", (1, 1), "no layer 'fc1d'; did you mean 'fc'?"),
        ("transposed 3 4 s2 to20", (1, 1), "can't be 20 long: expected 17 to 18; change the p"),
        ("transposed 3 4 to9", (1, 1), "can't be 9 long: expected 10; change the padding"),
        ("transposed 3 4 s2 o1 to18", (1, 1), "give o or to, not both"),
        ("conv 3 4 to9", (1, 10), "'to9' means nothing to conv"),
        ("transposed 2 4 s2 o2", (1, 1), "output padding must be smaller"),
        ("transposed 1 4 p4", (1, 1), "padding 4 leaves nothing"),
        ("transposed 1 4 s300; transposed 1 4 s300", (1, 22), "enlarge 90,000 times"),
        ("fc 10; conv 3 3", (1, 8), "needs rows and columns, but gets a list"),
        ("relu; residual { conv 3 4 }", (1, 7), "adds 6×6×4 and 8×8×3; expected the same shape; g"),
        ("residual { conv 1 3 } + { pool 2 }", (1, 1), "adds 8×8×3 and 4×4×3; expected the same"),
    ],
)  # fmt: skip
def test_a_mistake_is_placed_and_what_was_expected_is_said(spec, place, said):
    if spec.startswith("relu; conv 9"):
        said = said.replace("layer 1", "layer 2")
    found, reason = wrong(spec)
    assert said in reason
    assert found == place
    assert "\n" not in reason


@given(st.text(alphabet="conv pool64 srpd{}+;:#x\n=", max_size=60))
def test_any_text_is_read_or_refused_in_a_line(spec):
    said = "read"
    try:
        follow(find_network(spec), Volume((16, 16), 4))
    except ConvError as error:
        said = str(error)
    assert said.strip()
    assert "\n" not in said


# Files.

TOML = '''# mine
[network.small]
title = "Small"
input = "32x32x3"
layers = """
  conv 3 16 p1; relu
  pool 2   # half
  fc 10
"""

[network.list]
input = [8, 8]
layers = [
  "conv 3 4",
  "relu; fc 2",
]
'''


@pytest.fixture
def file(tmp_path):
    """Return a maker of files."""

    def write(text, name="mine.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_networks_are_read_from_a_file(file):
    path = file(TOML)
    small = find_network(f"{path}#small")
    assert (small.title, small.input) == ("Small", Volume((32, 32), 3))
    assert [entry.layer.text for entry in small.entries] == [
        "conv 3 16 p1",
        "relu",
        "pool 2",
        "fc 10",
    ]
    other = find_network(f"{path}#LIST")
    assert other.input == Volume((8, 8), 1)
    assert [entry.layer.text for entry in other.entries] == ["conv 3 4", "relu", "fc 2"]
    with pytest.raises(UsageError, match="holds 2 networks: small, list; say which"):
        read_network(path)
    with pytest.raises(UsageError, match="no network 'smal'; did you mean 'small'"):
        read_network(path, "smal")


def test_a_file_may_hold_one_network_and_no_table(file):
    found = find_network(file('layers = "conv 3 4"\n'))
    assert (found.input, len(found.entries)) == (None, 1)
    assert len(find_network(file('[net]\nlayers = "relu"')).entries) == 1


@pytest.mark.parametrize(
    ("text", "name", "place", "said"),
    [
        (TOML.replace("pool 2", "pol 2"), "small", (7, 3), "no layer 'pol'"),
        (TOML.replace("16 p1", "16 q1"), "small", (6, 13), "'q1' means nothing"),
        (TOML.replace("fc 10", "conv 99 1"), "small", (8, 3), "layer 3, 'conv 99 1', gets 4×"),
        (TOML.replace("conv 3 4", "conv 3 4 q1"), "list", (14, 13), "'q1' means nothing"),
        (TOML.replace("fc 2", "fx 2"), "list", (15, 10), "no layer 'fx'"),
        (TOML.replace("title", "tittle"), "small", (3, 10), "no key 'tittle' in a network; did"),
        (TOML.replace('"Small"', "3"), "small", (3, 9), "title must be a text"),
        (TOML.replace('"32x32x3"', '"32y32"'), "small", (4, 9), "expected HEIGHTxWIDTHxCHANNELS"),
        (TOML.replace("[8, 8]", "8.5"), "list", (12, 9), "input must be a text"),
        ('layers = "conv 3 4; relu 3"\n', "", (1, 26), "one number too many for relu"),
        ("layers = 3\n", "", (1, 10), "layers must be a text, or a list of texts"),
        ("# mine\n[a]\ninput = '3x3'\n", "", (2, 1), "no layers; expected layers ="),
        ("x = 3\n", "", (1, 5), "'x' stands outside a network"),
        ('layers = "conv\n', "", (1, 15), "not TOML"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_file_has_its_line_and_column(text, name, place, said, file):
    path = file(text)
    with pytest.raises(PlacedError) as caught:
        traced(f"{path}#{name}")
    error = caught.value
    assert said in error.reason
    assert (error.line, error.column) == place
    assert str(error).startswith(f"{path}, line {place[0]}, column {place[1]}: ")


def test_a_file_that_cannot_be_read_is_told(file, tmp_path):
    for path, said in (
        (tmp_path / "none.toml", "no such file"),
        (tmp_path, "can't be read"),
        (file("", "empty.toml"), "holds no network"),
        (file("a" * 2**20 + "b", "large.toml"), "larger than 1 MB"),
    ):
        with pytest.raises(UsageError, match=said):
            read_network(str(path))
    bad = tmp_path / "latin.toml"
    bad.write_bytes(b'layers = "relu"\n# \xe9')
    with pytest.raises(UsageError, match="line 2, column 3: a byte that is not UTF-8"):
        read_network(str(bad))


@pytest.mark.parametrize(
    ("text", "volume"),
    [
        ("224x224x3", Volume((224, 224), 3)),
        ("224X112×3", Volume((224, 112), 3)),
        ("7,5", Volume((7, 5), 1)),
        (" 3072 ", Volume((1, 1), 3072, flat=True)),
    ],
)
def test_sizes_are_read(text, volume):
    assert parse_volume(text) == volume


@pytest.mark.parametrize(
    ("text", "dims", "volume"),
    [
        ("128x3", 1, Volume((128,), 3)),
        ("128", 1, Volume((128,), 1)),
        ("16x112x112x3", 3, Volume((16, 112, 112), 3)),
        ("5x6x7", 3, Volume((5, 6, 7), 1)),
        ("100", 3, Volume((1, 1, 1), 100, flat=True)),
    ],
)
def test_sizes_of_other_dimensions_are_read(text, dims, volume):
    assert parse_volume(text, dims) == volume


@pytest.mark.parametrize(
    ("text", "dims", "form"),
    [("8x8x3", 1, "LENGTHxCHANNELS"), ("8x8", 3, "DEPTHxHEIGHT"), ("8x8x8x8x8", 3, "DEPTHxHEIGHT")],
)
def test_sizes_of_too_few_or_too_many_dimensions_are_refused(text, dims, form):
    with pytest.raises(UsageError, match=f"expected {form}"):
        parse_volume(text, dims)


def test_the_input_of_a_file_has_the_dimensions_of_its_layers(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('layers = "bn; residual { conv1d 3 3 p1 }; pool1d 2"\ninput = "128x3"')
    network = read_network(str(path))
    assert (network.dims, network.input) == (1, Volume((128,), 3))
    path.write_text('layers = "conv1d 3 3"\ninput = "8x8x3"')
    with pytest.raises(PlacedError, match=r"line 2.*expected LENGTHxCHANNELS"):
        read_network(str(path))


@pytest.mark.parametrize("text", ["", "0", "3x", "x3", "3x3x3x3", "-3x3", "3.5", "1000001", "٣"])
def test_other_sizes_are_refused(text):
    with pytest.raises(UsageError, match="expected HEIGHTxWIDTHxCHANNELS"):
        parse_volume(text)
