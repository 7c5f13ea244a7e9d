"""`convcli network`: what it shows of layers, and that all of it is readable."""

from __future__ import annotations

import json

import pytest
from command import call
from test_shape_command import AXIS_KEYS

from convcli.teach.network.files import known


def network(*args, **environment):
    """Run `convcli network` and return what it says."""
    said = call("network", *args)
    assert said.status == 0, said.err
    assert said.err == ""
    return said.out


def fact(*args):
    """Return its JSON."""
    return json.loads(network(*args, "--json"))


def rows(text):
    """Return the cells of the table's rows that begin with a number."""
    body = text[text.index("\n#") :].splitlines()
    return [line.split() for line in body if line[:2].strip().isdecimal()]


def shapes(spec, size):
    return ["×".join(map(str, layer["output"])) for layer in fact(spec, "--input", size)["layers"]]


@pytest.mark.parametrize(
    ("spec", "size", "expected"),
    [
        ("conv 3 1", "7x7", ["5×5×1"]),
        ("conv 3 1 same", "7x7", ["7×7×1"]),
        ("conv 3 1 p1", "7x7", ["7×7×1"]),
        ("conv 5 1 p2", "7x7", ["7×7×1"]),
        ("conv 11 96 s4", "227x227x3", ["55×55×96"]),
        (
            "conv 3 64 s2 p1; conv 3 128 s2 p1; conv 3 256 s2 p1",
            "224x224x3",
            ["112×112×64", "56×56×128", "28×28×256"],
        ),
        (
            "conv 3 64 p1; pool 2; conv 3 128 p1; pool 2; conv 3 256 p1; pool 2",
            "224x224x3",
            ["224×224×64", "112×112×64", "112×112×128", "56×56×128", "56×56×256", "28×28×256"],
        ),
        ("conv 3 8 s3", "7x7", ["2×2×8"]),
        ("pool 3 s2", "8x8x4", ["3×3×4"]),
        ("pool 3 s2 ceil", "8x8x4", ["4×4×4"]),
        ("transposed 4 8 s2 p1", "7x7x2", ["14×14×8"]),
        ("depthwise 3 p1; conv 1 16", "8x8x4", ["8×8×4", "8×8×16"]),
        ("global; flatten; fc 10", "7x7x512", ["1×1×512", "512", "10"]),
        ("fc 1000", "3072", ["1000"]),
        ("conv 3 1 p0,1,1,0", "7x7", ["6×6×1"]),
        ("pool 3 s1 p2", "7x7x2", ["9×9×2"]),
        ("transposed 4 8 s2 p1 to15x14", "7x7x2", ["15×14×8"]),
        ("conv1d 5 16 s2 p2; pool1d 2; global; fc 10", "128x3", ["64×16", "32×16", "1×16", "10"]),
        (
            "conv3d 3 64 p1; pool3d 1x2x2; transposed3d 2 8 s2",
            "16x112x112x3",
            ["16×112×112×64", "16×56×56×64", "32×112×112×8"],
        ),
        ("depthwise3d 3 2; flatten", "4x4x4x3", ["2×2×2×6", "48"]),
    ],
)
def test_shapes(spec, size, expected):
    assert shapes(spec, size) == expected


def test_a_single_layer_is_worked_out():
    lines = network("conv 3 64 p1", "--input", "32x32x3").splitlines()
    assert "shape          32×32×3 → 32×32×64" in lines
    assert "height, width  ⌊(32 − 3 + 2·1)/1⌋ + 1 = 32" in lines
    assert "weights        3·3·3·64 = 1,728" in lines
    assert "parameters     1,728 + 64 = 1,792" in lines
    assert "multiply-adds  1,728 weights · 32·32 outputs = 1,769,472" in lines
    assert "memory         32·32·64·4 bytes = 262,144 bytes (262 kB)" in lines
    assert "field          1 + (3 − 1)·1 = 3 of the input's samples" in lines
    said = " ".join(" ".join(lines).split())
    assert "(3,072 + 1)·65,536 = 201,392,128 parameters, 112,384 times as many" in said


def test_a_fully_connected_layer_of_an_image_has_3072000_weights():
    lines = network("fc 1000", "--input", "32x32x3").splitlines()
    assert "weights        32·32·3·1000 = 3,072,000" in lines
    assert "parameters     3,072,000 + 1,000 = 3,073,000" in lines
    assert "instead        1000 filters of 32×32×3 without padding are the same layer" in lines
    (layer,) = fact("fc 1000", "--input", "32x32x3")["layers"]
    assert (layer["weights"], layer["biases"]) == (3_072_000, 1000)


