"""The benchmark checks before it times, and what it says follows from what it measured."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import oracle
import pytest

import convcli

pytestmark = pytest.mark.exhaustive

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # bench stands beside the package and is not installed

from bench import __main__ as command  # noqa: E402
from bench import (  # noqa: E402
    banks,
    batch,
    checks,
    commands,
    dense,
    find,
    growth,
    images,
    libraries,
    machine,
    memory,
    modes,
    named,
    plot,
    png_sizes,
    regret,
    results,
    sections,
    startup,
    tables,
    targets,
    threads,
    timing,
    tools,
)
from bench.cases import Case, Record, Wrong  # noqa: E402
from bench.modes import MODES  # noqa: E402
from bench.scale import Scale  # noqa: E402

TINY = Scale(quick=True, shape=(48, 70))
needs_opencv = pytest.mark.peers("cv2")


def record(section="dense", row="3×3", ours=2.0, peers=None, **more):
    """One measurement, as a run would give it."""
    group = more.pop("group", "8-bit, whole weights, 2 threads")
    peers = {"OpenCV": 5.0} if peers is None else peers
    return Record(section, group, row, more.pop("unit", "ms"), ours, peers, 7, more)


def whole_run(records):
    """A run with these records."""
    return results.Run(machine.describe(), True, 30.0, records)


# --- results are checked before anything is timed


@needs_opencv
@pytest.mark.parametrize("what", dense.DEPTHS)
@pytest.mark.parametrize("size", [3, 9, 31])
def test_dense_kernels_agree_with_opencv(what, size):
    case = dense.case(TINY, (what, size, 2))
    assert list(case.peers) == ["OpenCV"]
    case.before()
    case.check()


@pytest.mark.peers("torch")
def test_banks_agree_with_torch():
    for of in ((3, 5, 3), (16, 3, 5)):
        case = banks.case(40, of)
        assert list(case.peers) == ["PyTorch"]
        case.before()
        case.check()


def test_a_wrong_bank_is_noticed(monkeypatch):
    weights = banks.bank(3, 5, 3)
    case = banks.case(40, (3, 5, 3))
    monkeypatch.setattr(banks, "by_definition", lambda pixels, _, window: _moved(pixels, window))
    with pytest.raises(Wrong, match="by definition"):
        case.check()
    assert 0 < banks.tolerance(weights) < 1e-4


def _moved(pixels, window):
    """A window of the image's first channel, as each of five maps."""
    return np.repeat(pixels[window][..., :1], 5, axis=2)


@needs_opencv
def test_named_kernels_agree_with_opencv():
    cases = named.cases(TINY)
    assert len(cases) == 2 * (len(named.KERNELS) + len(named.GENERAL))
    for case in cases:
        assert "OpenCV" in case.peers
        case.check()


@needs_opencv
def test_scores_of_a_patch_agree_with_opencv():
    cases = find.cases(TINY)
    assert [case.row for case in cases] == ["16×16"]
    assert list(cases[0].peers) == ["OpenCV"]
    cases[0].check()


def test_wrong_scores_are_not_timed():
    image = images.photograph(*TINY.shape)[:, :, 1]
    patch = image[16:32, 23:39]
    scores = convcli.match_scores(patch, image)
    find.by_definition("right", scores, image, patch, (16, 23))
    with pytest.raises(Wrong, match="by definition"):
        find.by_definition("wrong", scores * np.float32(0.999), image, patch, (16, 23))


@needs_opencv
@pytest.mark.parametrize("kind", ["dense", "gaussian", "box"])
def test_kernels_that_grow_agree_with_opencv(kind):
    growth.by_kernel(kind, 9, 0.004).check()


@pytest.mark.parametrize(
    "name", ["SciPy", pytest.param("PyTorch", marks=pytest.mark.peers("torch")), "Pillow"]
)
def test_libraries_agree(name):
    for depth in ("uint8", "float32"):
        case = libraries.case(TINY, depth, 5)
        assert (name in case.peers) is (name != "Pillow" or depth == "uint8")
        case.check()


