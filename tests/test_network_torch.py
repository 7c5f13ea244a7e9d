"""Layers compared with PyTorch: shapes and numbers of parameters, along one, two or three axes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convcli.errors import UsageError
from convcli.teach.network.banks import Conv, Depthwise, Transposed
from convcli.teach.network.files import find_network, known, known_network
from convcli.teach.network.layers import Dense, Flatten, Global, Plain, Pool
from convcli.teach.network.stack import follow
from convcli.teach.network.volume import Volume

torch = pytest.importorskip("torch", reason="peers extra not installed")
nn = torch.nn
pytestmark = pytest.mark.peers("torch")


def theirs(name, dims):
    """PyTorch's class for so many axes."""
    return getattr(nn, f"{name}{dims}d")


def padded(window, made, fill=0.0):
    """Their layer behind a layer of padding, for what its own padding can't be."""
    sides = [side for sides in reversed(window.padding) for side in sides]
    return nn.Sequential(theirs("ConstantPad", window.dims)(sides, fill), made)


def module(step):
    """PyTorch's own layer for one of ours."""
    layer, channels = step.layer, step.input.channels
    if isinstance(layer, Depthwise):
        layer = layer.conv(step.input)
    if isinstance(layer, Conv):
        return bank(layer, channels)
    if isinstance(layer, Transposed):
        return Spread(layer, channels)
    if isinstance(layer, Pool):
        return pool(layer)
    if isinstance(layer, Global):
        name = "AdaptiveAvgPool" if layer.how == "avg" else "AdaptiveMaxPool"
        return theirs(name, len(step.input.grid))(1)
    if isinstance(layer, Dense):
        return nn.Sequential(nn.Flatten(), nn.Linear(step.input.values, layer.units, layer.bias))
    if layer.text == "bn":
        dims = 1 if step.input.flat else len(step.input.grid)
        return theirs("BatchNorm", dims)(step.input.shape[-1])
    return nn.Flatten() if isinstance(layer, Flatten) else nn.Identity()


def bank(layer, channels):
    window = layer.window
    even = isinstance(window.padding, str) or all(a == b for a, b in window.padding)
    steps = {"stride": window.stride, "dilation": window.dilation}
    if isinstance(window.padding, str):
        steps["padding"] = window.padding
    elif even:
        steps["padding"] = tuple(before for before, _ in window.padding)
    made = theirs("Conv", window.dims)(
        channels, layer.filters, window.size, **steps, groups=layer.groups, bias=layer.bias
    )
    return made if even else padded(window, made)


def pool(layer):
    window = layer.window
    steps = {"stride": window.stride, "ceil_mode": layer.ceil}
    if layer.how == "max":
        steps["dilation"] = window.dilation
    kind = theirs("AvgPool" if layer.how == "avg" else "MaxPool", window.dims)
    sides = list(zip(window.padding, window.size, strict=True))
    if all(before == after and 2 * before <= taps for (before, after), taps in sides):
        return kind(window.size, padding=tuple(before for (before, _), _ in sides), **steps)
    assert not layer.ceil, "theirs would take padding for samples"
    return padded(window, kind(window.size, **steps))


class Spread(nn.Module):
    """A transposed convolution that cuts off each side for itself."""

    def __init__(self, layer, channels):
        super().__init__()
        window, self.layer = layer.window, layer
        self.least = [min(sides) for sides in window.padding]
        self.made = theirs("ConvTranspose", window.dims)(
            channels,
            layer.filters,
            window.size,
            output_padding=layer.extra or 0,
            stride=window.stride,
            dilation=window.dilation,
            padding=self.least,
            groups=layer.groups,
            bias=layer.bias,
        )

    def forward(self, batch):
        more = [
            (b - p, a - p) for (b, a), p in zip(self.layer.window.padding, self.least, strict=True)
        ]
        wanted = [out + sum(cut) for out, cut in zip(self.layer.shape, more, strict=False)] or None
        out = self.made(batch, output_size=wanted)
        for axis, (before, after) in enumerate(more, start=2):
            out = out.narrow(axis, before, out.shape[axis] - before - after)
        if 0 in out.shape:
            raise RuntimeError("nothing is left")
        return out


def check(steps, device):
    """Run every step; the meta device keeps shapes and no values."""
    with torch.device(device), torch.no_grad():
        for step in steps:
            made = module(step).eval()
            shape = step.input.shape
            batch = torch.empty((1, *shape) if step.input.flat else (1, shape[-1], *shape[:-1]))
            out = tuple(made(batch).shape[1:])
            ours = step.output.shape
            assert out == (ours if step.output.flat else (ours[-1], *ours[:-1])), step
            assert sum(p.numel() for p in made.parameters()) == step.cost.parameters, step