def test_columns_that_are_never_visited_are_told():
    for spec in ("conv 3 8 s3", "conv 3 8 s3; relu; conv 1 2"):
        said = " ".join(network(spec, "--input", "7x7").split())
        assert "width: 4/3 is not whole: 1 left over; never visited: the last column" in said
        assert "what would fit: stride 1 or 2, or padding 1" in said
    assert "never visited" not in network("conv 3 8 s3; relu; conv 1 2", "--input", "9x9")


def test_padding_alone_left_out_is_told_in_a_line():
    said = network("resnet18")
    assert "layers 1, 2, 9, 16, 23: the division isn't whole, but only padding is left out" in said
    assert "layer 11, conv 1 128 s2 nobias" in said
    assert "1 of every 2 rows are skipped" in " ".join(said.split())


def test_stacks_are_compared_with_one_larger_convolution():
    said = " ".join(network("repeat 2 { conv 3 64 p1; relu }", "--input", "56x56x64").split())
    assert "layers 1–2: two 3×3 in a row see 5×5, as one 5×5 does, and take 18C²" in said
    assert "for its 25C²: with C = 64, 73,728 for 102,400, 28 % fewer" in said
    (stack,) = fact("repeat 3 { conv 3 8 p1 }", "--input", "9x9x8")["stacks"]
    assert stack == {
        "layers": [[1, 2, 3]], "taps": 3, "channels": 8, "field": 7, "weights": 27 * 64,
        "weights_of_one": 49 * 64,
    }  # fmt: skip


@pytest.mark.parametrize(
    "spec",
    [
        "conv 3 8 p1; conv 3 16 p1",
        "conv 3 8 p1; conv 5 8 p2",
        "conv 3 8 p1; pool 2; conv 3 8 p1",
        "conv 3 8 p1 s2; conv 3 8 p1 s2",
        "conv 3 8 p1 g2; conv 3 8 p1 g2",
        "conv 3 8 p1; residual { conv 3 8 p1 }",
        "conv 1 8; conv 1 8",
    ],
)
def test_what_is_no_stack_is_not_called_one(spec):
    assert fact(spec, "--input", "16x16x8")["stacks"] == []


def test_two_networks_beside_each_other():
    args = ("conv 3 64 p1; conv 3 64 p1", "--input", "56x56x64", "--compare", "conv 5 64 p2")
    cells = [line.split() for line in network(*args).splitlines()]
    assert ["field", "5", "5"] in cells
    assert ["weights", "73,728", "102,400", "1.39"] in cells
    one, other = fact(*args)
    assert (one["weights"], other["weights"]) == (18 * 64**2, 25 * 64**2)
    assert one["layers"][-1]["fields"] == other["layers"][-1]["fields"]


def test_layers_are_found_by_number_and_name():
    assert network("vgg16", "--layer", "2") == network("vgg16", "--layer", "CONV1_2")
    lines = network("vgg16", "--layer", "fc6").splitlines()
    assert lines[0] == "layer 20  fc6: fc 4096; relu; dropout"
    assert "weights        25088·4096 = 102,760,448" in lines
    assert "instead        4096 filters of 7×7×512 without padding are the same layer" in lines
    bn = network("resnet50", "--layer", "4").splitlines()
    assert "parameters     36,864, without biases" in bn
    assert "bn             64 scales + 64 shifts = 128 parameters" in bn
    assert [step["text"] for step in fact("vgg16", "--layer", "fc6")] == [
        "fc 4096",
        "relu",
        "dropout",
    ]


def test_layers_of_one_and_three_dimensions_are_worked_out():
    lines = network("conv1d 5 16 s2 p2,1", "--input", "128x3").splitlines()
    assert "shape          128×3 → 64×16" in lines
    assert "formula        ⌊(N − F + (P₁ + P₂))/S⌋ + 1" in lines
    assert "length         ⌊(128 − 5 + (2 + 1))/2⌋ + 1 = 64" in lines
    assert "weights        5·3·16 = 240" in lines
    assert "multiply-adds  240 weights · 64 outputs = 15,360" in lines
    lines = network("conv3d 3x5x5 8 p0,1,2,2,2,2 d1x2x1", "--input", "16x20x20x2").splitlines()
    assert "depth          ⌊(16 − (1·(3 − 1) + 1) + (0 + 1))/1⌋ + 1 = 15" not in lines
    assert "depth          ⌊(16 − 3 + (0 + 1))/1⌋ + 1 = 15" in lines
    assert "weights        3·5·5·2·8 = 1,200" in lines
    assert "field planes   1 + (3 − 1)·1 = 3 of the input's samples" in lines
    assert "field rows     1 + (9 − 1)·1 = 9 of the input's samples" in lines
    lines = network("conv3d 3 4", "--input", "9x9x9").splitlines()
    assert "every axis     ⌊(9 − 3 + 2·0)/1⌋ + 1 = 7" in lines
    assert "field          1 + (3 − 1)·1 = 3 of the input's samples" in lines
    lossy = " ".join(network("conv1d 3 8 s3", "--input", "7").split())
    assert "length: 4/3 is not whole: 1 left over; never visited: the last sample (7 of 7)" in lossy
    dense = " ".join(network("fc 5", "--input", "3072").split())
    assert "instead" not in dense


