"""`convcli apply` with banks of filters: what is written, what is said, what is refused."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from command import call
from test_bank_files import safetensors

from convcli import Bank, Image, Pool, Relu, Spec, feature_maps, read, write
from convcli.image.show import montage


@pytest.fixture
def place(tmp_path, rng, monkeypatch):
    """A folder with a photograph, a gray one, and banks."""
    monkeypatch.chdir(tmp_path)
    write("a.png", Image(rng.integers(0, 256, (20, 30, 3), np.uint8)))
    write("gray.png", Image(rng.integers(0, 256, (20, 30), np.uint8)))
    first = rng.normal(size=(6, 3, 3, 3)).astype(np.float32)
    second = rng.normal(size=(4, 6, 3, 3)).astype(np.float32)
    bias = rng.normal(size=6).astype(np.float32)
    np.savez("bank.npz", weight=first, bias=bias)
    (tmp_path / "net.safetensors").write_bytes(
        safetensors(
            {"c1.weight": ("F32", first), "c1.bias": ("F32", bias), "c2.weight": ("F32", second)}
        )
    )
    return Bank("first", first, bias), Bank("second", second)


def files(folder="."):
    return sorted(path.name for path in Path(folder).iterdir())


def stretched(plane, low, high):
    return np.floor((plane.astype(np.float64) - low) / (high - low) * 255 + 0.5)


def test_a_map_an_image_each_stretched_by_itself(place):
    said = call("apply", "bank.npz", "a.png", "-o", "maps/")
    assert said.status == 0
    assert files("maps") == [f"a-{k}.png" for k in range(6)]
    expected = feature_maps(read("a.png"), place[0])
    for k in range(6):
        shown = read(f"maps/a-{k}.png")
        assert (shown.channels, shown.dtype) == ("L", np.uint8)
        plane = expected[:, :, k]
        assert np.abs(shown.pixels - stretched(plane, plane.min(), plane.max())).max() <= 1
        assert (shown.pixels.min(), shown.pixels.max()) == (0, 255)
    assert "a.png → maps/a-0.png … a-5.png (6 images)" in said.err
    assert "6 filters of 3×3×3, with a bias each → 6 maps of 30×20" in said.err
    assert "⌊(20 − 3 + 2·1)/1⌋ + 1 = 20" in said.err
    assert "168 parameters, 97.2 k multiply-adds" in said.err
    assert "0 to 1 of full scale" in said.err


def test_together_all_maps_are_stretched_alike(place):
    assert call("apply", "bank.npz", "a.png", "-o", "m/", "--together").status == 0
    expected = feature_maps(read("a.png"), place[0])
    for k in range(6):
        shown = read(f"m/a-{k}.png").pixels
        alike = stretched(expected[:, :, k], expected.min(), expected.max())
        assert np.abs(shown - alike).max() <= 1


@pytest.mark.parametrize(
    ("mapping", "means"),
    [
        ("clip", lambda v: v * 255),
        ("abs", lambda v: np.abs(v) * 255),
        ("offset", lambda v: v * 255 + 128),
    ],
)
def test_other_mappings_count_from_0_to_1(mapping, means, place):
    assert call("apply", "bank.npz", "a.png", "-o", "m/", "--map", mapping).status == 0
    expected = feature_maps(read("a.png"), place[0])
    for k in range(6):
        shown = np.clip(means(expected[:, :, k].astype(np.float64)), 0, 255)
        assert np.abs(read(f"m/a-{k}.png").pixels - shown).max() <= 0.51


@pytest.mark.parametrize("name", ["v.npy", "v.tif"])
def test_one_volume(name, place):
    said = call("apply", "bank.npz", "a.png", "-o", name, "--border", "zero")
    assert said.status == 0
    assert f"{name} (one volume, 20×30×6)" in said.err
    volume = read(name)
    assert volume.channels == "??????"
    assert volume.dtype == np.float32
    assert (volume.pixels == feature_maps(read("a.png"), place[0], Spec(border="zero"))).all()
    assert call("apply", "bank.npz", "a.png", "-o", "8.tif", "--map", "normalize").status == 0
    assert read("8.tif").dtype == np.uint8
    assert call("apply", "bank.npz", "a.png", "-o", "d.npy", "--precision", "double").status == 0
    assert np.load("d.npy").dtype == np.float64


def test_layers_come_in_the_order_typed(place):
    first, second = place
    said = call(
        *("apply", "net.safetensors#c1:stride=2,padding=1x0", "a.png", "--pool=max,3,2,1"),
        *("--relu", "--then", "net.safetensors#c2", "--pool", "avg,2", "-o", "v.npy", "--relu"),
        *("--border", "zero"),
    )
    assert said.status == 0
    laid = Bank("first", first.weights, first.bias, stride=2, padding=(1, 0))
    layers = [
        laid,
        Pool("max", (3, 3), (2, 2), (1, 1)),
        Relu(),
        second,
        Pool("avg", (2, 2), (2, 2)),
    ]
    expected = feature_maps(read("a.png"), [*layers, Relu()], Spec(border="zero"))
    assert (np.load("v.npy") == expected).all()
    found = [line.split()[:2] for line in said.lines if line.startswith("  layer")]
    assert found == [["layer", str(k)] for k in range(1, 7)]
    assert "in all" in said.err


def test_a_sheet_alone_and_beside_images(place):
    said = call("apply", "bank.npz", "a.png", "--montage", "sheet.png")
    assert said.status == 0
    assert files() == ["a.png", "bank.npz", "gray.png", "net.safetensors", "sheet.png"]
    assert "a.png → sheet.png" in said.err
    assert "the sheet sheet.png is 66×68: 2 maps a row, from the left" in said.err
    sheet = read("sheet.png").pixels
    assert call("apply", "bank.npz", "a.png", "-o", "m/", "--montage", "s.png").status == 0
    assert (read("s.png").pixels == sheet).all()
    for k in range(6):
        top, left = 2 + k // 2 * 22, 2 + k % 2 * 32
        assert (sheet[top : top + 20, left : left + 30] == read(f"m/a-{k}.png").pixels).all()
    assert (sheet[:2] == 255).all()


def test_a_sheet_says_what_its_maps_are_called(place):
    said = call("apply", "--bank", "sobel-x,log", "a.png", "--montage", "sheet.png")
    assert "maps     sobel-x, log" in said.err


def test_a_large_sheet_is_made_smaller(place, monkeypatch):
    monkeypatch.setattr("convcli.image.show.montage._MOST", 60)
    said = call("apply", "bank.npz", "a.png", "--montage", "sheet.png")
    assert "shrunk to" in said.err
    assert max(read("sheet.png").size) <= 60


def test_a_list_of_kernels(place):
    said = call("apply", "--bank", "sobel-x,sobel-y,gabor:theta=45,size=9", "a.png", "-o", "m/")
    assert said.status == 0
    names = ["a-gabor-size-9-theta-45.png", "a-sobel-x.png", "a-sobel-y.png"]
    assert len(files("m")) == 3
    assert files("m")[1:] == names[1:]
    assert "gray version; --channels RGB for each alone" in said.err
    said = call("apply", "a.png", "--bank=sobel-x,sobel-y", "--channels", "RGB", "-o", "c/")
    assert said.status == 0
    assert files("c") == [f"a-sobel-{way}-{c}.png" for way in "xy" for c in "BGR"]
    call("apply", "--bank", "sobel-x", "gray.png", "-o", "v.npy", "--gray")
    call("apply", "sobel-x", "gray.png", "-o", "w.npy", "--map", "raw")
    assert np.abs(np.load("v.npy") * 255 - np.load("w.npy")).max() < 1e-3


def test_one_map_is_one_image(place):
    assert call("apply", "--bank", "sobel-x", "a.png").status == 0
    assert call("apply", "--bank", "sobel-x", "a.png", "-o", "one.jpg").status == 0
    assert call("apply", "--bank", "sobel-x", "a.png", "-o", "m/").status == 0
    assert "a-bank.png" in files()
    assert read("one.jpg").channels == "L"
    assert files("m") == ["a.png"]


def test_maps_without_a_name_go_to_a_folder_beside_the_source(place):
    assert call("apply", "bank.npz", "a.png", "--relu").status == 0
    assert files("a-bank") == [f"{k}.png" for k in range(6)]
    assert call("apply", "bank.npz", "a.png", "--depth", "float", "--overwrite").status == 0
    assert "0.tif" in files("a-bank")
    assert read("a-bank/0.tif").dtype == np.float32


def test_several_images(place):
    said = call("apply", "bank.npz", "a.png", "gray.png", "-o", "m/")
    assert said.status == 1
    assert "gray.png: bank has filters over 3 channels, and the image has 1 (gray)" in said.err
    assert "--channels LLL" in said.err
    assert "1 done, 1 failed" in said.err
    assert len(files("m")) == 6
    write("a.jpg", read("a.png"))
    said = call("apply", "bank.npz", "a.png", "a.jpg", "-o", "n/")
    assert said.status == 2
    assert "would have the same names" in said.err


def test_standard_output_and_input(place):
    said = call("apply", "bank.npz", "a.png", "-o", "-")
    assert (said.status, np.load(io.BytesIO(said.data)).shape) == (0, (20, 30, 6))
    said = call("apply", "bank.npz", "-", "-o", "v.tif", stdin=Path("a.png").read_bytes())
    assert (said.status, read("v.tif").size) == (0, (20, 30))


def test_json_says_it_all(place):
    said = call("apply", "bank.npz:stride=2", "a.png", "-o", "m/", "--montage", "s.png", "--json")
    found = json.loads(said.out)
    assert found["status"] == "done"
    assert (found["output"], found["parameters"]) == ([10, 15, 6], 168)
    assert (found["multiply_adds"], found["mapping"]) == (162 * 150, "normalize")
    (layer,) = found["layers"]
    assert (layer["filters"], layer["groups"], layer["bias"]) == ([6, 3, 3, 3], 1, True)
    assert [axis["out"] for axis in layer["axes"]] == [10, 15]
    maps = feature_maps(read("a.png"), place[0], Spec(stride=2))
    for k, each in enumerate(found["maps"]):
        assert each["file"] == f"m/a-{k}.png"
        assert each["highest"] == maps[:, :, k].max()
    assert (found["montage"], found["volume"], found["samples"]) == ("s.png", None, [0, 1])
    failed = json.loads(call("apply", "bank.npz", "gray.png", "-o", "m/", "--json").out)
    assert failed.keys() == found.keys()
    assert failed["status"] == "failed"


def test_what_exists_is_left(place):
    assert call("apply", "bank.npz", "a.png", "-o", "m/").status == 0
    said = call("apply", "bank.npz", "a.png", "-o", "m/")
    assert said.status == 1
    assert "m/a-0.png exists already; use --overwrite" in said.err
    said = call("apply", "bank.npz", "a.png", "-o", "m/", "--skip-existing", "--json")
    assert json.loads(said.out)["status"] == "skipped"
    assert call("apply", "bank.npz", "a.png", "-o", "m/", "--overwrite").status == 0
    said = call("apply", "bank.npz", "a.png", "-o", "n/", "--dry-run")
    assert said.status == 0
    assert "n/a-0.png … a-5.png (6 images)" in said.err
    assert "n" not in files()


def test_sources_are_never_overwritten(place, tmp_path):
    (tmp_path / "m").mkdir()
    write("m/a-0.png", read("a.png"))
    before = (tmp_path / "m" / "a-0.png").read_bytes()
    said = call("apply", "bank.npz", "a.png", "m/a-0.png", "-o", "m/", "--overwrite")
    assert said.status in (1, 2)
    assert "never overwritten" in said.err
    said = call("apply", "bank.npz", "a.png", "--montage", "a.png", "--overwrite")
    assert said.status == 1
    assert "a.png is a source" in said.err
    assert (tmp_path / "m" / "a-0.png").read_bytes() == before


WRONG = [
    (("bank.npz", "a.png", "-o", "x.png"), 1, "6 maps don't fit one PNG file; use -o NAME/"),
    (("bank.npz", "gray.png", "-o", "m/"), 1, "and the image has 1 (gray)"),
    (("net.safetensors", "a.png"), 2, "net.safetensors holds 2 banks"),
    (("net.safetensors#c2", "a.png"), 1, "over 6 channels, and the image has 3 (RGB)"),
    (("bank.npz", "a.png", "--then", "bank.npz", "-o", "m/"), 1, "layer 2, bank, has filters"),
    (("bank.npz", "a.png", "--show"), 2, "--show goes with kernels"),
    (("bank.npz", "a.png", "--compare", "c.png"), 2, "--compare goes with kernels"),
    (("bank.npz", "a.png", "--luma"), 2, "--luma goes with a single kernel"),
    (("bank.npz", "a.png", "--pool", "max"), 2, "invalid value for '--pool'"),
    (("bank.npz", "a.png", "gray.png", "--montage", "s.png"), 2, "shows one image's maps"),
    (("bank.npz", "a.png", "--montage", "s.txt"), 2, "--montage s.txt: suffix"),
    (("bank.npz", "a.png", "--then", "sobel", "-o", "m/"), 2, "'sobel' combines several kernels"),
    (("sobel-x", "a.png", "--montage", "s.png"), 2, "show the maps of a bank"),
    (("sobel-x", "a.png", "--together"), 2, "show the maps of a bank"),
    (("--bank", "sobel-x,", "a.png"), 2, "a name is missing"),
    (("--bank", "sobel-x"), 2, "missing argument 'IMAGE...'"),
    (("bank.npz",), 2, "missing argument 'IMAGE...'"),
    (("none.npz", "a.png"), 2, "no such file: none.npz"),
    (("bank.npz", "none.png"), 1, "none.png"),
]


@pytest.mark.parametrize(("words", "status", "said"), WRONG)
def test_what_is_wrong_is_one_line(words, status, said, place):
    before = files()
    found = call("apply", *words)
    assert found.status == status
    assert len(found.lines) == 1
    assert said in found.err
    assert files() == before


def test_a_kernel_with_relu_is_a_layer(place):
    assert call("apply", "sobel-x", "a.png", "--relu", "--pool", "max,2", "-o", "v.npy").status == 0
    layers = ["sobel-x", Relu(), Pool("max", (2, 2), (2, 2))]
    assert (np.load("v.npy") == feature_maps(read("a.png"), layers)).all()


def test_a_chain_of_kernels_stays_what_it_was(place):
    said = call("apply", "sobel-x", "a.png", "--then", "box3", "-o", "b.png")
    assert said.status == 0
    assert "mapped by abs" in said.err


def test_explain_takes_kernels_only(place):
    said = call("explain", "bank.npz")
    assert said.status == 2
    assert "'bank.npz' names a bank of filters; expected a kernel here" in said.err


#: Cases of ONNX's backend tests, `test_conv_*`: shape, stride, padding (top, bottom, left, right).
ONNX = {
    "basic with padding": (
        (5, 5), 1, "1x1x1x1",
        [[12, 21, 27, 33, 24], [33, 54, 63, 72, 51], [63, 99, 108, 117, 81],
         [93, 144, 153, 162, 111], [72, 111, 117, 123, 84]],
    ),
    "basic without padding": (
        (5, 5), 1, "0", [[54, 63, 72], [99, 108, 117], [144, 153, 162]],
    ),
    "strides and padding": (
        (7, 5), 2, "1", [[12, 27, 24], [63, 108, 81], [123, 198, 141], [112, 177, 124]],
    ),
    "strides without padding": ((7, 5), 2, "0", [[54, 72], [144, 162], [234, 252]]),
    "strides and asymmetric padding": (
        (7, 5), 2, "1x1x0x0", [[21, 33], [99, 117], [189, 207], [171, 183]],
    ),
    "auto_pad SAME_LOWER": (
        (5, 5), 2, "1", [[12, 27, 24], [63, 108, 81], [72, 117, 84]],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("shape", "stride", "padding", "expected"), ONNX.values(), ids=ONNX)
def test_cases_of_onnx(shape, stride, padding, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.arange(np.prod(shape), dtype=np.float32).reshape(shape))
    np.save("w.npy", np.ones((1, 1, 3, 3), np.float32))
    bank = f"w.npy:stride={stride},padding={padding}"
    assert call("apply", bank, "x.npy", "-o", "y.npy", "--border", "zero").status == 0
    assert np.load("y.npy").tolist() == expected


@pytest.mark.parametrize(("size", "most"), [((40, 60), 60), ((40, 60), 4096), ((3, 500), 100)])
def test_a_sheet_has_means_of_squares(size, most, rng, monkeypatch):
    monkeypatch.setattr(montage, "_MOST", most)
    images = [rng.integers(0, 256, size, np.uint8) for _ in range(5)]
    sheet = montage.Sheet(5, size)
    rows, cols = sheet.tile
    f, found = sheet.factor, sheet.of(images).pixels
    assert found.shape == sheet.size
    assert f == 1 or max(sheet.size) <= most
    for k, pixels in enumerate(images):
        top, left = 2 + k // sheet.across * (rows + 2), 2 + k % sheet.across * (cols + 2)
        for y in range(rows):
            for x in range(cols):
                mean = pixels[y * f : (y + 1) * f, x * f : (x + 1) * f].mean()
                assert abs(found[top + y, left + x] - mean) <= 0.5
