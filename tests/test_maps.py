"""Maps of images under layers: by definition, by PyTorch, and in whatever bands they are made."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from marks import exhaustive_but

from convcli import Bank, ConvError, Image, Pool, Relu, Spec, UsageError, feature_maps
from convcli.image import channels as ch
from convcli.kernels import get_kernel
from convcli.pipeline import maps
from convcli.pipeline.layers import parse_pool, stack


def image(rng, size=(11, 13), channels="RGB", dtype=np.uint8):
    shape = (*size, len(channels))
    if np.dtype(dtype).kind == "f":
        return Image(rng.random(shape).astype(dtype), channels)
    return Image(rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True), channels)


def bank(rng, shape, **options):
    return Bank("bank", rng.normal(size=shape), rng.normal(size=shape[0]), **options)


def pooled(volume, pool):
    """Pool as it is defined: windows, in loops."""
    (fy, fx), (sy, sx), (py, px) = pool.size, pool.stride, pool.padding
    fill = -np.inf if pool.how == "max" else 0
    around = np.pad(volume, ((py, py), (px, px), (0, 0)), constant_values=fill)
    join = np.max if pool.how == "max" else np.mean
    rows = range(0, len(around) - fy + 1, sy)
    cols = range(0, around.shape[1] - fx + 1, sx)
    return np.array([[join(around[y : y + fy, x : x + fx], (0, 1)) for x in cols] for y in rows])


@pytest.mark.parametrize(
    "border", ["replicate", "zero", "constant", "reflect", "symmetric", "wrap"]
)
@pytest.mark.parametrize("band", [1, 2**26])
def test_layers_as_they_are_defined(border, band, rng, monkeypatch):
    monkeypatch.setattr(maps, "_BAND_BYTES", band)
    source = image(rng)
    padding = ((2, 0), (1, 3))
    first = bank(rng, (4, 3, 3, 2), padding=padding, stride=(1, 2))
    second = bank(rng, (2, 2, 2, 3), padding=((1, 1), (0, 2)), groups=2, dilation=(2, 1))
    pool = Pool("max", (3, 2), (2, 1), (1, 0))
    found = feature_maps(
        source,
        [first, Relu(), pool, second, Pool("avg", (2, 2), (1, 2))],
        Spec(border=border, fill=51 if border == "constant" else 0, precision="double"),
    )
    outside = {"border": border, "fill": 0.2 if border == "constant" else 0}
    volume = oracle.correlate_bank(
        source.pixels / 255, first.weights, bias=first.bias, stride=(1, 2), padding=padding,
        **outside,
    )  # fmt: skip
    volume = pooled(np.maximum(volume, 0), pool)
    volume = oracle.correlate_bank(
        volume, second.weights, bias=second.bias, groups=2, dilation=(2, 1),
        padding=((1, 1), (0, 2)), **outside,
    )  # fmt: skip
    expected = pooled(np.array(volume), Pool("avg", (2, 2), (1, 2)))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("border", ["replicate", "wrap", "reflect"])
def test_bands_of_any_height_give_the_same(border, rng, monkeypatch):
    source = image(rng, (37, 8))
    layers = [bank(rng, (3, 3, 5, 3)), Pool("max", (3, 3), (2, 2)), Relu(), bank(rng, (2, 3, 3, 3))]
    whole = feature_maps(source, layers, Spec(border=border))
    for band in (1, 3000, 9000):
        monkeypatch.setattr(maps, "_BAND_BYTES", band)
        np.testing.assert_allclose(
            feature_maps(source, layers, Spec(border=border)), whole, rtol=0, atol=1e-5
        )


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.uint16, np.float32, np.float64])
def test_samples_are_fed_from_0_to_1(dtype, rng):
    full = image(rng, dtype=np.uint8 if dtype is np.bool_ else dtype)
    source = Image(full.pixels > 100, "RGB") if dtype is np.bool_ else full
    identity = Bank("identity", np.eye(3).reshape(3, 3, 1, 1))
    found = feature_maps(source, identity)
    assert found.dtype == (np.float64 if dtype is np.float64 else np.float32)
    expected = source.pixels.astype(found.dtype) / found.dtype.type(source.maximum)
    assert (found == expected).all()
    assert feature_maps(source, identity, Spec(precision="double")).dtype == np.float64


def test_which_channels_are_fed(rng):
    source = image(rng, channels="RGBA")
    three, one = np.eye(3).reshape(3, 3, 1, 1), np.ones((1, 1, 1, 1))
    shown = source.pixels / np.float32(255)

    def notes(layer, **options):
        return stack(source, [layer], Spec(**options)).notes

    assert (feature_maps(source, Bank("b", three)) == shown[:, :, :3]).all()
    assert notes(Bank("b", three)) == ("alpha is left out",)
    swapped = feature_maps(source, Bank("b", three), Spec(channels="BGR"))
    assert (swapped == shown[:, :, 2::-1]).all()
    four = Bank("b", np.eye(4).reshape(4, 4, 1, 1))
    assert (feature_maps(source, four) == shown).all()
    assert "channel of its own" in notes(four)[0]
    gray = ch.gray(source.pixels[:, :, :3], "RGB")[:, :, None] / np.float32(255)
    assert (feature_maps(source, Bank("b", one)) == gray).all()
    assert "gray version" in notes(Bank("b", one))[1]
    assert (feature_maps(source, Bank("b", one), Spec(gray=True)) == gray).all()
    assert notes(Bank("b", one), gray=True) == ("alpha is left out",)
    thrice = feature_maps(Image(source.pixels[:, :, 0]), Bank("b", three), Spec(channels="LLL"))
    assert (thrice == shown[:, :, :1]).all()


def test_filters_over_one_channel_are_laid_over_each_that_is_named(rng):
    source = image(rng)
    pair = bank(rng, (2, 1, 3, 3), maps=("a", "b"))
    found = stack(source, [pair], Spec(channels="RB"))
    assert found.maps == ("a-R", "b-R", "a-B", "b-B")
    assert found.notes == ()
    each = feature_maps(source, pair, Spec(channels="RB"))
    for k, c in enumerate((0, 0, 2, 2)):
        alone = feature_maps(Image(source.pixels[:, :, c]), pair)
        np.testing.assert_allclose(each[:, :, k], alone[:, :, k % 2], rtol=0, atol=1e-6)
    # As PyTorch's depthwise convolutions: two filters a channel.
    depthwise = bank(rng, (6, 1, 3, 3), groups=3)
    expected = oracle.correlate_bank(
        source.pixels / 255, depthwise.weights, bias=depthwise.bias, groups=3,
        padding=((1, 1), (1, 1)),
    )  # fmt: skip
    np.testing.assert_allclose(feature_maps(source, depthwise), expected, rtol=0, atol=1e-5)


def test_a_kernel_is_for_each_channel_alone(rng):
    source = image(rng)
    found = feature_maps(source, [get_kernel("sobel-x"), "box3", Relu()])
    for c in range(3):
        plane = Image(source.pixels[:, :, c])
        alone = feature_maps(plane, ["sobel-x", get_kernel("box3"), Relu()])
        np.testing.assert_allclose(found[:, :, c], alone[:, :, 0], rtol=0, atol=1e-6)


def test_what_is_flipped(rng):
    source, filters = image(rng), bank(rng, (2, 3, 2, 3))
    for padding in ("same", "full", 1):
        spec = Spec(convolve=True, padding=padding)
        turned = Bank("b", filters.weights[:, :, ::-1, ::-1], filters.bias)
        around = stack(source, [filters], spec).layers[0].geometry
        sides = tuple((axis.before, axis.after) for axis in (around.rows, around.cols))
        np.testing.assert_allclose(
            feature_maps(source, filters, spec),
            feature_maps(source, turned, Spec(padding=sides)),
            rtol=0,
            atol=1e-5,
        )


def test_what_a_stack_costs(rng):
    layers = [bank(rng, (8, 3, 5, 5), stride=2), Relu(), parse_pool("max,2"), "box3"]
    found = stack(image(rng, (20, 30)), [*layers[:3], get_kernel("box3")], Spec())
    assert [laid.output for laid in found.layers] == [
        (10, 15, 8),
        (10, 15, 8),
        (5, 7, 8),
        (5, 7, 8),
    ]
    assert [laid.parameters for laid in found.layers] == [608, 0, 0, 72]
    assert [laid.multiply_adds for laid in found.layers] == [600 * 150, 0, 0, 72 * 35]


@pytest.mark.parametrize(
    ("text", "pool"),
    [
        ("max,2", Pool("max", 2)),
        ("max,2", Pool("max", (2, 2), (2, 2), (0, 0))),
        ("AVG, 3, 2", Pool("avg", (3, 3), (2, 2))),
        ("max,3x5,1x2,1x0", Pool("max", (3, 5), (1, 2), (1, 0))),
    ],
)
def test_pooling_as_it_is_typed(text, pool):
    assert parse_pool(text) == pool


@pytest.mark.parametrize(
    "text", ["", "max", "mean,2", "max,0", "max,2,0", "max,2,2,2", "max,x", "max,2,2,0,0", "max,²"]
)
def test_pooling_that_is_none(text):
    with pytest.raises(UsageError) as caught:
        parse_pool(text)
    assert "\n" not in str(caught.value)


ONE, THREE = (1, 1, 3, 3), (2, 3, 3, 3)
WRONG = [
    ("L", [THREE], {}, "over 3 channels, and the image has 1 (gray); use `channels` LLL"),
    ("LA", [THREE], {}, "and the image has 1 (gray); use `channels` LLL"),
    ("RGB", [(4, 8, 3, 3)], {}, "over 8 channels, and the image has 3 (RGB); is it a network's"),
    ("RGBA", [(4, 2, 3, 3)], {}, "and the image has 3 (RGB); use `channels` with 2 of them"),
    ("RGB", [THREE, THREE], {}, "layer 2, bank, has filters over 3 channels, and the layer"),
    ("RGB", [THREE], {"channels": "RX"}, "`channels` RX doesn't fit"),
    ("RGB", [THREE], {"luma": True}, "`luma` goes with a single kernel"),
    ("RGB", [THREE], {"linear": True}, "`linear` goes with a single kernel"),
    ("RGB", [THREE], {"keep_edges": True}, "`keep_edges` goes with a single kernel"),
    ("RGB", [THREE], {"flip_rows": True}, "`flip_rows` goes with a single kernel"),
    ("RGB", [THREE], {"rounding": "even"}, "`rounding` goes with a single kernel"),
    ("RGB", [THREE], {"bias": 1}, "`bias` goes with a single kernel"),
    ("RGB", [THREE], {"scale": 2}, "`scale` goes with a single kernel"),
    ("RGBA", [THREE], {"alpha": "filter"}, "`alpha` goes with a single kernel"),
    ("RGB", [(2, 3, 30, 3)], {"padding": "valid"}, "layer 1, bank: "),
    ("RGB", [THREE], {"gray": True}, "and is given 1 (gray); leave `gray` out"),
    ("RGB", [THREE], {"channels": "RB"}, "and is given 2 (RB); name 3 in `channels`"),
    ("RGB", ["sobel"], {}, "combines several kernels"),
    ("RGB", [], {}, "at least one layer"),
    ("RGB", [3], {}, "got 3"),
]


@pytest.mark.parametrize(("channels", "shapes", "options", "said"), WRONG)
def test_what_does_not_fit_is_one_line(channels, shapes, options, said, rng):
    layers = [bank(rng, each) if isinstance(each, tuple) else each for each in shapes]
    with pytest.raises(ConvError) as caught:
        feature_maps(image(rng, channels=channels), layers, Spec(**options))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_there_is_no_memory_for_is_refused_at_once(rng, monkeypatch):
    monkeypatch.setattr("convcli.memory.left", lambda: 10**6)
    with pytest.raises(ConvError, match=r"^40 maps of 100×100 take 0\.0 GB of memory, and 0\.0 GB"):
        feature_maps(image(rng, (100, 100)), bank(rng, (40, 3, 3, 3)))
    monkeypatch.setattr("convcli.memory.left", lambda: None)
    monkeypatch.setattr("convcli.memory.is_had", lambda size: size < 10**6)
    with pytest.raises(ConvError, match="use a larger `stride`"):
        feature_maps(image(rng, (100, 100)), bank(rng, (40, 3, 3, 3)))


MODES = {"zero": "constant", "replicate": "replicate", "reflect": "reflect", "wrap": "circular"}


def drawn(seed):
    """A random stack of two layers, and the image it is for."""
    rng = np.random.default_rng(seed)
    layers, channels = [], int(rng.choice([1, 2, 3, 4, 6]))
    source = Image(
        rng.integers(0, 256, (*rng.integers(18, 31, 2), channels), np.uint8), "?" * channels
    )
    for _ in range(2):
        groups = int(rng.choice([g for g in (1, 2, 3) if channels % g == 0]))
        count = groups * int(rng.integers(1, 4))
        shape = (count, channels // groups, *rng.integers(1, 4, 2))
        layers.append(
            Bank(
                "drawn",
                rng.normal(size=shape),
                rng.normal(size=count) if rng.random() < 0.7 else None,
                groups=groups,
                stride=tuple(rng.integers(1, 3, 2)),
                dilation=tuple(rng.integers(1, 3, 2)),
                padding=tuple(map(tuple, rng.integers(0, 4, (2, 2)).tolist())),
            )
        )
        channels = count
        if rng.random() < 0.6:
            layers.append(Relu())
        if rng.random() < 0.6:
            size = rng.integers(1, 4, 2)
            pad = [int(rng.integers(0, n // 2 + 1)) for n in size]
            how = "max" if rng.random() < 0.5 else "avg"
            layers.append(Pool(how, tuple(size), tuple(rng.integers(1, 3, 2)), tuple(pad)))
    return source, layers, rng.choice([*MODES])


def by_torch(source, layers, border, real):
    """What PyTorch makes of it."""
    import torch

    F = torch.nn.functional
    volume = torch.tensor(source.pixels.transpose(2, 0, 1)[None]).to(real) / 255
    for layer in layers:
        if isinstance(layer, Relu):
            volume = F.relu(volume)
        elif isinstance(layer, Pool):
            pool = F.max_pool2d if layer.how == "max" else F.avg_pool2d
            volume = pool(volume, layer.size, layer.stride, layer.padding)
        else:
            (top, bottom), (left, right) = layer.padding
            volume = F.pad(volume, (left, right, top, bottom), mode=MODES[border])
            volume = F.conv2d(
                volume,
                torch.tensor(layer.weights).to(real),
                None if layer.bias is None else torch.tensor(layer.bias).to(real),
                stride=layer.stride,
                dilation=layer.dilation,
                groups=layer.groups,
            )
    return volume[0].numpy().transpose(1, 2, 0)


@pytest.mark.parametrize("seed", exhaustive_but(range(40), range(300)))
@pytest.mark.peers("torch")
def test_any_two_layers_are_what_pytorch_makes_of_them(seed):
    import torch

    source, layers, border = drawn(seed)
    for precision, real, tolerance in (
        ("single", torch.float32, 2e-5), ("double", torch.float64, 1e-13),
    ):  # fmt: skip
        expected = by_torch(source, layers, border, real)
        found = feature_maps(source, layers, Spec(border=border, precision=precision))
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())
