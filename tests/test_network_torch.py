"""Layers compared with PyTorch: shapes and numbers of parameters."""

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


def module(step):
    """PyTorch's own layer for one of ours."""
    layer, channels = step.layer, step.input.channels
    if isinstance(layer, Depthwise):
        layer = layer.conv(step.input)
    if isinstance(layer, Conv):
        steps = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
        return nn.Conv2d(
            channels, layer.filters, layer.size, **steps, groups=layer.groups, bias=layer.bias
        )
    if isinstance(layer, Transposed):
        steps = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
        return nn.ConvTranspose2d(
            channels,
            layer.filters,
            layer.size,
            output_padding=layer.extra,
            groups=layer.groups,
            bias=layer.bias,
            **steps,
        )
    if isinstance(layer, Pool):
        steps = {"stride": layer.stride, "padding": layer.padding, "ceil_mode": layer.ceil}
        if layer.how == "avg":
            return nn.AvgPool2d(layer.size, **steps)
        return nn.MaxPool2d(layer.size, dilation=layer.dilation, **steps)
    if isinstance(layer, Global):
        return (nn.AdaptiveAvgPool2d if layer.how == "avg" else nn.AdaptiveMaxPool2d)(1)
    if isinstance(layer, Dense):
        return nn.Sequential(nn.Flatten(), nn.Linear(step.input.values, layer.units, layer.bias))
    if layer.text == "bn":
        return (nn.BatchNorm1d if step.input.flat else nn.BatchNorm2d)(step.input.shape[-1])
    return nn.Flatten() if isinstance(layer, Flatten) else nn.Identity()


def check(steps, device):
    """Run every step; the meta device keeps shapes and no values."""
    with torch.device(device), torch.no_grad():
        for step in steps:
            made = module(step).eval()
            shape = step.input.shape
            batch = torch.empty((1, *shape) if step.input.flat else (1, shape[2], *shape[:2]))
            out = tuple(made(batch).shape[1:])
            ours = step.output.shape
            assert out == (ours if step.output.flat else (ours[2], *ours[:2])), step
            assert sum(p.numel() for p in made.parameters()) == step.cost.parameters, step


@pytest.mark.parametrize("name", known())
def test_layers_of_known_networks_are_as_pytorch_has_them(name):
    network = known_network(name)
    check(follow(network, network.input).steps, "meta")


SMALL = st.integers(1, 5)


@st.composite
def pair(draw, numbers):
    rows, cols = draw(numbers), draw(numbers)
    return f"{rows}x{cols}"


@st.composite
def layers(draw):
    size, stride = draw(pair(SMALL)), draw(pair(st.integers(1, 4)))
    dilation, padding = draw(pair(st.integers(1, 3))), draw(pair(st.integers(0, 3)))
    bias, groups = draw(st.sampled_from(["", " nobias"])), draw(st.sampled_from([1, 2, 4]))
    kind = draw(st.sampled_from(["conv", "depthwise", "transposed", "pool", "avgpool"]))
    steps = f"s{stride} p{padding} d{dilation}"
    if kind == "conv":
        return f"conv {size} {draw(st.sampled_from([4, 8]))} {steps} g{groups}{bias}"
    if kind == "depthwise":
        return f"depthwise {size} {draw(st.integers(1, 2))} {steps}{bias}"
    if kind == "transposed":
        extra = draw(pair(st.integers(0, 3)))
        return f"transposed {size} 4 {steps} g{groups} o{extra}{bias}"
    ceil = draw(st.sampled_from(["", " ceil"]))
    return f"{kind} {size} s{stride} p{padding}{f' d{dilation}' if kind == 'pool' else ''}{ceil}"


class Refused:
    """A step that can't be: only its layer and its input are known."""

    def __init__(self, layer, volume):
        self.layer, self.input = layer, volume


def check_refused(network, volume):
    """Ask PyTorch for what is refused; a pool whose padding is refused may still fit there."""
    step = Refused(network.entries[0].layer, volume)
    with pytest.raises((RuntimeError, ValueError)):
        module(step)(torch.zeros(1, volume.channels, volume.rows, volume.cols))


@settings(max_examples=120)
@given(st.lists(layers(), min_size=1, max_size=5), st.integers(1, 30), st.integers(1, 30))
def test_any_stack_has_the_shapes_of_pytorch(stack, rows, cols):
    """What can't take its input is refused by both, and left out of the stack."""
    volume = Volume((rows, cols), 4)
    for text in [*stack, "bn", "relu", "global", "flatten", "fc 3"]:
        network = find_network(text)
        try:
            trace = follow(network, volume)
        except UsageError:
            check_refused(network, volume)
            continue
        if trace.output.values < 100_000:
            check(trace.steps, "cpu")
            volume = trace.output


@pytest.mark.parametrize(
    ("layer", "size"),
    [
        ("conv 9 4", 8),
        ("conv 3 4 d4", 8),
        ("conv 3 6 g4", 8),
        ("pool 2 p2", 8),
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


def test_multiply_adds_are_those_that_pytorch_counts():
    """Its counter takes a multiplication and an addition for two operations."""
    from torch.utils.flop_counter import FlopCounterMode

    for spec in ("conv 3 8 s2 p1 g2", "transposed 4 8 s2 p1", "depthwise 5 2", "fc 7"):
        (step,) = follow(find_network(spec), Volume((12, 15), 4)).steps
        with torch.device("meta"), FlopCounterMode(display=False) as counter:
            module(step)(torch.empty(1, 4, 12, 15))
        assert counter.get_total_flops() == 2 * step.cost.multiply_adds, spec
    assert Plain("relu").cost(Volume((2, 2), 2)).multiply_adds == 0