@pytest.mark.exhaustive
def test_every_method_and_number_of_threads_agrees():
    for case in threads.cases(TINY):
        case.check()
    fits = {"rank 1": "separable", "rank 2": "lowrank", "box": "box", "dense, real": "fft"}
    for kind in regret.KINDS:
        for more in ({}, {"depth": "float32"}, {"channels": 3, "stride": 2}):
            case = regret.case(regret.Cell(kind, 7, megapixels=0.003, **more))
            expected = {"direct"} if more else {"direct", fits.get(kind, "direct")}
            assert expected <= set(case.peers)
            case.check()


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(
            tool, id=tool.name, marks=[pytest.mark.peers("cv2")] * ("OpenCV" in tool.modules)
        )
        for tool in tools.TOOLS
    ],
)
def test_tools_sharpen_as_we_do(tool, tmp_path):
    if tool.program is None:
        pytest.skip(f"{tool.name} is not installed")
    suffix = tool.only or ".png"
    source, target = tools.source(TINY.shape, suffix), tmp_path / f"result{suffix}"
    assert tools.run(tool.command(source, target), target).seconds > 0
    given = commands.pixels(source)
    ours = convcli.correlate(given, np.array(tools.SHARPEN), mapping="clip")
    inside = (slice(1, -1),) * 2
    close = (1, 1) if suffix == ".png" else (255, 12)  # quality 75 loses much of small images
    checks.alike(tool.name, commands.pixels(target)[inside], ours[inside], *close)
    with pytest.raises(Wrong):
        checks.alike(tool.name, given[inside], ours[inside], *close)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["commands", "memory", "modes"])
def test_our_commands_give_what_is_asked_for(name, monkeypatch):
    monkeypatch.setattr(tools, "TOOLS", ())
    module = {"commands": commands, "memory": memory, "modes": modes}[name]
    monkeypatch.setattr(memory, "KERNELS", ("sharpen", "dense 63×63"))
    monkeypatch.setattr(memory, "JOBS", memory.JOBS[-3:])
    cases = module.cases(TINY)
    for case in cases:
        case.check()
    assert cases[0].measure(name, timing.Budget(0, 1, 1)).ours > 0


def test_a_mode_that_gives_anything_else_is_found():
    """What each must give is none of the others' result, and libvips' is not the source."""
    some = modes.pixels(tools.source(TINY.shape, ".png", alpha=True))
    results = {row: mode.right(some[..., : 3 + mode.alpha] * 1.0) for row, mode in MODES.items()}
    for row, mode in MODES.items():
        for other, result in results.items():
            right = checks.stored(result, np.dtype("uint8")).astype(np.uint8)
            if row == other:
                modes.check_windows(row, right, TINY, mode)
            else:
                with pytest.raises(Wrong):
                    modes.check_windows(row, right, TINY, mode)
    with pytest.raises(Wrong, match="libvips"):
        modes.check_vips(some, checks.stored(results["RGBA"], np.dtype("uint8")))


def test_modes_are_beside_libvips_where_it_is(monkeypatch):
    rgba = modes.case(TINY, "RGBA", MODES["RGBA"])
    assert (modes.VIPS in rgba.peers) is bool(modes.library())
    monkeypatch.setattr(modes, "library", lambda: None)
    rgba = modes.case(TINY, "RGBA", MODES["RGBA"])
    assert (list(rgba.peers), rgba.facts()) == ([modes.PLAIN], {"not installed": modes.VIPS})


def test_start_up_is_that_of_commands_that_work(monkeypatch):
    monkeypatch.setattr(tools, "TOOLS", ())
    for case in startup.cases(TINY):
        case.check()


def test_the_definition_is_the_oracles(tiny):
    for depth, whole in (("uint8", True), ("float32", False)):
        pixels = tiny((9, 11), depth)
        weights = images.whole_kernel(4) if whole else images.real_kernel(4)
        right = oracle.correlate(pixels, weights, padding=((2, 1), (2, 1)))
        window = (slice(0, 9), slice(0, 11))
        assert np.allclose(checks.expected(pixels, weights, window), right, rtol=1e-12)


def test_a_wrong_result_of_ours_is_found():
    pixels = images.random((60, 80), "uint8")
    weights = images.whole_kernel(3)
    result = convcli.correlate(pixels, weights, mapping="clip")
    checks.by_definition("ours", result, pixels, weights)
    for row, col in ((0, 0), (59, 79), (30, 40)):
        wrong = result.copy()
        wrong[row, col] ^= 1
        with pytest.raises(Wrong, match="by definition: samples differ by up to 1"):
            checks.by_definition("ours", wrong, pixels, weights)


