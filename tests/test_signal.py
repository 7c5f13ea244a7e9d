"""`convcli signal`, and signals of one dimension: against NumPy, SciPy, and sums on paper."""

from __future__ import annotations

import io
import json
import wave
from fractions import Fraction

import numpy as np
import pytest
from command import call
from hypothesis import given
from hypothesis import strategies as st

from convcli import UsageError, convolve_signal, correlate_signal
from convcli.signals import convolution, forms, wav
from convcli.signals.files import read_signal

whole = st.lists(st.integers(-50, 50), min_size=1, max_size=12)


def naive(a, b):
    """All sums, product by product."""
    out = [0] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            out[i + j] += x * y
    return out


@given(whole, whole)
def test_integers_are_summed_exactly_by_every_method(a, b):
    for method in convolution.METHODS:
        got = convolve_signal(a, b, method=method)
        assert got.dtype == np.int64
        assert got.tolist() == naive(a, b)
        assert correlate_signal(a, b, method=method).tolist() == naive(a, b[::-1])


@given(whole, whole)
def test_convolution_commutes_and_correlation_is_turned_round(a, b):
    assert convolve_signal(a, b).tolist() == convolve_signal(b, a).tolist()
    assert correlate_signal(a, b).tolist() == correlate_signal(b, a)[::-1].tolist()


@pytest.mark.parametrize("kind", ["int", "float"])
def test_modes_and_methods_are_those_of_scipy(kind, rng):
    signal = pytest.importorskip("scipy.signal")
    for n, m in ((1, 1), (7, 3), (3, 7), (8, 8), (400, 33), (33, 400), (5000, 700)):
        a, b = (
            rng.integers(-99, 99, count) if kind == "int" else rng.normal(size=count)
            for count in (n, m)
        )
        for mode in convolution.MODES:
            for method in ("direct", "fft"):
                got = convolve_signal(a, b, mode, method=method)
                want = signal.convolve(a, b, mode, method="direct")
                # SciPy's `same` is as long as the first signal; NumPy's as the longer.
                np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-9)
                got = correlate_signal(a, b, mode, method=method)
                want = signal.correlate(a, b, mode, method="direct")
                np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-9)


def test_large_integers_stay_exact(rng):
    a, b = [2**62, 3], [5, 2**61]
    assert convolve_signal(a, b).tolist() == naive(a, b)
    a, b = rng.integers(-(2**30), 2**30, 300), rng.integers(-(2**25), 2**25, 200)
    assert convolve_signal(a, b).tolist() == naive(a.tolist(), b.tolist())
    many = np.array([2**62] * 20_000, object)
    with pytest.raises(UsageError, match="more than 64 bits"):
        convolve_signal(many, many)


def test_one_sample_that_is_no_number_stays_where_it_is(rng):
    a = rng.normal(size=20_000)
    a[7] = np.nan
    out = convolve_signal(a, rng.normal(size=2_000))
    assert np.isnan(out[7:2007]).all()
    assert np.isfinite(out[2007:]).all()
    with pytest.raises(UsageError, match="would spread"):
        convolve_signal(a, [1.0], method="fft")


def test_channels_are_filtered_alone():
    a = np.array([[1, 10], [2, 20], [3, 30]])
    got = convolve_signal(a, [1, 1])
    assert got.tolist() == [[1, 10], [3, 30], [5, 50], [3, 30]]
    assert convolve_signal(a, a)[:, 1].tolist() == naive([10, 20, 30], [10, 20, 30])
    with pytest.raises(UsageError, match="2 and 3 channels"):
        convolve_signal(a, np.ones((2, 3)))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "none of them 0"),
        (np.ones((2, 2, 2)), "shape"),
        ([1j], "real numbers"),
        (np.ma.masked_equal([1, 2], 2), "masked"),
        (["a"], "real numbers"),
    ],
)
def test_what_is_no_signal_is_refused(value, said):
    with pytest.raises(UsageError, match=said):
        convolve_signal(value, [1])


# Worked forms