def test_stacks_of_other_dimensions_are_compared_with_one_larger_convolution():
    said = " ".join(network("repeat 2 { conv1d 3 8 p1 }", "--input", "64x8").split())
    assert "layers 1–2: two of 3 in a row see 5, as one of 5 does, and take 6C² weights" in said
    assert "for its 5C²: with C = 8, 384 for 320, 20 % more" in said
    said = " ".join(network("repeat 3 { conv3d 3 8 p1 }", "--input", "9x9x9x8").split())
    assert "three 3×3×3 in a row see 7×7×7, as one 7×7×7 does, and take 81C²" in said


def test_json_has_an_entry_for_every_axis():
    for spec, size, count in (("conv1d 3 4; fc 2", "9x2", 1), ("conv3d 3 4; fc 2", "5x5x5x2", 3)):
        conv, dense = fact(spec, "--input", size)["layers"]
        assert [len(conv[key]) for key in ("axes", "formulas", "fields")] == [count] * 3
        assert (len(dense["axes"]), len(dense["fields"])) == (0, count)
        assert conv["dense_parameters"] == (9 * 2 + 1) * 7 * 4 if count == 1 else True


def test_rows_and_columns_are_told_apart_where_they_differ():
    lines = network("conv 3x5 4 s2x1", "--input", "9x9").splitlines()
    assert "height         ⌊(9 − 3 + 2·0)/2⌋ + 1 = 4" in lines
    assert "width          ⌊(9 − 5 + 2·0)/1⌋ + 1 = 5" in lines
    assert "field rows     1 + (3 − 1)·1 = 3 of the input's samples" in lines
    assert "field cols     1 + (5 − 1)·1 = 5 of the input's samples" in lines
    same = network("conv 3 4", "--input", "9x8").splitlines()
    assert "field          1 + (3 − 1)·1 = 3 of the input's samples" in same


def test_outputs_that_see_more_or_less_are_told():
    lines = network("transposed 3 4 s2 p1", "--input", "9x9").splitlines()
    assert "formula        (N − 1)·S − 2P + F" in lines
    assert "height, width  (9 − 1)·2 − 2·1 + 3 = 17" in lines
    assert "field          1 to 2 of the input's samples, as outputs differ" in lines
    assert "multiply-adds  36 weights · 9·9 inputs = 2,916" in lines


def test_ceil_is_shown_as_padding_at_the_end():
    lines = network("pool 3 s2 ceil", "--input", "8x8").splitlines()
    assert "height, width  ⌊(8 − 3 + (0 + 1))/2⌋ + 1 = 4" in lines


def test_what_fully_connected_layers_would_cost():
    lines = network("lenet5", "--compare-fc").splitlines()
    assert f"{1:4}{156:14,}{1025 * 4704:24,}{1025 * 4704 / 156:14,.0f}" in lines


def test_the_table_holds_every_layer_and_the_sums():
    said = network("lenet5")
    assert [row[0] for row in rows(said)][:8] == [str(k) for k in range(1, 9)]
    assert "C1: conv 5 6; tanh" in said
    assert "⌊(32 − 5 + 2·0)/1⌋ + 1 = 28" in said
    total = next(line for line in said.splitlines() if line.strip().startswith("sum"))
    assert total.split()[1:] == ["61,706", "416,520", "36.5", "kB"]