@pytest.mark.parametrize("name", known())
def test_layers_of_known_networks_are_as_pytorch_has_them(name):
    network = known_network(name)
    check(follow(network, network.input).steps, "meta")


SMALL = st.integers(1, 5)


@st.composite
def each(draw, numbers, dims):
    """A number for every axis, or one for all."""
    count = draw(st.sampled_from([1, dims]))
    return "x".join(str(draw(numbers)) for _ in range(count))


@st.composite
def around(draw, dims):
    """Padding, for every axis or every side."""
    if draw(st.booleans()):
        return draw(each(st.integers(0, 3), dims))
    return ",".join(str(draw(st.integers(0, 3))) for _ in range(2 * dims))


@st.composite
def layers(draw, dims=2):
    size, stride = draw(each(SMALL, dims)), draw(each(st.integers(1, 4), dims))
    dilation, padding = draw(each(st.integers(1, 3), dims)), draw(around(dims))
    bias, groups = draw(st.sampled_from(["", " nobias"])), draw(st.sampled_from([1, 2, 4]))
    kind = draw(st.sampled_from(["conv", "depthwise", "transposed", "pool", "avgpool"]))
    name, steps = f"{kind}{dims}d", f"s{stride} p{padding} d{dilation}"
    if kind == "conv":
        return f"{name} {size} {draw(st.sampled_from([4, 8]))} {steps} g{groups}{bias}"
    if kind == "depthwise":
        return f"{name} {size} {draw(st.integers(1, 2))} {steps}{bias}"
    if kind == "transposed":
        extra = draw(each(st.integers(0, 3), dims))
        return f"{name} {size} 4 {steps} g{groups} o{extra}{bias}"
    ceil = draw(st.sampled_from(["", " ceil"]))
    if kind == "avgpool" and dims == 3:
        # Theirs alone refuses a window that is larger than the volume, whatever the padding.
        name = "pool3d"
    if ceil:  # with padding that theirs doesn't take itself it can't be compared
        padding = draw(each(st.integers(0, 2 if size in ("4", "5") else 0), dims))
    return f"{name} {size} s{stride} p{padding}{f' d{dilation}' if kind == 'pool' else ''}{ceil}"


class Refused:
    """A step that can't be: only its layer and its input are known."""

    def __init__(self, layer, volume):
        self.layer, self.input = layer, volume


def check_refused(network, volume):
    """Ask PyTorch for what is refused, unless it takes padding alone for a window."""
    step = Refused(network.entries[0].layer, volume)
    with pytest.raises((RuntimeError, ValueError)):
        module(step)(torch.zeros(1, volume.channels, *volume.grid))


def run(stack, volume, *, device="meta"):
    """Compare layer after layer; what can't take its input is refused by both, and left out."""
    dims = len(volume.grid)
    for text in [*stack, "bn", "relu", "global", "flatten", "fc 3"]:
        network = find_network(text)
        try:
            trace = follow(network, volume)
        except UsageError as error:
            if "nothing but padding" not in str(error):
                check_refused(network, volume)
            continue
        assert network.dims == dims or text in ("bn", "relu", "global", "flatten", "fc 3")
        if trace.output.values < 100_000:
            check(trace.steps, device)
            volume = trace.output


@settings(max_examples=120)
@given(st.lists(layers(), min_size=1, max_size=5), st.integers(1, 30), st.integers(1, 30))
def test_any_stack_has_the_shapes_of_pytorch(stack, rows, cols):
    run(stack, Volume((rows, cols), 4), device="cpu")


@settings(max_examples=40)
@given(st.lists(layers(1), min_size=1, max_size=5), st.integers(1, 60))
def test_any_stack_along_one_axis_has_the_shapes_of_pytorch(stack, length):
    run(stack, Volume((length,), 4))


@settings(max_examples=25)
@given(
    st.lists(layers(3), min_size=1, max_size=3),
    st.lists(st.integers(1, 10), min_size=3, max_size=3),
)
def test_any_stack_along_three_axes_has_the_shapes_of_pytorch(stack, grid):
    run(stack, Volume(tuple(grid), 4))