def test_a_product_of_polynomials_is_worked_out():
    done = call("signal", "1 2 3", "4 5 6", "--as", "polynomial")
    assert "x²: 1·6 + 2·5 + 3·4 = 28" in done.out
    assert done.out.endswith("A(x)·B(x) = 4 + 13x + 28x² + 27x³ + 18x⁴\n")
    done = call("signal", "[-1 0 1]/2", "0 -3", "--as", "polynomial")
    assert "A(x) = −0.5 + 0.5x²" in done.out
    assert "B(x) = −3x" in done.out
    assert done.out.endswith("= 1.5x − 1.5x³\n")


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_long_multiplication_is_multiplication(a, b):
    done = forms.long_multiplication([Fraction(a)], [Fraction(b)])
    assert done.result == a * b
    digits = "".join(str(step.digit) for step in reversed(done.carried))
    assert int(f"{done.carried[-1].carry_out}{digits}") == a * b
    assert sum(row * 10**k for k, row in enumerate(done.rows)) == a * b


def test_digits_print_what_a_textbook_prints():
    said = call("signal", "123", "456", "--as", "digits").out
    assert "4 13 28 27 18   sums of the columns" in said
    assert "10¹: 27 + 1 carried = 28: write 8, carry 2" in said
    assert said.endswith("123 × 456 = 56088\n")
    assert json.loads(call("signal", "12", "34", "--as", "digits", "--json").out)["result"] == 408