def test_a_wrong_result_of_a_peer_is_found():
    one = np.zeros((300, 4), dtype=np.uint8)
    other = one.copy()
    other[299, 3] = 3
    checks.alike("peer", one, other, 3)
    with pytest.raises(Wrong, match="peer: samples differ by up to 3, allowed is 2"):
        checks.alike("peer", one, other, 2)
    with pytest.raises(Wrong, match="on average"):
        checks.alike("peer", one, other, 3, mean=0.001)
    with pytest.raises(Wrong, match="shapes"):
        checks.alike("peer", one, other[1:], 3)
    with pytest.raises(Wrong, match="nan"):
        checks.alike("peer", one.astype(np.float32), np.full((300, 4), np.nan), 1)


def test_nothing_is_timed_after_a_wrong_result(monkeypatch, capsys):
    def check():
        raise Wrong("3×3: samples differ")

    def work():
        raise AssertionError("was run")

    monkeypatch.setattr(sections, "cases", lambda *_: [Case("group", "row", work, check=check)])
    assert command.main(["dense", "--quick"]) == 1
    assert "3×3: samples differ" in capsys.readouterr().err


def test_a_command_that_fails_is_told_with_what_it_said(tmp_path):
    with pytest.raises(timing.CommandError, match="no such thing"):
        timing.run([sys.executable, "-c", "raise SystemExit('no such thing')"], cwd=tmp_path)


# --- images and kernels


@pytest.mark.parametrize("size", dense.SIZES)
def test_dense_kernels_are_dense(size):
    whole, real = images.whole_kernel(size), images.real_kernel(size)
    assert whole.sum() == 1
    assert set(np.unique(np.abs(whole))) <= {1, 2}
    assert real.sum() == pytest.approx(1)
    assert np.count_nonzero(real) == size * size
    for weights in (whole, real):
        assert np.linalg.matrix_rank(weights) >= size - 1
        assert np.array_equal(weights, getattr(images, _maker(weights))(size))


def _maker(weights):
    return "whole_kernel" if weights.dtype.kind == "i" else "real_kernel"


def test_kinds_of_the_regret_grid_are_what_they_are_called():
    ranks = {kind: np.linalg.matrix_rank(regret.kernel(kind, 9), tol=1e-9) for kind in regret.KINDS}
    assert (ranks["rank 1"], ranks["rank 1, real"], ranks["rank 2"], ranks["box"]) == (1, 1, 2, 1)
    assert ranks["dense"] > 4
    assert np.count_nonzero(regret.kernel("sparse", 9)) == 5
    cells = regret.grid(quick=False)
    assert len(cells) == len(set(cells)) > 200


# --- what is measured


def test_runs_take_turns():
    order = []
    works = {name: lambda name=name: order.append(name) for name in "AB"}
    taken = timing.alternate(works, timing.Budget(1e9, 1, 3), rest=0)
    assert order == list("AB" * 4)
    assert {name: len(times) for name, times in taken.items()} == {"A": 3, "B": 3}
    del order[:]
    taken = timing.alternate(works, timing.Budget(1e9, 1, 3), rest=0, runs=2, twice=True)
    assert order == list("AABB" * 2)
    assert {name: len(times) for name, times in taken.items()} == {"A": 2, "B": 2}


def test_a_budget_buys_runs():
    budget = timing.Budget(seconds=1.0, least=3, most=9)
    assert [budget.runs(seconds) for seconds in (10, 0.2, 1e-6, 0)] == [3, 5, 9, 9]


def test_a_case_becomes_a_record(monkeypatch):
    times = {"": [0.004, 0.002, 0.003], "peer": [0.012, 0.011, 0.001]}
    monkeypatch.setattr(timing, "alternate", lambda *_, **__: times)
    case = Case("g", "r", lambda: None, {"peer": lambda: None}, facts=lambda: {"method": "x"})
    found = case.measure("dense", timing.QUICK)
    assert (found.ours, found.peers, found.runs) == (3.0, {"peer": 11.0}, 3)
    assert found.ratio("peer") == pytest.approx(11 / 3)
    assert found.facts == {"method": "x"}


def test_the_memory_of_a_command_is_its_own(tmp_path):
    """Not that of the process that started it, as of a forked child."""
    here = np.ones(25_000_000)
    small = timing.run([sys.executable, "-c", "pass"], cwd=tmp_path)
    large = timing.run([sys.executable, "-c", "x = b'1' * 100_000_000"], cwd=tmp_path)
    assert small.peak < 60e6 < 100e6 < large.peak < 180e6
    assert here.nbytes == 200e6