def test_blocks_are_drawn():
    spec = "residual { conv 3 8 p1; relu; residual { conv 1 8 } } + { conv 1 8; conv 1 8 }; relu"
    said = network(spec, "--input", "8x8x8").splitlines()
    heads = [line[3:] for line in said if line[:1].isdecimal()]
    drawn = [head.split("  ")[0] for head in heads[:7]]
    assert drawn == [
        "┌ conv 3 8 p1; relu", "│ ┌ conv 1 8", "│ └ add input", "├ conv 1 8", "│ conv 1 8",
        "└ add; relu",
    ][: len(drawn)] + drawn[6:]  # fmt: skip


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("name", known())
def test_tables_fit_the_terminal(name, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    for args in ((name,), (name, "--compare-fc"), (name, "--layer", "1"), (name, "--layer", "4")):
        lines = network(*args).splitlines()
        assert max(map(len, lines)) <= columns
        assert not any(line != line.rstrip() or "\x1b" in line for line in lines)


def test_all_sums_are_of_the_layers():
    for name in known():
        found = fact(name)
        for key in ("weights", "biases", "parameters", "multiply_adds"):
            assert found[key] == sum(layer[key] for layer in found["layers"])
        sizes = {(layer["layer"]): layer for layer in reversed(found["layers"])}.values()
        held = sum(layer["bytes"] for layer in sizes)
        rows, cols, channels = found["input"]
        assert found["bytes"] == held + 4 * rows * cols * channels


LAYER_KEYS = [
    "layer", "name", "text", "path", "in_place", "input", "output", "formulas", "axes", "weights",
    "biases", "parameters", "multiply_adds", "bytes", "fields", "dense_parameters",
]  # fmt: skip


def test_the_keys_of_json_are_stable():
    found = fact("conv 3 4; relu; fc 2", "--input", "8x8x3")
    assert list(found) == [
        "name", "title", "source", "input", "output", "weights", "biases", "parameters",
        "multiply_adds", "bytes", "layers", "stacks",
    ]  # fmt: skip
    assert [list(layer) for layer in found["layers"]] == [LAYER_KEYS] * 3
    conv, relu, dense = found["layers"]
    assert [list(axis) for axis in conv["axes"]] == [AXIS_KEYS] * 2
    assert (conv["layer"], relu["layer"], dense["layer"]) == (1, 1, 2)
    assert (relu["in_place"], relu["bytes"]) == (True, 0)
    assert conv["fields"][0] == {"size": 3, "jump": 1, "start": 1, "first": [0, 2]}
    assert dense["fields"][0]["jump"] is None
    assert conv["dense_parameters"] == (8 * 8 * 3 + 1) * 6 * 6 * 4
    assert dense["dense_parameters"] is None


def test_the_list_of_networks():
    said = network().splitlines()
    assert said[2].split() == ["vgg16", "VGG-16,", "224×224×3:", "138,357,544", "parameters,",
                               "15.5", "G", "multiply-adds"]  # fmt: skip
    assert [entry["name"] for entry in json.loads(network("--json"))] == list(known())


def test_a_known_network_takes_another_input():
    found = fact("resnet18", "--input", "320x320x3")
    assert found["parameters"] == 11_689_512
    assert found["layers"][0]["output"] == [160, 160, 64]
    assert network("VGG-16") == network("vgg16")


@pytest.mark.parametrize(
    ("args", "parts"),
    [
        (("conv 3 4",), ["--input is missing", "224x224x3"]),
        (("relu; pool1d 4",), ["--input is missing", "LENGTHxCHANNELS, such as 128x3"]),
        (("conv 3 4", "--input", "0x3"), ["'--input'", "from 1 to", "got '0x3'"]),
        (("conv 3 4", "--input", "3x3x3x3"), ["HEIGHTxWIDTHxCHANNELS"]),
        (("conv1d 3 4", "--input", "8x8x3"), ["'--input'", "LENGTHxCHANNELS", "got '8x8x3'"]),
        (("conv3d 3 4", "--input", "8x8"), ["'--input'", "DEPTHxHEIGHTxWIDTHxCHANNELS"]),
        (("conv 1 3", "--compare", "conv1d 3 4", "--input", "9x9x3"), ["LENGTHxCHANNELS"]),
        (("vgg16", "--compare", "conv1d 3 4"), ["gets 224×224×3: it takes LENGTHxCHANNELS"]),
        (("vgg15",), ["no network named 'vgg15'; did you mean 'vgg16'?"]),
        (("vgg16", "--layer", "99"), ["no layer '99'; expected a number from 1 to 22"]),
        (("vgg16", "--layer", "conv9"), ["such as conv1_1"]),
        (("--layer", "3"), ["--layer goes with a NETWORK"]),
        (("--input", "3x3"), ["--input goes with a NETWORK"]),
        (("vgg16", "--compare", "vgg17"), ["did you mean 'vgg16'?"]),
        (("nothing.toml",), ["no such file: nothing.toml"]),
    ],
)
def test_what_is_wrong_is_told_in_a_line(args, parts):
    said = call("network", *args)
    assert said.status == 2
    assert len(said.lines) == 1
    assert all(part in said.err for part in parts), said.err


def test_names_of_networks_are_completed():
    from click.shell_completion import ShellComplete

    from convcli.cli.network import network as command

    found = ShellComplete(command, {}, "network", "X").get_completions([], "res")
    assert [item.value for item in found] == ["resnet18", "resnet50"]


def test_neither_numpy_nor_rich_is_imported():
    from test_startup import imported

    assert imported("network", "resnet50") == set()
