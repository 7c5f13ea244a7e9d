"""What the engine chooses before it computes, and the proofs that its choices rest on."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import oracle
import pytest
from asserts import assert_same_pixels
from hypothesis import given
from hypothesis import strategies as st

from convcli import Image, Kernel, Spec, pipeline
from convcli.engine import Finish, finish, store
from convcli.engine.finish import _ROUNDING_LIMIT
from convcli.engine.plan import choose_accumulator, strip_rows
from convcli.spec import Mapping

ALL = np.ones(129, dtype=np.int64)

#: Weights, sample type, accumulator, exact.
CHOICES = [
    ([1], "uint8", "int16", True),
    ([-1, 1], "uint8", "int16", True),
    ([-128], "uint8", "int16", True),  # −32640
    ([-129], "uint8", "float32", True),  # −32895
    ([128], "uint8", "int16", True),  # 32640
    ([129], "uint8", "uint16", True),  # 32895
    ([257], "uint8", "uint16", True),  # 65535
    ([258], "uint8", "float32", True),
    ([129, -1], "uint8", "float32", True),
    ([128, -128], "uint8", "int16", True),
    (ALL[:128], "uint8", "int16", True),
    (ALL, "uint8", "uint16", True),
    ([65793], "uint8", "float32", True),  # 2^24 − 1
    ([65794], "uint8", "float64", True),
    ([1], "uint16", "uint16", True),
    ([-1], "uint16", "float32", True),
    ([256], "uint16", "float32", True),
    ([257], "uint16", "float64", True),
    ([2**37], "uint16", "float64", True),
    ([2**38], "uint16", "float32", False),
    ([0], "uint8", "int16", True),
    ([0.5], "uint8", "float32", False),
    ([0.5], "uint16", "float32", False),
    ([1], "float32", "float32", False),
    ([0.5], "float64", "float64", False),
    ([1], "float64", "float64", False),
]


@pytest.mark.parametrize(("weights", "source", "chosen", "exact"), CHOICES)
def test_the_narrowest_safe_type_is_chosen(weights, source, chosen, exact):
    found = choose_accumulator(np.array([weights]), np.dtype(source))
    assert (found.dtype.name, found.exact) == (chosen, exact)
    assert chosen in found.reason


def test_double_precision_is_for_what_is_not_exact():
    real, whole = np.array([[0.5]]), np.array([[3]])
    byte, single = np.dtype("uint8"), np.dtype("float32")
    assert choose_accumulator(real, byte, double=True).dtype == np.float64
    assert choose_accumulator(real, single, double=True).dtype == np.float64
    assert choose_accumulator(whole, byte, double=True).dtype == np.int16


def test_the_widest_kernel_of_several_decides():
    several = np.array([[1, 0], [0, -129]])
    assert choose_accumulator(several, np.dtype("uint8")).dtype == np.float32


def sums_in(weights, samples, dtype):
    """Sums as the loops form them: products and running sums in one type."""
    total = np.zeros(1, dtype)
    with np.errstate(over="ignore"):
        for weight, sample in zip(weights.tolist(), samples, strict=True):
            product = np.array([weight]).astype(dtype) * np.array([sample]).astype(dtype)
            total = (total + product).astype(dtype)
    return total.item()


@given(
    st.lists(st.integers(-(2**20), 2**20), min_size=1, max_size=12),
    st.sampled_from(["uint8", "uint16"]),
    st.integers(0, 2**20),
    st.randoms(use_true_random=False),
)
def test_sums_at_the_extremes_are_those_of_whole_numbers(weights, source, shrink, random):
    flat = np.array([weights]) // max(1, shrink)
    found = choose_accumulator(flat, np.dtype(source))
    assert found.exact
    top = int(np.iinfo(source).max)
    row = flat[0]
    patterns = [
        [top if w > 0 else 0 for w in row],  # the greatest sum
        [top if w < 0 else 0 for w in row],  # the least
        [top] * len(row),
        [random.choice([0, 1, top - 1, top]) for _ in row],
    ]
    for samples in patterns:
        exact = sum(int(w) * s for w, s in zip(row, samples, strict=True))
        assert sums_in(row, samples, found.dtype) == exact
        assert abs(exact) <= found.largest


@pytest.mark.parametrize("edge", [127, 128, 129, 130, 255, 256, 257, 258, 65793, 65794, 2**30])
@pytest.mark.parametrize("source", ["uint8", "uint16"])
def test_the_loops_sum_right_at_the_edges_of_each_type(edge, source):
    top = int(np.iinfo(source).max)
    rows = ([edge], [-edge], [edge, -edge], [edge - 1, 1], [-1, 1 - edge], [1] * min(edge, 300))
    for weights in rows:
        patterns = [
            [top if w > 0 else 0 for w in weights],
            [top if w < 0 else 0 for w in weights],
            [top - (k % 2) for k in range(len(weights))],
        ]
        for samples in patterns:
            image = Image(np.array([samples], dtype=source))
            kernel = Kernel("k", [weights])
            _, facts = pipeline.apply(image, [kernel], Spec(padding="valid", mapping="clip"))
            exact = sum(w * s for w, s in zip(weights, samples, strict=True))
            assert (facts.lowest, facts.highest) == (exact, exact)


def divisors(limit, rng):
    """Small divisors, powers of two and their neighbours, and some others."""
    powers = [2**k + d for k in range(1, 52) for d in (-1, 0, 1)]
    small, others = range(1, 40), rng.integers(1, limit, 20).tolist()
    return sorted({d for d in (*powers, *small, *others) if 0 < d < limit // 4})


@pytest.mark.parametrize("real", ["float32", "float64"])
@pytest.mark.parametrize("mapping", ["clip", "abs", "offset"])
def test_rounding_is_right_at_and_around_every_half(real, mapping, rng):
    # The loop gets its numbers in either type; sums are float of the same type, all exact.
    limit = _ROUNDING_LIMIT[np.dtype(real)]
    for divisor in divisors(limit, rng):
        most = (limit - divisor - 1) // 2
        if real == "float32":
            most = min(most, 2**24)
        halves = [divisor * (2 * q + 1) // 2 for q in (0, 1, 2, 7, 126, 127, 128, 254, 255)]
        far = [most - k for k in range(4)] + rng.integers(0, most + 1, 30).tolist()
        halves += [(2 * (t // divisor) + 1) * divisor // 2 for t in far]
        sizes = {h + d for h in halves for d in (-1, 0, 1)} | set(far)
        sums = sorted({s * t for t in sizes for s in (1, -1) if 0 <= t <= most})
        assert max(sums) * 2 + divisor < limit
        check_rounding(sums, divisor, real, mapping)


def check_rounding(sums, divisor, real, mapping):
    """Run the store loop on exact sums and compare with Fractions."""
    rule = finish(
        Mapping(mapping), np.dtype(np.uint16), maximum=65535.0, slope=Fraction(1, divisor)
    )
    name, numbers = rule.loop(np.dtype(real), max(sums), exact=True)
    assert (name, numbers.dtype.name) == ("store_rounded", real)
    responses = np.array([sums], dtype=real)
    assert responses[0].tolist() == sums  # nothing is lost on the way in
    actual = run_store(responses, numbers)
    expected = [oracle.mapped(Fraction(t, divisor), mapping, 65535) for t in sums]
    assert actual[0].tolist() == expected, f"divisor {divisor}"


def run_store(responses, numbers):
    """Run `store_rounded` alone, with numbers of a chosen type."""
    from convcli.engine import native

    out = np.empty(responses.shape, dtype=np.uint16)
    stats, limits = np.array([np.inf, -np.inf, 0.0]), np.array([-np.inf, np.inf])
    types = (responses.dtype.name, out.dtype.name, numbers.dtype.name)
    native.load("store_rows", ("store_rounded",), types)(responses, out, numbers, limits, stats)
    return out


@given(
    st.integers(-(2**30), 2**30).filter(bool),
    st.integers(1, 2**12),
    st.integers(-(2**16), 2**16),
    st.integers(1, 16),
    st.lists(st.integers(-(2**24), 2**24), min_size=1, max_size=30),
)
def test_any_slope_and_shift_round_right(m, d, a, b, sums):
    slope, shift = Fraction(m, d * 2**20), Fraction(a, b)
    rule = finish(Mapping.CLIP, np.dtype(np.uint16), maximum=65535.0, slope=slope, shift=shift)
    name, numbers = rule.loop(np.dtype(np.float64), max(map(abs, sums)), exact=True)
    assert name == "store_rounded"
    common = slope.denominator * shift.denominator
    reach = 2 * (abs(slope * common) * max(map(abs, sums)) + abs(shift * common)) + common
    if reach >= _ROUNDING_LIMIT[np.dtype(np.float64)]:
        return  # what lies beyond is not promised
    actual = run_store(np.array([sums], dtype=np.float64), numbers.astype(np.float64))
    expected = [oracle.mapped(slope * t + shift, "clip", 65535) for t in sums]
    assert actual[0].tolist() == expected


def test_the_narrow_store_is_used_only_within_its_limit():
    rule = finish(Mapping.CLIP, np.dtype(np.uint8), maximum=255.0, slope=Fraction(1, 9))
    narrow, wide = np.dtype(np.float32), np.dtype(np.float64)
    limit = (2**22 - 9) // 2
    assert rule.loop(narrow, limit - 1, exact=True)[1].dtype == narrow
    assert rule.loop(narrow, limit + 1, exact=True)[1].dtype == wide
    assert rule.loop(wide, 5, exact=True)[1].dtype == wide
    assert rule.loop(narrow, 5, exact=False)[1].dtype == wide


@given(
    st.integers(-(2**12), 2**12),
    st.integers(1, 300),
    st.integers(-600, 600),
    st.sampled_from(list(Mapping)[:3]),
    st.sampled_from(["uint8", "uint16"]),
)
def test_clipped_sums_are_those_outside_the_limits(m, d, a, mapping, depth):
    top = int(np.iinfo(depth).max)
    rule = finish(
        mapping, np.dtype(depth), maximum=float(top), slope=Fraction(m, d), shift=Fraction(a, 2)
    )
    low, high = rule.limits()
    if m == 0:
        assert (low, high) == (-np.inf, np.inf)
        return
    ends = [end for end in (low, high) if abs(end) < 2**40]
    for total in {int(end) + k for end in ends for k in (-1, 0, 1)}:
        value = oracle.round_half_away(rule.slope * total + rule.shift)
        value = abs(value) if mapping is Mapping.ABS else value + int(rule.mid)
        assert (low <= total <= high) == (0 <= value <= top)


@pytest.mark.parametrize("depth", ["uint8", "uint16"])
@pytest.mark.parametrize("divisor", [1, 9, -3])
def test_normalize_is_exact(depth, divisor, rng):
    pixels = rng.integers(50, 180, (9, 11)).astype(depth)
    kernel = Kernel("k", [[1, -2, 3]], divisor=divisor, offset=20)
    result, facts = pipeline.apply(Image(pixels), [kernel], Spec(mapping="normalize"))
    whole = oracle.correlate(pixels, kernel.weights, padding=((0, 0), (1, 1)))
    real = [[Fraction(v, divisor) for v in row] for row in whole]
    low, high = min(map(min, real)), max(map(max, real))
    top = int(np.iinfo(depth).max)
    expected = [
        [oracle.round_half_away((v - low) * top / (high - low)) for v in row] for row in real
    ]
    assert_same_pixels(result.pixels, expected)
    assert facts.clipped == 0
    assert result.pixels.min() == 0
    assert result.pixels.max() == top


def test_normalize_of_floats_and_of_one_level(rng):
    pixels = (rng.random((9, 11)) * 7 - 3).astype(np.float32)
    result, _ = pipeline.apply(Image(pixels), [Kernel("k", [[1]])], Spec(mapping="normalize"))
    expected = (pixels - pixels.min()) / (pixels.max() - pixels.min())
    assert_same_pixels(result.pixels, expected, 1e-6)
    flat = Image(np.full((3, 3), 77, np.uint8))
    result, _ = pipeline.apply(flat, [Kernel("k", [[1]])], Spec(mapping="normalize"))
    assert_same_pixels(result.pixels, flat.pixels)


@pytest.mark.parametrize("depth", ["same", "8"])
def test_normalize_of_numbers_with_no_common_divisor(depth):
    # The denominator of such a slope is beyond float64.
    pixels = np.array([[1e-200, 0.25, 1.0]])
    spec = Spec(mapping="normalize", depth=depth)
    result, _ = pipeline.apply(Image(pixels), [Kernel("k", [[1]])], spec)
    full = 255 if depth == "8" else 1
    assert_same_pixels(result.pixels, [[0, 64 if full > 1 else 0.25, full]], 1e-12)


def test_a_sum_without_end_does_not_stop_normalize():
    pixels = np.array([[0.0, 0.5, np.inf]], dtype=np.float32)
    result, _ = pipeline.apply(Image(pixels), [Kernel("k", [[1]])], Spec(mapping="normalize"))
    assert_same_pixels(result.pixels, pixels)


def test_divisors_beyond_all_measure_give_nothing_or_all():
    pixels = np.full((2, 2), 200, np.uint8)
    for divisor, level in ((1e307, 0), (1e-300, 255), (-1e-300, 0)):
        spec = Spec(divisor=divisor)
        result, _ = pipeline.apply(Image(pixels), [Kernel("k", [[1]])], spec)
        assert_same_pixels(result.pixels, np.full((2, 2), level))


@pytest.mark.parametrize("step", [(8, 16), (16, 8)])
def test_depths_change_exactly(step):
    here, there = step
    source = np.arange(2**here, dtype=f"uint{here}").reshape(16, -1)
    result, facts = pipeline.apply(Image(source), [Kernel("k", [[1]])], Spec(depth=str(there)))
    assert result.pixels.dtype == f"uint{there}"
    ratio = Fraction(2**there - 1, 2**here - 1)
    expected = [[oracle.round_half_away(int(v) * ratio) for v in row] for row in source]
    assert_same_pixels(result.pixels, expected)
    assert facts.clipped == 0


def test_floats_are_neither_rounded_nor_clipped():
    rule = Finish(Fraction(1, 3), Fraction(-1), np.dtype(np.float32))
    done = store(np.array([[0.0, 3.0, 900.5]]), rule)
    assert_same_pixels(done.pixels, [[-1, 0, 900.5 / 3 - 1]], 1e-4)
    assert done.clipped == 0
    assert (done.lowest, done.highest) == (0.0, 900.5)


@pytest.mark.parametrize("pitch", [1, 100, 4000, 10**6])
@pytest.mark.parametrize(("stride", "span"), [(1, 1), (1, 31), (3, 2), (2, 301)])
def test_strips_are_of_a_sensible_height(pitch, stride, span):
    rows = strip_rows(pitch, 4, stride, span)
    assert 4 <= rows <= 64
    assert rows >= min(64, span // 8)


def test_the_plan_says_what_was_done(rng):
    pixels = rng.integers(0, 256, (20, 20)).astype(np.uint8)
    spec = Spec(jobs=1)
    _, facts = pipeline.apply(Image(pixels), [Kernel("k", [[1, 0, 1]])], spec)
    (plan,) = facts.plans
    assert (plan.method, plan.accumulator, plan.exact) == ("direct", "int16", True)
    assert (plan.taps, plan.jobs) == (2, 1)
    assert plan.method in plan.reason
    assert plan.accumulator in plan.reason