def test_regret_is_the_chosen_methods_time_over_the_best(monkeypatch):
    times = {"direct": [0.006], "separable": [0.004]}
    monkeypatch.setattr(regret, "alternate", lambda works, *_, **__: {n: times[n] for n in works})
    case = regret.RegretCase("g", "r", None, dict(times), facts=lambda: {"chosen": "direct"})
    found = case.measure("regret", timing.QUICK)
    assert found.facts["regret"] == pytest.approx(1.5)
    assert (found.facts["best"], found.ours) == ("separable", 6.0)


# --- what is said


def test_tables_are_made_from_measurements():
    records = [record(ours=2.0, method="direct"), record(row="5×5", ours=250.0, peers={})]
    text = tables.of_group(records)
    assert text.splitlines() == [
        "| n = 7 | ours, ms | OpenCV (ratio) | method |",
        "| :--- | ---: | ---: | ---: |",
        "| 3×3 | **2.00** | 5.00 (2.50) | direct |",
        "| 5×5 | **250** | – | – |",
    ]


def test_a_table_of_regret_lists_what_is_much_slower():
    slow = record("regret", "box 31×31", 6.0, {"direct": 6.0, "box": 4.0}, group="8-bit, gray")
    slow = replace(slow, facts={"chosen": "direct", "best": "box", "regret": 1.5})
    fine = replace(slow, row="box 3×3", facts={"chosen": "box", "best": "box", "regret": 1.0})
    text = tables.of_section(sections.describe("regret"), [slow, fine])
    assert "| direct | 1 | 0 | 2 |" in text
    assert "| 8-bit, gray | box 31×31 | 1.50 | direct | 6.00 | 4.00 |" in text
    assert "box 3×3" not in text


@pytest.mark.parametrize(
    ("ratios", "figures", "met"),
    [((2.0, 3.0), (2.0, 6**0.5), (True, True)), ((0.9, 3.0), (0.9, 2.7**0.5), (False, False))],
)
def test_targets_follow_from_ratios(ratios, figures, met):
    records = [record(row=f"{n}×{n}", ours=1.0, peers={"OpenCV": r}) for n, r in enumerate(ratios)]
    every, mean = targets.outcomes(records)[:2]
    assert (every.figure, mean.figure) == (pytest.approx(figures[0]), pytest.approx(figures[1]))
    assert (every.met, mean.met) == met
    assert every.where.startswith("0×0")


def test_one_thread_decides_no_target():
    alone = record(group="8-bit, whole weights, 1 thread", ours=1.0, peers={"OpenCV": 0.1})
    both = record(ours=1.0, peers={"OpenCV": 4.0})
    assert targets.outcomes([alone, both])[0].figure == 4.0


@pytest.mark.parametrize(
    ("target", "given", "figure", "met"),
    [
        ("warm apply", record("startup", "apply sobel-x", 140.0, {startup.FLOOR: 100.0}), 1.4, 1),
        ("warm shape", record("startup", "shape", 70.0, {startup.CLICK: 50.0}), 1.4, 0),
        ("first run", record("startup", "apply sobel-x", 3.5, {}, unit="s"), 3.5, 0),
        ("peak memory", record("memory", "sharpen", 150.0, {}, allowed=172.0), -22.0, 1),
        ("the same", record("memory", "sobel", 140.0, {}, group="options", allowed=136.0), 4.0, 0),
        ("RGBA over RGB", record("modes", "RGBA", 3.0, {modes.PLAIN: 2.0}), 1.5, 1),
        ("RGBA against lib", record("modes", "RGBA", 1.0, {modes.VIPS: 1.4}), 1.4, 0),
        ("JPEG → JPEG", record("commands", "JPEG → JPEG", 0.2, {"libvips": 0.3}), 1.5, 1),
        ("PNG → PNG", record("commands", "PNG → PNG", 1.0, {"libvips": 1.9}), 1.9, 0),
        ("images a second against mo", record("batch", "2,000", 2, {batch.MOGRIFY: 3.0}), 1.5, 0),
        ("images a second against vips", record("batch", "200", 2, {batch.VIPS: 3.0}), 1.5, 1),
        ("3×3 to 7×7", record("libraries", peers={"SciPy": 30.0, "PyTorch": 18.0}), 9.0, 0),
    ],
)
def test_other_targets(target, given, figure, met):
    found = next(each for each in targets.outcomes([given]) if each.what.startswith(target))
    assert found.figure == pytest.approx(figure)
    assert found.met is bool(met)


def test_every_target_is_of_a_section():
    assert {target.section for target in targets.TARGETS} < set(sections.NAMES)
    assert all(sections.describe(name).text for name in sections.NAMES)