def test_two_dice_add_up_along_the_diagonals():
    fair = "1 1 1 1 1 1"
    said = call("signal", fair, fair, "--as", "dice").out
    assert "  6   7  8  9 10 11 12" in said
    assert "6/36   16.7%" in said
    places = json.loads(call("signal", fair, fair, "--as", "dice", "--json").out)["places"]
    assert [len(place["products"]) for place in places] == [1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1]
    assert sum(place["sum"] for place in places) == pytest.approx(1)
    loaded = forms.dice([Fraction(0), Fraction(1)], [Fraction(1), Fraction(3)])
    assert [place.sum for place in loaded] == [0, Fraction(1, 4), Fraction(3, 4)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("1 -1", "1", "--as", "dice"), "0 or more"),
        (("12 3", "4", "--as", "digits"), "12 is no digit"),
        (("1.5", "4", "--as", "digits"), "whole numbers"),
        (("1 2", "4", "--as", "digits", "--correlate"), "leave --correlate"),
        (("1 2; 3 4", "1"), "one dimension"),
        (("nothing.csv", "1"), "no such file"),
        (("one two", "1"), "neither numbers nor a file"),
        (("1 2", "1", "-o", "a.png"), "no signal's file"),
        (("1 2", "1", "-o", "a.wav"), "samples a second"),
        (("1 2", "1", "-o", "a.csv", "--normalize"), "--normalize is for sound"),
        ((" ".join(["1"] * 41), "1", "--as", "polynomial"), "too long"),
    ],
)
def test_mistakes_are_one_line(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call("signal", *words)
    assert done.status in (1, 2)
    assert done.err.count("\n") == 1
    assert said in done.err
    assert not list(tmp_path.iterdir())


# The command and its files


def test_numbers_go_to_standard_output_and_the_report_beside_it():
    done = call("signal", "1 2 4", "1 -1", "--correlate", "--swap", "-v")
    assert done.out == "-1\n-1\n-2\n4\n"
    assert "3 + 2 − 1 = 4 samples" in done.err
    assert "turns the result round" in done.err
    assert "direct: 2 products for each of 3" in done.err
    done = call("signal", "1 2 4", "1 -1", "--swap", "-q")
    assert (done.out, done.err) == ("1\n1\n2\n-4\n", "")
    said = json.loads(call("signal", "[1 2 1]/4", "1 1", "--json", "--swap").out)
    assert said["values"] == said["swapped"] == [0.25, 0.75, 0.75, 0.25]


def test_tables(tmp_path):
    table = tmp_path / "a.csv"
    table.write_text("time;height\n0;1\n1;2,5\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"2 columns: time, height; say which, such as .*#height"):
        read_signal(str(table))
    assert read_signal(f"{table}#height").values.tolist() == [1, 2.5]
    table.write_text("time;height\n0;1\n1;2,5,1\n", encoding="utf-8")
    with pytest.raises(Exception, match=r"line 3, column 2: '2,5,1' is not a finite number"):
        read_signal(f"{table}#height")
    assert read_signal(f"{table}#1").values.tolist() == [0, 1]
    with pytest.raises(UsageError, match="no column 'x'; it has time, height"):
        read_signal(f"{table}#x")
    table.write_text("# a comment\n1 2\n3.5 4\n", encoding="utf-8")
    assert read_signal(f"{table}#1").values.tolist() == [1.0, 3.5]
    table.write_text("1,2,3\n", encoding="utf-8")
    out = tmp_path / "out.csv"
    assert call("signal", table, "1 1", "-o", out, "-q").status == 0
    assert out.read_text() == "1\n3\n5\n3\n"
    again = call("signal", table, "1 1", "-o", out)
    assert again.status == 1
    assert "exists" in again.err
    source = call("signal", table, "1 1", "-o", table, "--overwrite")
    assert source.status == 2
    assert "itself, which is read" in source.err


def test_arrays(tmp_path):
    source, target = tmp_path / "a.npy", tmp_path / "b.npy"
    np.save(source, np.array([1.0, 2.0]))
    assert call("signal", source, "1 1", "-o", target, "-q").status == 0
    assert np.load(target).tolist() == [1.0, 3.0, 2.0]
    np.save(source, np.array([{}], dtype=object), allow_pickle=True)
    assert "can't be read" in call("signal", source, "1").err


def sound(samples, width, rate=8000):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((samples.shape[1], width, rate, 0, "NONE", ""))
        kind = {1: np.uint8, 2: "<i2", 4: "<i4"}[width]
        file.writeframes((samples + 128 * (width == 1)).astype(kind).tobytes())
    return out.getvalue()


@pytest.mark.parametrize("width", [1, 2, 4])
def test_sound_is_read_and_written_as_the_standard_library_does(width, rng):
    full = 2 ** (8 * width - 1)
    samples = rng.integers(-full, full, (50, 2))
    data = sound(samples, width)
    got, form, others = wav.decode(data)
    assert (got == samples).all()
    assert (form.rate, form.bits, others) == (8000, 8 * width, ())
    assert wav.encode(got, form) == data


def test_sound_of_24_bits_and_of_floats(rng):
    whole = rng.integers(-(2**23), 2**23, (31, 1))
    form = wav.WavFormat(44100, 24, is_float=False)
    data = wav.encode(whole, form)
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getsampwidth(), file.getnframes()) == (3, 31)
    assert (wav.decode(data)[0] == whole).all()
    for bits in (32, 64):
        form = wav.WavFormat(48000, bits, is_float=True)
        real = rng.normal(size=(9, 3)).astype(f"f{bits // 8}")
        got, found, _ = wav.decode(wav.encode(real, form))
        assert (got == real).all()
        assert found == form


def test_a_sound_that_is_cut_off_or_compressed_is_refused():
    data = sound(np.zeros((50, 1), int), 2)
    with pytest.raises(UsageError, match="cut off"):
        wav.decode(data[:-10])
    with pytest.raises(UsageError, match="format 85"):
        wav.decode(data[:20] + b"\x55" + data[21:])
    with pytest.raises(UsageError, match="not a WAV"):
        wav.decode(b"RIFX" + data[4:])


def test_sounds_are_convolved_in_shares_of_a_full_sample(tmp_path):
    voice, room, out = (tmp_path / name for name in ("voice.wav", "room.wav", "out.wav"))
    voice.write_bytes(sound(np.array([[1000], [-2000], [30000]]), 2))
    room.write_bytes(sound(np.array([[16384], [16384]]), 2))
    done = call("signal", voice, room, "-o", out)
    assert done.status == 0, done.err
    assert wav.decode(out.read_bytes())[0][:, 0].tolist() == [500, -500, 14000, 15000]
    done = call("signal", voice, "2", "-o", out, "--overwrite")
    assert "1 samples clipped" in done.err
    done = call("signal", voice, room, "-o", out, "--overwrite", "--normalize")
    assert np.abs(wav.decode(out.read_bytes())[0]).max() == 32767
    room.write_bytes(sound(np.array([[1]]), 2, rate=44100))
    done = call("signal", voice, room, "-o", out, "--overwrite")
    assert "8000 and 44100 samples a second" in done.err
