"""What the engine chooses before it computes, and what it says of that."""

from __future__ import annotations

import numpy as np
import pytest
from chosen import FORCED, weights_for
from command import call

from convcli import Image, Kernel, Spec, UsageError, correlate, get_kernel, pipeline
from convcli.pipeline.arrays import plan_array
from convcli.spec import Method

LARGE, SMALL = (3000, 4000), (20, 24)


def plan_of(kernel, shape=LARGE, depth="uint8", **spec):
    """The plan for a kernel, or for whole or real weights drawn for a size."""
    if isinstance(kernel, str):
        kernel = get_kernel(kernel)
    return plan_array(shape, np.dtype(depth), kernel, Spec(jobs=1, **spec))


def dense(taps, *, real=False):
    """A kernel of noise without zeros."""
    rng = np.random.default_rng(3)
    weights = rng.integers(1, 9, (taps, taps)) * rng.choice([-1, 1], (taps, taps))
    return Kernel("dense", weights * 0.37 if real else weights)


#: Kernel, image, sample type, method.
CHOICES = [
    ("sharpen", LARGE, "uint8", "direct"),
    ("laplacian", LARGE, "float32", "direct"),
    ("sobel-x", LARGE, "uint8", "separable"),
    ("emboss", LARGE, "uint16", "direct"),
    ("motion:length=31", LARGE, "uint8", "box"),
    ("laws-l5", LARGE, "uint8", "separable"),
    ("gaussian5", LARGE, "uint8", "separable"),
    ("sobel7-x", LARGE, "uint8", "separable"),
    ("gaussian:sigma=3", LARGE, "uint8", "separable"),
    ("gaussian:sigma=3", LARGE, "float32", "separable"),
    ("gaussian:sigma=3", SMALL, "uint8", "separable"),
    ("farid", LARGE, "uint8", "separable"),
    ("log:sigma=3", LARGE, "uint8", "lowrank"),
    ("dog:sigma=3", LARGE, "float32", "lowrank"),
    ("box:size=31", LARGE, "uint8", "box"),
    ("box:size=31", LARGE, "uint16", "box"),
    ("box:size=31", LARGE, "float32", "box"),
    ("box:size=101", LARGE, "uint8", "box"),
    (dense(3), LARGE, "uint8", "direct"),
    (dense(5), LARGE, "uint16", "direct"),
    (dense(31), LARGE, "uint8", "fft"),
    (dense(31), LARGE, "uint16", "fft"),
    (dense(31, real=True), LARGE, "uint8", "fft"),
    (dense(63), LARGE, "float32", "fft"),
    (dense(31, real=True), SMALL, "float32", "direct"),
    (dense(11), SMALL, "uint8", "direct"),
]


def named(value):
    return value.name if isinstance(value, Kernel) else None


@pytest.mark.parametrize(("kernel", "shape", "depth", "method"), CHOICES, ids=named)
def test_the_cheapest_method_is_chosen(kernel, shape, depth, method):
    plan = plan_of(kernel, shape, depth)
    assert plan.method == method, plan.reason
    assert plan.reason.startswith(f"{method}: ")
    assert plan.accumulator in plan.reason
    assert "\n" not in plan.reason


@pytest.mark.parametrize("shape", [SMALL, (500, 700), LARGE, (500, 700, 3)])
@pytest.mark.parametrize("depth", ["uint8", "uint16", "float32", "float64"])
def test_costs_are_listed_the_cheapest_first(shape, depth):
    for kernel in ("box3", "gaussian5", "sobel", "log:sigma=3", "box:size=31", dense(15)):
        plan = plan_of(kernel, shape, depth)
        costs = [plan.cost, *(cost for _, cost in plan.others)]
        assert costs == sorted(costs)
        assert min(costs) > 0
        methods = [plan.method, *(method for method, _ in plan.others)]
        assert len(set(methods)) == len(methods)
        assert "direct" in methods
        assert set(methods) <= set(FORCED)
        if plan.others:
            assert f"{plan.others[0][0]} would take " in plan.reason


@pytest.mark.parametrize("method", FORCED)
def test_a_forced_method_is_planned_and_used(method, rng):
    weights = weights_for(method, (7, 7), rng)
    pixels = rng.integers(0, 256, (20, 20)).astype(np.uint8)
    spec = Spec(method=method, jobs=1, mapping="raw")
    _, facts = pipeline.apply(Image(pixels), [Kernel("k", weights)], spec)
    (plan,) = facts.plans
    assert plan.method == method
    assert plan.reason.startswith(f"{method}: ")
    assert plan == plan_array((20, 20), np.dtype(np.uint8), Kernel("k", weights), spec)


@pytest.mark.parametrize("jobs", [2, 3, 8])
def test_threads_change_nothing_but_their_number(jobs):
    for kernel in ("sobel-x", "box:size=31", dense(31), dense(15, real=True)):
        for depth in ("uint8", "float32"):
            kernel = get_kernel(kernel) if isinstance(kernel, str) else kernel
            one, many = (
                plan_array((600, 700, 3), np.dtype(depth), kernel, Spec(jobs=n)) for n in (1, jobs)
            )
            assert (many.method, many.cost, many.accumulator) == (
                one.method, one.cost, one.accumulator,
            )  # fmt: skip
            assert many.jobs == jobs