def test_what_was_not_measured_is_not_met():
    found = targets.outcomes([record(group="another")])[0]
    assert (found.figure, found.met) == (None, None)
    assert "not measured" in results.summary([record(group="another")])


def test_ratios_that_fell_are_told():
    before = [record(), record("regret"), record(row="5×5")]
    now = [record(ours=2.5), record("regret", ours=9.0), record(row="5×5", ours=2.2)]
    assert results.regressions(before, now) == [
        "dense | 8-bit, whole weights, 2 threads | 3×3 | OpenCV: 2.50 → 2.00"
    ]


# --- the command


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report of a run of what takes no time: the sizes of PNG files."""
    folder = tmp_path_factory.mktemp("report")
    assert command.main(["png-sizes", "--quick", "--output", str(folder)]) == 0
    return folder


def test_the_report_names_the_machine(report):
    text = (report / "RESULTS.md").read_text(encoding="utf-8")
    facts = machine.describe()
    first = text.splitlines()[0]
    assert facts["CPU"] in first
    assert facts["instruction sets"] in first
    for name in ("processors", "memory", "system", "Python", "libraries", "convcli"):
        assert f"* {name}: {facts[name]}" in text
    assert convcli.__version__ in facts["convcli"]


def test_the_report_has_the_figures(report):
    text = (report / "RESULTS.md").read_text(encoding="utf-8")
    run = results.load(report / "results.json")
    assert {record.section for record in run.records} == {"png-sizes"}
    for each in run.records:
        assert f"| {each.row} | **{each.ours:,.0f}** | {each.peers['Pillow']:,.0f} (" in text
    assert results.summary(run.records) in text


def test_the_report_can_be_made_again(report, tmp_path):
    again = ["--again", str(report / "results.json"), "--output", str(tmp_path)]
    assert command.main(again) == 0
    for name in ("RESULTS.md", "results.json"):
        assert (tmp_path / name).read_bytes() == (report / name).read_bytes()


def test_a_later_run_is_compared(report, tmp_path, capsys, monkeypatch):
    some = png_sizes.cases(TINY)[:3]
    monkeypatch.setattr(png_sizes, "cases", lambda _: some)
    words = ["png-sizes", "--quick", "--compare"]
    assert command.main([*words, str(report / "results.json")]) == 0
    better = json.loads((report / "results.json").read_text(encoding="utf-8"))
    better["records"][0]["ours"] /= 2
    (tmp_path / "better.json").write_text(json.dumps(better), encoding="utf-8")
    capsys.readouterr()
    assert command.main([*words, str(tmp_path / "better.json")]) == 1
    assert "1 ratios fell by more than 15 %\npng-sizes | " in capsys.readouterr().out
    assert command.main(["png-sizes", "--compare", str(tmp_path / "better.json")]) == 2


def test_only_a_whole_run_writes_where_nothing_is_said():
    assert command.arguments([]).output == ROOT / "bench"
    assert command.arguments([]).sections == list(sections.NAMES)
    assert command.arguments(["dense"]).output is None
    assert command.arguments(["--quick"]).output is None
    assert command.arguments(["threads", "dense"]).sections == ["dense", "threads"]
    with pytest.raises(SystemExit):
        command.arguments(["danse"])


def test_the_plot_is_svg_with_a_line_for_each():
    groups = {"image, 3×3": "12 MP", "kernel on 4 MP, box": "31×31"}
    records = [record("growth", row, group=group) for group, row in groups.items()]
    records += [record("growth", "48 MP", 9.0, group="image, 3×3")]
    charts = results.charts(records)
    assert charts[0].lines[0].points == [(12.0, 2.0), (48.0, 9.0)]
    assert charts[1].across == "taps a side, on 4 MP"
    root = ElementTree.fromstring(plot.svg(charts))
    words = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {"3×3: ours", "3×3: OpenCV", "box: ours", "box: OpenCV"} <= set(words)
    assert sum(element.tag.endswith("polyline") for element in root.iter()) == 4
    assert ElementTree.fromstring(plot.svg(results.charts([]))) is not None


def test_the_report_in_the_project_is_a_run(tmp_path):
    """`RESULTS.md` is what `results.json` says, and nothing was typed into it."""
    made = ROOT / "bench" / "results.json"
    if not made.exists():
        pytest.skip("no whole run was kept")
    results.write(tmp_path, results.load(made))
    for name in ("RESULTS.md", "growth.svg"):
        kept = (ROOT / "bench" / name).read_text(encoding="utf-8")
        assert (tmp_path / name).read_text(encoding="utf-8") == kept