@settings(max_examples=40)
@given(
    st.integers(1, 3), SMALL, st.integers(1, 4), st.integers(0, 2), st.integers(0, 2),
    st.integers(1, 9), st.integers(-1, 4),
)  # fmt: skip
def test_an_output_shape_is_pytorch_s_output_size(dims, taps, stride, before, after, size, more):
    least = (size - 1) * stride - before - after + taps
    if least + more < 1:
        return
    sides = ",".join([str(before), str(after)] * dims)
    text = f"transposed{dims}d {taps} 4 s{stride} p{sides} to{least + more}"
    volume = Volume((size,) * dims, 4)
    network = find_network(text)
    if 0 <= more < stride:
        trace = follow(network, volume)
        assert trace.output.grid == (least + more,) * dims
        check(trace.steps, "cpu")
    else:
        with pytest.raises(UsageError, match=f"its output can't be {least + more} long: expected"):
            follow(network, volume)
        check_refused(network, volume)


@pytest.mark.parametrize("text", ["avgpool3d 2", "avgpool3d 3x2x1 s2x1x1 p1x1x0 ceil"])
def test_means_along_three_axes_have_the_shapes_of_pytorch(text):
    check(follow(find_network(text), Volume((6, 7, 8), 4)).steps, "cpu")


@pytest.mark.parametrize(
    ("layer", "size"),
    [
        ("conv 9 4", 8),
        ("conv 3 4 d4", 8),
        ("conv 3 6 g4", 8),
        ("pool 9 s1 ceil", 8),
        ("pool 9 p2 s2", 4),
        ("transposed 2 4 s2 o2", 8),
        ("transposed 1 4 p4", 8),
    ],
)
def test_what_pytorch_refuses_is_refused(layer, size):
    network = find_network(layer)
    with pytest.raises(UsageError):
        follow(network, Volume((size, size), 4))
    check_refused(network, Volume((size, size), 4))


@given(st.integers(1, 6), SMALL, st.integers(1, 4), SMALL, st.integers(0, 9), st.integers(0, 9))
def test_windows_of_padding_alone_are_refused_and_no_others(size, taps, stride, dilation, b, a):
    text = f"pool1d {taps} s{stride} d{dilation} p{b},{a}"
    if size + b + a < dilation * (taps - 1) + 1:
        return
    places = range(-b, size + a - dilation * (taps - 1), stride)
    full = all(any(0 <= p + dilation * t < size for t in range(taps)) for p in places)
    if full:
        (step,) = follow(find_network(text), Volume((size,), 4)).steps
        assert step.output.grid == (len(places),)
    else:
        with pytest.raises(UsageError, match="holds nothing but padding"):
            follow(find_network(text), Volume((size,), 4))


def test_a_window_that_holds_samples_may_have_more_padding_than_pytorch_takes():
    (step,) = follow(find_network("pool 3 s1 p2"), Volume((8, 8), 4)).steps
    assert step.output.shape == (10, 10, 4)
    made = nn.Sequential(nn.ConstantPad2d(2, -torch.inf), nn.MaxPool2d(3, 1))(
        torch.ones(1, 4, 8, 8)
    )
    assert tuple(made.shape) == (1, 4, 10, 10)
    assert torch.isfinite(made).all()
    with pytest.raises(RuntimeError, match="pad should be at most half"):
        nn.MaxPool2d(3, 1, 2)(torch.ones(1, 4, 8, 8))
    for text in ("pool 2 p2", "pool 3 s1 p0,3,0,0", "pool 3 s1 p3,0,0,0", "pool 2 d9 s1 p8"):
        with pytest.raises(UsageError, match="holds nothing but padding"):
            follow(find_network(text), Volume((8, 8), 4))


def test_multiply_adds_are_those_that_pytorch_counts():
    """Its counter takes a multiplication and an addition for two operations."""
    from torch.utils.flop_counter import FlopCounterMode

    for spec, grid in (
        ("conv 3 8 s2 p1 g2", (12, 15)),
        ("transposed 4 8 s2 p1", (12, 15)),
        ("depthwise 5 2", (12, 15)),
        ("fc 7", (12, 15)),
        ("conv1d 3 8 s2 p1", (40,)),
        ("transposed1d 4 8 s2", (40,)),
        ("conv3d 3x3x1 8 p1,0,0,0,0,0 g2", (7, 8, 9)),
        ("transposed3d 2 8 s2", (3, 4, 5)),
    ):
        (step,) = follow(find_network(spec), Volume(grid, 4)).steps
        with torch.device("meta"), FlopCounterMode(display=False) as counter:
            module(step)(torch.empty(1, 4, *grid))
        assert counter.get_total_flops() == 2 * step.cost.multiply_adds, spec
    assert Plain("relu").cost(Volume((2, 2), 2)).multiply_adds == 0