def test_zero_taps_cost_nothing():
    weights = np.zeros((31, 31), dtype=int)
    weights[[0, 4, 8], [0, 4, 8]] = 1, 2, 3
    plan = plan_of(Kernel("k", weights))
    assert (plan.method, plan.taps) == ("direct", 3)
    assert "3 taps" in plan.reason
    few = plan_of(Kernel("k", [[1, 2, 3]]))
    assert plan.cost < 2 * few.cost


def test_columns_of_a_strided_image_cost_more():
    kernel = Kernel("k", np.outer([1, 2, 3, 2, 1], [1, 2, 3, 2, 1]))
    assert plan_of(kernel).taps == 10
    strided = plan_of(kernel, stride=4)
    ratio = dict([(strided.method, strided.cost), *strided.others])
    assert ratio["direct"] < ratio["separable"]


def test_what_large_steps_load_is_not_converted():
    """A strip of the working type would not fit the cache."""
    for kernel in (get_kernel("gaussian:sigma=1"), get_kernel("gaussian5"), get_kernel("sobel-x")):
        assert plan_of(kernel, (3000, 4000, 3), stride=8).method == "separable"


@pytest.mark.parametrize("stride", [2, 3, 4, 8])
def test_a_strided_filter_costs_less(stride):
    # Cycles a kept sample, of which there are so many fewer.
    for kernel in ("sharpen", "gaussian:sigma=1", dense(15)):
        every, kept = plan_of(kernel), plan_of(kernel, stride=stride)
        assert kept.cost / stride**2 < every.cost


def test_sums_are_as_narrow_as_the_method_lets_them_be():
    assert plan_of("box3").accumulator == "int16"
    assert plan_of("box:size=31", method="box").accumulator == "int32"
    assert plan_of("box:size=31", method="direct").accumulator == "float32"
    assert plan_of(dense(31), method="fft").accumulator == "float64"
    assert plan_of("gaussian:sigma=3").accumulator == "float32"
    assert plan_of("gaussian:sigma=3", precision="double").accumulator == "float64"
    assert plan_of("gaussian:sigma=3", depth="float64").accumulator == "float64"
    assert not plan_of("gaussian:sigma=3").exact
    for method in ("direct", "fft"):
        assert plan_of(dense(31), method=method).exact


def test_the_plan_says_what_was_done(rng):
    pixels = rng.integers(0, 256, (20, 20)).astype(np.uint8)
    spec = Spec(jobs=1)
    _, facts = pipeline.apply(Image(pixels), [Kernel("k", [[0, 1, 0], [1, 4, 1]])], spec)
    (plan,) = facts.plans
    assert (plan.method, plan.accumulator, plan.exact) == ("direct", "int16", True)
    assert (plan.taps, plan.jobs) == (4, 1)
    assert plan.method in plan.reason
    assert plan.accumulator in plan.reason


REFUSED = {
    "separable": ["sharpen", "disk", "kirsch", "[[0, 0]]"],
    "lowrank": ["sharpen", "gaussian5", "kirsch"],
    "box": ["gaussian5", "sobel", "[[0, 0]]"],
    "fft": ["box:size=511"],
}


@pytest.mark.parametrize("method", REFUSED)
def test_what_a_method_cannot_do_is_said_with_its_name(method):
    for kernel in REFUSED[method]:
        with pytest.raises(UsageError) as caught:
            correlate(np.zeros((5, 5), np.uint8), kernel, method=method)
        assert str(caught.value).startswith(f"`method` {method} needs ")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("method", list(Method))
def test_every_method_is_an_option_of_the_command_line(method, tmp_path, samples):
    source = next(path for path in sorted(samples.iterdir()) if path.suffix == ".png")
    target = tmp_path / "out.png"
    kernel = {"lowrank": "log:sigma=2", "box": "box:size=9"}.get(method, "gaussian5")
    said = call("apply", kernel, str(source), "-o", str(target), "--method", str(method), "--json")
    assert said.status == 0, said.err
    assert target.exists()
    if method is not Method.AUTO:
        assert f'"method": "{method}"' in said.out


def test_threads_are_as_many_as_there_are_processors_now(monkeypatch):
    """What was worked out before is kept, but not how many there were."""
    for count in (2, 5, 1):
        monkeypatch.setattr("convcli.engine.prepared.processors", lambda count=count: count)
        plan = plan_array(LARGE, np.dtype(np.uint8), get_kernel("sharpen"), Spec())
        image = Image(np.zeros((40, 50), np.uint8))
        facts = pipeline.apply(image, [get_kernel("sharpen")], Spec())[1]
        assert (plan.jobs, facts.plans[0].jobs) == (count, count)
