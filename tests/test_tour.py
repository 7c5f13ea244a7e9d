"""What docs/ says is true: the tour, the how-to, the gallery, manual pages, completion."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from unittest import mock

import click
import numpy as np
import pytest
from click.shell_completion import get_completion_class
from command import ROOT, program
from PIL import Image

from convcli.cli.main import cli
from convcli.kernels import families, names

DOCS = ROOT / "docs"
TOUR, HOW_TO = ((DOCS / name).read_text(encoding="utf-8") for name in ("tour.md", "how-to.md"))
CONSOLES = sorted(
    path.name for path in DOCS.glob("*.md") if "```console" in path.read_text(encoding="utf-8")
)
needs_bash = pytest.mark.skipif(
    os.name == "nt" or shutil.which("bash") is None, reason="there is no bash"
)


@pytest.fixture
def made(monkeypatch):
    """Return a function that imports a module of docs/."""
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module


@needs_bash
@pytest.mark.exhaustive  # where loops have to be compiled
@pytest.mark.parametrize("name", CONSOLES)
def test_commands_say_what_is_written_below_them(name, made):
    text = (DOCS / name).read_text(encoding="utf-8")
    assert made("console").rewritten(text) == text, "run python docs/make.py"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("shape --n 7x7 --f 3", "height  ⌊(7 − 3 + 2·0)/1⌋ + 1 = 5"),
        ("shape --n 7 --f 3 --p same", "`same` padding for F = 3: 1"),
        ("shape --n 7 --f 5 --p same", "`same` padding for F = 5: 2"),
        ("shape --n 227x227x3 --f 11 --s 4 --k 96", "227×227×3 → 55×55×96"),
        ("shape --n 32x32x3 --f 3 --p same --k 64", "parameters  (27 + 1)·64 = 1,792"),
        ("shape --n 7 --f 3 --s 3", "never visited: the last sample (7 of 7)"),
        ("network 'conv 3 8 s3' --input 7x7", "column (7 of 7); what would fit"),
        ("network 'fc 1000' --input 32x32x3", "32·32·3·1000 = 3,072,000"),
        ("explain '1 0 -1; 0 0 0; -1 0 1' --grid '1 1 1 0", "row 1, column 1 of the result: 1"),
    ],
)
def test_the_tour_has_what_people_meet_in_lessons(command, says):
    (block,) = re.findall(
        rf"^\$ convcli {re.escape(command)}(?=[ ;\n])(?:(?!^\$|^```).*\n)*", TOUR + "\n", re.M
    )
    assert says in block


def test_the_tour_follows_a_volume_through_three_halvings():
    rows = re.findall(r"^\d  pool 2 +(\S+)", TOUR, re.MULTILINE)
    assert rows == ["112×112×64", "56×56×128", "28×28×256"]


def test_the_tour_and_the_how_to_use_every_command(made):
    used = {line.split()[1] for line in made("console").commands(TOUR + HOW_TO)}
    assert set(_commands()) <= used


def test_a_command_that_fails_is_an_error(made):
    with pytest.raises(ValueError, match="exit status 2"):
        made("console").rewritten("```console\n$ convcli shape --n 7\n```\n")


def test_words_that_nothing_begins_with_are_an_error(made):
    with pytest.raises(ValueError, match="no line begins with 'nothing'"):
        made("console").rewritten(
            "<!-- shown: nothing -->\n```console\n$ convcli shape --n 7 --f 3\n```\n"
        )


def test_parts_are_shown_with_what_belongs_to_them(made):
    lines = ["a", "b one", "  b two", "c", "d", "", "e", "f"]
    chosen = made("console")._chosen
    assert chosen(lines, "b; d to e", "x") == ["…", "b one", "  b two", "…", "d", "", "e", "…"]
    assert chosen(lines, None, "x") == lines
    assert chosen(lines, "none", "x") == []


def test_times_are_not_shown(made):
    time = made("console")._TIME
    assert time.sub("…", "  time     0.05 s") == "  time     … s"
    assert time.sub("…", "3 done in 1.2 s (18.6 a second)") == "3 done in … s (18.6 a second)"
    assert time.sub("…", "2 samples in 3 rows") == "2 samples in 3 rows"


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    for target in re.findall(r"\]\(([^)]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if target.startswith("#"):
            assert target[1:] in anchors
        else:
            assert (DOCS / target).exists(), target


def test_the_gallery_is_up_to_date(made):
    text = (DOCS / "gallery.md").read_text(encoding="utf-8")
    assert made("gallery").text() == text, "run python docs/make.py"


@pytest.mark.parametrize("name", names())
def test_every_kernel_is_in_the_gallery(name):
    text = (DOCS / "gallery.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| `{re.escape(name)}(:[^`]*)?` \|", text, re.MULTILINE)


def test_every_family_has_a_sheet_with_room_for_its_kernels(made):
    sheets = {path.stem: path for path in (DOCS / "gallery").glob("*")}
    assert set(sheets) == set(families())
    for family, members in families().items():
        with Image.open(sheets[family]) as sheet:
            assert sheet.size == made("gallery").size(1 + len(members)), (
                "run python docs/make.py --gallery"
            )
    assert sum(path.stat().st_size for path in sheets.values()) < 2_000_000


def test_an_image_of_the_gallery_is_what_the_tool_makes(made):
    import convcli

    gallery = made("gallery")
    source = convcli.read(ROOT / gallery.SOURCE)
    with Image.open(DOCS / "gallery" / "emboss.png") as sheet:
        shown = np.asarray(sheet.crop(_place(gallery, 1)))
    assert families()["emboss"][0].name == "emboss"
    assert (shown == gallery.filtered(source, "emboss", 1)).all()


def _place(gallery, number):
    """Return where an image lies on a sheet: left, top, right, bottom."""
    row, column = divmod(number, gallery.COLUMNS)
    height, width = gallery.PART[2:]
    left = gallery.GAP + column * (width + gallery.GAP)
    top = gallery.GAP + row * (height + gallery.GAP + gallery.LABEL)
    return left, top, left + width, top + height


def _commands():
    context = click.Context(cli, info_name="convcli")
    return {name: cli.get_command(context, name) for name in cli.list_commands(context)}


def test_manual_pages_are_up_to_date(made):
    pages = made("man").pages()
    held = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "man").iterdir()}
    named = (*_commands(), "kernels-fit")
    assert set(held) == set(pages) == {"convcli.1", *(f"convcli-{name}.1" for name in named)}
    assert [name for name in pages if held[name] != pages[name]] == [], "run python docs/make.py"


@pytest.mark.parametrize("name", _commands())
def test_a_manual_page_has_every_option(name):
    page = (DOCS / "man" / f"convcli-{name}.1").read_text(encoding="utf-8").replace("\\-", "-")
    options = [p for p in _commands()[name].params if isinstance(p, click.Option)]
    titles = [line for line in page.splitlines() if line.startswith("\\fB")]
    for option in options:
        for written in option.opts:
            assert any(re.search(rf"(?<!\S){written}(?![\w-])", title[3:-3]) for title in titles)


@pytest.mark.skipif(shutil.which("groff") is None, reason="there is no groff")
@pytest.mark.parametrize("path", sorted((DOCS / "man").glob("*.1")), ids=lambda path: path.name)
def test_manual_pages_are_shown_without_a_warning(path):
    line = ["groff", "-man", "-Kutf8", "-Tutf8", "-ww", str(path)]
    done = subprocess.run(line, capture_output=True, timeout=60)
    assert done.returncode == 0
    assert done.stderr.decode() == ""
    shown = re.sub(r"\x1b\[[\d;]*m|.\x08", "", done.stdout.decode())
    assert "EXAMPLES\n" in shown
    assert "convcli" in shown


def test_a_wheel_has_the_manual_pages():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shared = config["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert shared == {"docs/man": "share/man/man1"}


def _completed(shell, *words):
    """Return what a shell would be told when the last word is to be completed."""
    *_, last = words
    told = {
        "COMP_WORDS": " ".join(["convcli", *words]),
        "COMP_CWORD": last if shell == "fish" else str(len(words)),
    }
    with mock.patch.dict(os.environ, told):
        said = get_completion_class(shell)(cli, {}, "convcli", "_CONVCLI_COMPLETE").complete()
    if shell == "zsh":
        return said.split("\n")[1::3]
    return [line.partition(",")[2] for line in said.splitlines()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("words", "one"),
    [
        (["expl"], "explain"),
        (["apply", "sob"], "sobel-x"),
        (["explain", "kirsch-s"], "kirsch-sw"),
        (["kernels", "gaussian5-"], "gaussian5-s1"),
        (["apply", "sobel", "--then", "lap"], "laplacian4"),
        (["apply", "sobel", "--pre"], "--precision"),
        (["apply", "sobel", "--map", "no"], "normalize"),
        (["network", "resnet1"], "resnet18"),
    ],
)
def test_commands_kernels_options_and_values_are_completed(shell, words, one):
    found = [word.partition("\t")[0] for word in _completed(shell, *words)]
    assert one in found
    assert all(word.startswith(words[-1]) for word in found)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_how_to_says_how_completion_is_switched_on(shell):
    (line,) = re.findall(
        rf"^\| {shell} \| .*`([^`]*_CONVCLI_COMPLETE={shell}_source .*)` \|$", HOW_TO, re.M
    )
    assert "convcli" in line.replace("_CONVCLI", "")
    if shell == "bash" and (os.name == "nt" or shutil.which("bash") is None):
        return
    options = program(_CONVCLI_COMPLETE=f"{shell}_source")
    done = subprocess.run(**options, timeout=60)
    assert done.returncode == 0
    assert f"_CONVCLI_COMPLETE={shell}_complete" in done.stdout.decode()


@needs_bash
def test_bash_completes(tmp_path):
    """The line of the how-to, and then what the Tab key does."""
    tool = tmp_path / "convcli"
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m convcli "$@"\n')
    tool.chmod(0o755)
    (line,) = re.findall(r"^\| bash \| .*`(eval .*)` \|$", HOW_TO, re.MULTILINE)
    script = f"""{line}
    complete -p convcli
    COMP_WORDS=(convcli apply gaussian5-s1.) COMP_CWORD=2
    compopt() {{ :; }}
    _convcli_completion convcli gaussian5-s1. apply
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environment = program()["env"]
    environment["PATH"] = f"{tmp_path}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script], env=environment, capture_output=True, timeout=60
    )
    told = done.stdout.decode().splitlines()
    assert told[0].endswith("-F _convcli_completion convcli"), done.stderr.decode()
    assert told[1:] == ["gaussian5-s1.4"]
