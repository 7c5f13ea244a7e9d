"""Receptive fields, compared with what a small network computes when one sample is changed."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import convcli
from convcli.errors import UsageError
from convcli.geometry import Axis
from convcli.teach.network.banks import Conv, Depthwise, Transposed
from convcli.teach.network.fields import INPUT
from convcli.teach.network.files import find_network, known_network
from convcli.teach.network.layers import Add, Flatten, Global, Plain, Pool
from convcli.teach.network.stack import Residual, follow
from convcli.teach.network.volume import Volume


def convolved(volume, layer):
    """Filter with weights of 1: what reaches an output makes it greater than 0."""
    padding = tuple((axis.before, axis.after) for axis in layer.axes(Volume(volume.shape, 1)))
    weights = np.ones(layer.window.size, np.float32)
    return convcli.correlate(
        volume,
        weights,
        stride=layer.window.stride,
        dilation=layer.window.dilation,
        padding=padding,
        border="zero",
    )


def pooled(volume, layer):
    """Take every window's maximum, one by one, as PyTorch defines it."""
    (rows, cols), (f, _), (s, _) = volume.shape, layer.window.size, layer.window.stride
    (p, after), d = layer.window.padding[0], layer.window.dilation[0]
    count = (rows + p + after - d * (f - 1) - 1) // s + 1
    if layer.ceil:
        count = -(-(rows + p + after - d * (f - 1) - 1) // s) + 1
        count -= (count - 1) * s >= rows + p
    out = np.zeros((count, cols), np.float32)
    for k in range(count):
        places = [k * s - p + t * d for t in range(f)]
        out[k] = volume[[r for r in places if 0 <= r < rows]].max(axis=0)
    return out


def spread(volume, layer):
    """Spread every input over its window, as a transposed convolution is defined."""
    (rows, cols), (f, _), (s, _) = volume.shape, layer.window.size, layer.window.stride
    d, (p, after) = layer.window.dilation[0], layer.window.padding[0]
    o = layer.put_back(Volume(volume.shape, 1))[0]
    out = np.zeros(((rows - 1) * s + d * (f - 1) + 1 + o, cols), np.float32)
    for r in range(rows):
        for t in range(f):
            out[r * s + t * d] += volume[r]
    return out[p : len(out) - after]


def computed(entries, volume):
    """Compute a network of one channel; a value that isn't 0 becomes 1, so that none overflows."""
    for entry in entries:
        if isinstance(entry, Residual):
            main = computed(entry.main, volume)
            volume = main + computed(entry.shortcut, volume)
            continue
        layer = entry.layer
        if isinstance(layer, Conv | Depthwise):
            volume = convolved(volume, layer)
        elif isinstance(layer, Pool):
            volume = pooled(volume, layer)
        elif isinstance(layer, Transposed):
            volume = spread(volume, layer)
        elif isinstance(layer, Global):
            volume = volume.sum(axis=0, keepdims=True)
        else:
            assert isinstance(layer, Plain | Flatten | Add)
        volume = (volume > 0).astype(np.float32)
    return volume


def check(spec, size):
    """Change one sample of the rows after the other and see which outputs change.

    Column j of the image has its one in row j, so that all are seen at once: no layer has more
    than one column. Padding and what a transposed convolution cuts off hide a part of a field, so
    those near an end only have to hold what is seen. Returns how many were compared in full.
    """
    network = find_network(spec)
    trace = follow(network, Volume((size, size), 1))
    field = trace.steps[-1].fields.axes[0]
    spreads = [step for step in trace.steps if isinstance(step.layer, Transposed)]
    cut = sum(max(step.layer.window.padding[0]) * step.before.axes[0].jump for step in spreads)
    reached = computed(network.entries, np.eye(size, dtype=np.float32))
    assert len(reached) == trace.output.grid[0]
    inside = 0
    for out, samples in enumerate(reached):
        seen, found = field.at(out), np.flatnonzero(samples)
        if seen is None:
            assert not found.size
            continue
        assert all(seen[0] <= sample <= seen[1] for sample in found)
        if cut <= seen[0] and seen[1] < size - cut:
            assert (found.min(), found.max()) == seen
            inside += 1
    return inside


@pytest.mark.parametrize(
    ("spec", "size", "jump", "start"),
    [
        ("conv 3x1 1", 3, 1, 1),
        ("conv 3x1 1 p1x0", 3, 1, 0),
        ("conv 3x1 1 s2x1 p1x0; relu", 3, 2, 0),
        ("conv 3x1 1 d2x1", 5, 1, 2),
        ("conv 3x1 1 d3x1 p3x0", 7, 1, 0),
        ("repeat 2 { conv 3x1 1 p1x0 }", 5, 1, 0),
        ("conv 5x1 1 p2x0", 5, 1, 0),
        ("repeat 3 { conv 3x1 1 }", 7, 1, 3),
        ("conv 3x1 1 s2x1; conv 3x1 1 d2x1; conv 2x1 1", 13, 2, 6),
        ("conv 3x1 1; pool 2x1; conv 3x1 1", 8, 2, Fraction(7, 2)),
        ("pool 3x1 s2x1 p1x0 ceil; conv 2x1 1", 5, 2, 1),
        ("avgpool 2x1; avgpool 2x1", 4, 4, Fraction(3, 2)),
        ("conv 1x1 1 s3x1; conv 3x1 1", 7, 3, 3),
        ("conv 4x1 1 same; conv 4x1 1 full", 7, 1, -2),
        ("residual { conv 3x1 1 p1x0 }", 3, 1, 0),
        ("residual { conv 3x1 1 s2x1 p1x0; conv 3x1 1 p1x0 } + { conv 1 1 s2x1 }", 7, 2, 0),
        ("residual { conv 3x1 1 p1x0 } + { conv 3x1 1 d3x1 p3x0 }", 7, 1, 0),
        ("transposed 2x1 1 s2x1", 1, Fraction(1, 2), 0),
        ("transposed 4x1 1 s2x1 p1x0", 2, Fraction(1, 2), Fraction(-1, 2)),
        ("transposed 3x1 1 s2x1 p1x0 o1x0", 2, Fraction(1, 2), 0),
        ("transposed 2x1 1 s2x1; conv 3x1 1", 2, Fraction(1, 2), Fraction(1, 2)),
        ("transposed 2x1 1 s2x1; conv 4x1 1", 3, Fraction(1, 2), Fraction(1, 2)),
        ("transposed 2x1 1 s2x1; conv 2x1 1 s2x1", 1, 1, 0),
        ("conv 3x1 1 s2x1 p1x0; transposed 2x1 1 s2x1", 3, 1, 0),
        ("transposed 3x1 1 s2x1 d3x1", 4, Fraction(1, 2), Fraction(-3, 2)),
        ("transposed 3x1 1 s2x1 d3x1; conv 4x1 1", 5, Fraction(1, 2), -1),
    ],
)
def test_a_field_is_what_the_network_sees(spec, size, jump, start):
    assert check(spec, 24) >= 3
    field = follow(find_network(spec), Volume((24, 24), 1)).steps[-1].fields.axes[0]
    assert (field.size, field.jump, field.start) == (size, jump, start)


def test_a_gap_between_spread_outputs_sees_nothing():
    field = (
        follow(find_network("transposed 2x1 1 s3x1"), Volume((8, 8), 1)).steps[-1].fields.axes[0]
    )
    assert [field.at(k) for k in range(4)] == [(0, 0), (0, 0), None, (1, 1)]
    assert check("transposed 2x1 1 s3x1", 8) == 16


def test_a_global_layer_and_a_fully_connected_one_see_all():
    steps = follow(find_network("conv 3 1 p1; global; fc 2"), Volume((9, 7), 1)).steps
    for step in steps[1:]:
        assert (step.fields.axes[0].at(0), step.fields.axes[1].at(0)) == ((-1, 9), (-1, 7))
        assert step.fields.axes[0].step == 0
    (dense,) = follow(find_network("fc 2"), Volume((9, 7), 1)).steps
    assert (dense.fields.axes[0].size, dense.fields.axes[1].size) == (9, 7)


def test_flattened_values_see_what_they_saw():
    steps = follow(find_network("conv 3 1; flatten; fc 2"), Volume((9, 7), 1)).steps
    assert steps[1].fields == steps[0].fields
    assert steps[2].fields.axes[0].at(0) == (0, 8)


_ODDS = st.sampled_from([1, 1, 2, 3])


@st.composite
def layers(draw):
    f, s, d = draw(st.integers(1, 4)), draw(_ODDS), draw(_ODDS)
    kind = draw(st.sampled_from(["conv", "depthwise", "pool", "transposed", "residual"]))
    if kind == "transposed":
        extra = draw(st.integers(0, max(s, d) - 1))
        p = f"{draw(st.integers(0, 2))},{draw(st.integers(0, 2))},0,0"
        return f"transposed {f}x1 1 s{s}x1 d{d}x1 p{p} o{extra}x0"
    if kind == "pool":
        p = f"{draw(st.integers(0, 3))},{draw(st.integers(0, 3))},0,0"
        return f"pool {f}x1 s{s}x1 d{d}x1 p{p}" + draw(st.sampled_from(["", " ceil"]))
    if kind == "residual":
        short = draw(st.sampled_from(["conv 1 1", "conv 3x1 1 p1x0", "conv 3x1 1 d2x1 same"]))
        return f"residual {{ conv {f}x1 1 d{d}x1 same }} + {{ {short} }}"
    p = f"{draw(st.integers(0, 3))},{draw(st.integers(0, 3))},0,0"
    filters = " 1" if kind == "conv" else ""
    return f"{kind} {f}x1{filters} s{s}x1 d{d}x1 p{p}"


@given(st.lists(layers(), min_size=1, max_size=4), st.integers(12, 24))
def test_fields_of_any_stack_are_what_it_sees(stack, size):
    spec = "; ".join(stack)
    try:
        trace = follow(find_network(spec), Volume((size, size), 1))
    except UsageError:
        assume(False)
    assume(max(step.output.grid[0] for step in trace.steps) < 500)
    check(spec, size)


@pytest.mark.parametrize("dims", [1, 3])
@given(st.lists(layers(), min_size=1, max_size=3))
def test_fields_of_other_dimensions_are_those_of_the_rows(dims, stack):
    """The first axis as it is, the others with taps, strides and dilations of 1."""
    ones, sides = "x1" * (dims - 1), ",0" * (2 * dims - 2)
    turned = re.sub(r"(\d)x[01]\b", rf"\1{ones}", "; ".join(stack))
    turned = re.sub(r"p(\d),(\d),0,0", rf"p\1,\2{sides}", turned)
    turned = re.sub(r"\b(conv|depthwise|transposed|pool) ", rf"\g<1>{dims}d ", turned)
    turned = re.sub(r"\bp1x1x1\b", "p1,1,0,0,0,0", re.sub(r" o\d\S*", "", turned))
    plain = re.sub(r" o\d\S*", "", "; ".join(stack))
    try:
        theirs = follow(find_network(plain), Volume((20, 1), 1))
    except UsageError:
        assume(False)
    ours = follow(find_network(turned), Volume((20,) + (1,) * (dims - 1), 1))
    for one, other in zip(ours.steps, theirs.steps, strict=True):
        assert one.fields.axes[0] == other.fields.axes[0]
        assert one.output.grid[0] == other.output.grid[0]
        assert one.cost == other.cost


def test_rows_and_columns_are_told_apart():
    trace = follow(find_network("conv 3x5 1 s2x1; pool 2x3"), Volume((20, 20), 1))
    rows, cols = trace.steps[-1].fields.axes[0], trace.steps[-1].fields.axes[1]
    assert (rows.size, rows.jump, cols.size, cols.jump) == (5, 4, 7, 3)


@pytest.mark.parametrize(
    ("name", "text", "field", "jump"),
    [
        ("vgg16", "pool", 212, 32),
        ("alexnet", "pool", 195, 32),
        ("resnet50", "conv", 427, 32),
        ("resnet50 v1", "conv", 483, 32),
    ],
)
def test_fields_are_those_that_were_published(name, text, field, jump):
    """Araujo, Norris and Sim 2019: VGG-16 212, AlexNet v2 195, ResNet-50 483.

    Theirs has ResNet-50's strides before a block's 3×3 layer, which so widens the field twice as
    much as in v1.5: 2·4 + 2·8 + 2·16 = 56 samples more.
    """
    network = known_network(name.split()[0])
    if name.endswith("v1"):
        spec = network.origin.spec
        for c in (128, 256, 512):
            spec = spec.replace(f"conv 1 {c} nobias; bn; relu\n  conv 3 {c} s2",
                                f"conv 1 {c} s2 nobias; bn; relu\n  conv 3 {c}")  # fmt: skip
        assert spec.count("s2") == network.origin.spec.count("s2")
        network = find_network(spec)
    steps = follow(network, known_network(name.split()[0]).input).steps
    last = [step for step in steps if step.layer.text.startswith(text)][-1]
    assert (last.fields.axes[0].size, last.fields.axes[0].jump) == (field, jump)


def test_the_rule_of_the_paper_holds_for_one_path():
    """r = 1 + Σ (span − 1) · Π strides before."""
    field, size, jump = INPUT, 1, 1
    for taps, stride, dilation in ((7, 2, 1), (3, 2, 1), (3, 1, 4), (5, 3, 2), (1, 1, 1)):
        axis = Axis(100, taps, stride, dilation, 1, 1)
        field = field.slid(axis)
        size, jump = size + (axis.span - 1) * jump, jump * stride
        assert (field.size, field.jump) == (size, jump)


def test_paths_that_step_differently_are_refused():
    spec = "residual { conv 1 1 s2; transposed 2 1 s1 } + { pool 2 s2 ceil; transposed 2 1 }"
    follow(find_network(spec), Volume((8, 8), 1))
    wrong = "residual { conv 1 1 s2 } + { conv 5 1 }"
    with pytest.raises(UsageError, match="jump of 2 samples and the other of 1"):
        follow(find_network(wrong), Volume((8, 8), 1))


def test_paths_to_one_output_may_step_differently():
    spec = "residual { conv 1 1 s2 } + { conv 8 1 }"
    with pytest.raises(UsageError):
        follow(find_network(spec), Volume((8, 8), 1))
    (*_, last) = follow(find_network("residual { conv 2 1 s7 } + { conv 8 1 }"),
                        Volume((8, 8), 1)).steps  # fmt: skip
    assert last.fields.axes[0].at(0) == (0, 7)
