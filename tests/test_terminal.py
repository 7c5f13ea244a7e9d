"""What is shown is harmless: whatever files, names and options say, no terminal obeys it."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from command import ROOT, call, on_terminal, program
from marks import exhaustive_but

from convcli.cli import main
from convcli.image.files import read, write
from convcli.image.image import Image, Meta
from convcli.report.lines import as_json, harmless, named, printable, wrapped

#: Titles, clearing, colours, C1, ends of lines, what turns the direction or isn't seen; markup of
#: Rich and of HTML.
EVIL = (
    "\x1b]0;pwned\x07\x1b[2J\x1b[38;5;123mX\x9b31m\x7f\r\b\t\x0b\u202eevil\u2066\u200b\u2028\u2029"
    "\x85\ufeff[red]m[/red][link=http://x]l[/link]</script><b>&\"'@@title@@\U000e0041"
)
#: What a file's name may be made of.
EVIL_NAME = EVIL.replace("/", "").replace("\x00", "")
BAD = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
OURS = re.compile(r"\x1b\[[\d;]*m")


def assert_harmless(*texts):
    for text in texts:
        found = BAD.search(text)
        assert found is None, ascii(text[max(0, found.start() - 80) : found.end() + 40])


def checked(*args, status=None, lines=None):  # lines: None for any number
    """Run a command, and look at all that it says; as a terminal of colours sees it, too."""
    said = call(*args)
    assert "Traceback" not in said.err
    assert_harmless(said.out, said.err)
    if status is not None:
        assert said.status == status, said.err
    if said.status:
        assert len(said.err) < 9000
        assert lines is None or len(said.lines) == lines, said.err
    if "--json" in args and said.status == 0:
        for line in said.out.splitlines():
            assert line.isascii()
            assert isinstance(json.loads(line), dict | list)
    if args[0] != "apply" and "--page" not in args and said.out:
        coloured(*args)
    return said


def coloured(*args):
    """The same with colours: all that is left besides them is text, and none is a file's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORCE_COLOR", "1")
        patch.setenv("TERM", "xterm-256color")
        said = call(*args)
    assert "\x1b[38;5;123m" not in said.out
    assert_harmless(OURS.sub("", said.out))


def quoted(text):
    """A text as TOML has it."""
    return (
        '"'
        + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
        + '"'
    )


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "a.png"
    write(path, Image(np.arange(63, dtype=np.uint8).reshape(7, 9) * 4))
    return path


def kernel_text(**entries):
    return "\n".join(f"{key} = {value}" for key, value in entries.items()) + "\n"


FULL = f"""
[kernel.{quoted(EVIL)}]
weights = [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]
divisor = 3
""" + kernel_text(
    **{key: quoted(f"{EVIL}\n{EVIL}") for key in ("family", "effect", "source", "note")},
    aliases=f"[{quoted(EVIL)}]",
)
COMPOUND = f"""
[kernel.{quoted(EVIL)}]
weights = [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]
[kernel.{quoted("y" + EVIL)}]
weights = [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
[compound.both]
parts = [{quoted(EVIL)}, {quoted("y" + EVIL)}]
""" + kernel_text(**{key: quoted(EVIL) for key in ("family", "effect", "source", "note")})


def every_command(kernel, image, tmp_path):
    """Each command line that shows a kernel."""
    out = tmp_path / "out.png"
    yield "apply", kernel, image, "-o", out, "--overwrite"
    yield "apply", kernel, image, "-o", out, "--overwrite", "-v", "--compare", tmp_path / "c.png"
    yield "apply", kernel, image, "-o", out, "--overwrite", "--json"
    yield "apply", kernel, image, image, "-o", tmp_path / "many", "--overwrite"
    yield "apply", kernel, image, "--then", kernel, "--dry-run"
    yield "apply", kernel, image, "--overwrite"
    yield ("kernels", kernel)
    yield "kernels", kernel, kernel, "--json"
    yield "explain", kernel, image
    yield "explain", kernel, image, "--json"
    yield "explain", kernel, "--steps", "--padding", "valid"
    yield "explain", kernel, "--steps", "--padding", "valid", "--json"
    yield "explain", kernel, image, "--page", tmp_path / "p.html", "--overwrite"
    yield "explain", kernel, "--page", tmp_path / "q.html", "--overwrite"
    path = str(kernel).partition("#")[0]
    yield "kernels", "--check", path
    yield "kernels", "--check", path, "--json"


@pytest.mark.parametrize("form", ["toml", "json", "compound"])
def test_what_a_kernel_says_is_harmless_everywhere(form, image, tmp_path):
    path = tmp_path / f"k.{'json' if form == 'json' else 'toml'}"
    if form == "json":
        entries = {key: EVIL + "\0\ud800\n" for key in ("name", "effect", "source", "note")}
        path.write_text(json.dumps(entries | {"weights": [[1, 2], [3, 4]], "aliases": [EVIL]}))
    else:
        path.write_text(FULL if form == "toml" else COMPOUND, encoding="utf-8")
    kernel = f"{path}#both" if form == "compound" else path
    for command in every_command(kernel, image, tmp_path):
        checked(*command, status=0)
    for page in tmp_path.glob("*.html"):
        assert_page(page.read_text(encoding="utf-8"))
    names = [path.name for path in tmp_path.iterdir()]
    assert_harmless(*names)
    assert any(name.startswith("a-") for name in names)  # named after the kernel


def assert_page(text):
    """What a file says ends no element and begins none, and nothing turns its direction."""
    assert_harmless(text.replace("\t", " "))
    assert "[red]m[/red]" in text
    assert "@@title@@" in text
    for mark in ("</script><b>", "<b>&"):
        assert mark not in text


def test_json_has_a_name_as_the_file_has_it(tmp_path):
    (tmp_path / "k.json").write_text(json.dumps({"name": EVIL, "weights": [[1]]}))
    said = call("kernels", tmp_path / "k.json", "--json")
    assert json.loads(said.out)["name"] == EVIL
    assert said.out.strip().isascii()


WRONG = {
    "a key": f"weights = [[1]]\n{quoted(EVIL)} = 1",
    "a long key": f"weights = [[1]]\n{'k' * 10**5} = 1",
    "a key outside": f"{quoted(EVIL)} = 1",
    "a name of no kernel": f"[kernel.{quoted(EVIL)}]\ndivisor = 2",
    "a long name of no kernel": f"[kernel.{'n' * 10**5}]\ndivisor = 2",
    "two of a name": f"[kernel.{quoted(EVIL)}]\nweights=[[1]]\n[compound.{quoted(EVIL)}]\nparts=[]",
    **{
        f"a wrong {key}": f"weights = [[1]]\n{key} = {quoted(EVIL)}"
        for key in ("divisor", "offset", "mapping", "weights2", "aliases")
    },
    "wrong weights": f"weights = {quoted(EVIL)}",
    "a wrong row": f"weights = [[1], {quoted(EVIL)}]",
    "a wrong weight": f"weights = [[1, {quoted(EVIL)}]]",
    "a long weight": f"weights = [[1, {quoted('9' * 10**6)}]]",
    "a wrong column": f"column = {quoted(EVIL)}\nrow = [1]",
    "a wrong text": "weights = [[1]]\nnote = [1, 2]",
    "a wrong combine": f"combine = {quoted(EVIL)}\nparts = ['sobel-x']",
    "a wrong part": f"parts = [{quoted(EVIL)}]",
    "a long part": f"parts = ['{'p' * 10**5}']",
    "no TOML": f"weights = [[1]]\n{EVIL} = ",
    "no value": f"weights = {EVIL}",
    "no string": f'name = "{EVIL}',
    "controls": "weights = '\x1b[31m'",
}


@pytest.mark.parametrize(
    "name", exhaustive_but([name for name in WRONG if " long " not in f" {name}"], WRONG)
)
def test_what_is_wrong_in_a_kernel_file_is_one_harmless_line(name, image, tmp_path):
    path = tmp_path / "k.toml"
    path.write_text(WRONG[name], encoding="utf-8", newline="")
    checked("apply", path, image, "-o", tmp_path / "b.png", status=2, lines=1)
    checked("kernels", path, status=2, lines=1)
    said = checked("kernels", "--check", path, status=1, lines=0)
    assert len(said.out) < 9000
    checked("kernels", "--check", path, "--json", status=1, lines=0)
    checked("explain", path, status=2, lines=1)


@pytest.mark.parametrize("suffix", ["csv", "txt", "mat", "json", "npy", "toml"])
def test_what_is_no_number_in_a_table_is_one_harmless_line(suffix, image, tmp_path):
    path = tmp_path / f"k.{suffix}"
    for text in (EVIL, f"1,{EVIL}", f"1 1\n{EVIL}", f'{{"{EVIL}": 1}}', f'["{EVIL}"]', "x" * 10**5):
        path.write_text(text, encoding="utf-8", newline="")
        checked("apply", path, image, "-o", tmp_path / "b.png", status=2, lines=1)
        checked("kernels", "--check", path, status=1, lines=0)


NETWORK = f"""
[network.{quoted(EVIL)}]
title = {quoted(EVIL)}
source = {quoted(EVIL + chr(10) + EVIL)}
input = "32x32x3"
layers = "conv 3 8; relu; pool 2; fc 10"
"""
WRONG_NETWORKS = {
    "a layer": f"layers = {quoted('conv 3 8; ' + EVIL)}",
    "a label": f"layers = {quoted(EVIL + ': conv 3 8')}",
    "a list": f"layers = ['relu', {quoted(EVIL)}]",
    "a key": f"layers = 'relu'\n{quoted(EVIL)} = 1",
    "a long key": f"layers = 'relu'\n{'k' * 10**5} = 1",
    "an input": f"layers = 'relu'\ninput = {quoted(EVIL)}",
    "a long input": f"layers = 'relu'\ninput = '{'9' * 10**6}'",
    "a title": f"layers = 'relu'\ntitle = [{quoted(EVIL)}]",
    "a table": f"{quoted(EVIL)} = 1",
    "several": f"[network.{quoted(EVIL)}]\nlayers='relu'\n[network.{'n' * 10**5}]\nlayers='relu'",
    "no TOML": EVIL,
}


def test_what_a_network_says_is_harmless(tmp_path):
    path = tmp_path / "n.toml"
    path.write_text(NETWORK, encoding="utf-8")
    for more in ((), ("--json",), ("--layer", "1"), ("--compare-fc",), ("--compare", path)):
        checked("network", path, *more, status=0)
    checked("network", path, "--layer", EVIL, status=2, lines=1)
    checked("network", f"{path}#{EVIL}x", status=2, lines=1)


@pytest.mark.parametrize("name", WRONG_NETWORKS)
def test_what_is_wrong_in_a_network_is_one_harmless_line(name, tmp_path):
    path = tmp_path / "n.toml"
    path.write_text(WRONG_NETWORKS[name], encoding="utf-8", newline="")
    checked("network", path, "--input", "8x8x3", status=2, lines=1)


def options_of(name):
    from convcli.cli.group import cli

    command = cli.get_command(None, name)
    for parameter in command.params:
        if parameter.param_type_name == "option" and not parameter.is_flag:
            yield parameter.opts[-1]


@pytest.mark.parametrize("command", ["apply", "kernels", "explain", "network", "shape"])
def test_what_is_typed_is_shown_harmlessly(command, image, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    usual = {
        "apply": ("apply", "box3", image), "kernels": ("kernels",),
        "explain": ("explain", "box3", image), "network": ("network", "vgg16"),
        "shape": ("shape", "--n", "7"),
    }[command]  # fmt: skip
    for typed in (EVIL_NAME, EVIL_NAME + ".png", "\udcff\x1b[31m", "1" + EVIL_NAME, "9" * 10**5):
        for option in options_of(command):
            checked(*usual, f"{option}={typed}")
        checked(command, typed)
        checked(*usual, typed)
        checked(*usual, f"--{typed}")
        checked(*usual, f"-{typed}")
        checked(command, f"{typed}.toml#{typed}")
        checked(command, f"{typed}:{typed}={typed}")
        checked(command, f"gaussian:{typed}={typed}")
        checked(command, f"gaussian:sigma={typed}")
    checked(EVIL)
    checked("--" + EVIL)


def test_paths_are_shown_harmlessly(tmp_path):
    folder = tmp_path / EVIL_NAME
    folder.mkdir()
    image, broken = folder / f"{EVIL_NAME[:40]}.png", folder / "b.png"
    write(image, Image(np.zeros((7, 7), np.uint8)))
    broken.write_bytes(image.read_bytes()[:-20])
    for suffix, text in (("toml", "weights=[[1,2]]"), ("csv", "1,2"), ("toml", "x=")):
        kernel = folder / f"{EVIL_NAME[:40]}.{suffix}"
        kernel.write_text(text)
        for command in every_command(kernel, image, folder):
            checked(*command)
        checked("apply", "box3", kernel)
        checked("network", kernel)
    checked("apply", "box3", folder, "-o", tmp_path / "out", "-r", status=1)
    checked("explain", "box3", broken)
    checked("apply", "box3", image, "--from-file", folder / "none")
    checked("explain", "box3", image, "--page", folder / "none" / "p.html")
    checked("explain", "box3", folder / "none.csv")
    (folder / "g.csv").write_text(f"1,{EVIL}")
    checked("explain", "box3", folder / "g.csv")


def test_what_images_say_is_harmless(tmp_path):
    meta = Meta(text=((EVIL[:60], EVIL), ("Comment", EVIL + "\0")), exif=EVIL.encode() * 9)
    for suffix in ("png", "tif", "jpg", "webp", "avif", "jp2", "jxl"):
        path = tmp_path / f"a.{suffix}"
        write(path, Image(np.zeros((7, 7, 3), np.uint8), meta=meta))
        assert read(path).pixels.shape == (7, 7, 3)
        checked("apply", "box3", path, "-o", tmp_path / "b.png", "--overwrite", "-v", status=0)
        checked("explain", "box3", path, status=0)


@pytest.mark.parametrize("variable", ["CONVCLI_CACHE", "TERM", "COLUMNS", "COLORTERM", "LANG"])
def test_what_the_environment_says_is_harmless(variable, image, tmp_path):
    asked = program(
        "apply", "box3", image, "-o", tmp_path / "b.png", "--show",
        **{variable: EVIL_NAME, "FORCE_COLOR": "", "PYTHONUTF8": "1"},
    )  # fmt: skip
    done = subprocess.run(**asked, timeout=60, cwd=tmp_path)
    assert_harmless(done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize("variable", ["COLUMNS", "LINES"])
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("80", "80"), ("9999", "9999"), ("10000", "9999"), ("9" * 5000, "9999"), ("²", None),
        ("٣", None), ("0", None), ("", None), ("-5", None), (" 80", None), ("8e1", None),
    ],
)  # fmt: skip
def test_only_a_size_is_taken_for_one(variable, given, kept, monkeypatch):
    monkeypatch.setenv(variable, given)
    main._check_sizes()
    assert os.environ.get(variable) == kept


@pytest.mark.skipif(sys.platform == "win32", reason="no such terminals here")
@pytest.mark.parametrize("size", ["²", "9" * 5000, "9" * 10])
def test_an_odd_size_of_a_terminal_ends_no_batch(size, image, tmp_path):
    """Rich raised errors of its own when the bar was to be drawn, after the first image."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(image.read_bytes())
    sizes = {"COLUMNS": size, "LINES": size}
    status, _, shown = on_terminal("apply", "box3", folder, "-o", tmp_path / "out", **sizes)
    assert status == 0
    assert "Traceback" not in shown
    assert "3 done" in shown
    asked = program("kernels", "sobel", FORCE_COLOR="1", **sizes)
    done = subprocess.run(**asked, timeout=60, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no such terminals here")
def test_what_a_terminal_is_shown_is_harmless(image, tmp_path):
    """With a bar, and lines above it: Rich's own sequences and no others."""
    path = tmp_path / "k.toml"
    path.write_text(FULL, encoding="utf-8")
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(24):
        name = f"{number:02}{EVIL_NAME[:50]}.png"
        (folder / name).write_bytes(image.read_bytes()[: None if number % 5 else 30])
    status, _, shown = on_terminal("apply", path, folder, "-o", tmp_path / "out", "-v")
    assert status == 1
    bar = re.sub(r"\x1b\[[\d;?]*[mAKhlJGF]|\r", "", shown)
    assert "\x1b[2J" not in shown
    assert_harmless(bar)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("../../x", "a-..-..-x.png"), (".", "a-..png"), ("CON", "a-CON.png"),
        ("/etc/x", "a-etc-x.png"),
        ("x" * 300, f"a-{'x' * 80}.png"), ("\x1b[2J", "a-2J.png"), ("\u202egnp", "a-gnp.png"),
        ("a:b*?<>|\"\\", "a-a-b.png"), ("---", "a-filtered.png"), ("\0", "a-filtered.png"),
    ],
)  # fmt: skip
def test_results_have_harmless_names(name, made, image, tmp_path):
    (tmp_path / "k.json").write_text(json.dumps({"name": name, "weights": [[1]]}))
    checked("apply", tmp_path / "k.json", image, status=0)
    found = {path.name for path in tmp_path.iterdir()} - {"a.png", "k.json"}
    assert found == {made}


def test_a_nul_in_a_name_is_one_line(image, tmp_path):
    """Only a program or a list can ask for such."""
    from convcli.errors import KernelError
    from convcli.kernels import get_kernel, parse_kernel, read_kernel

    (tmp_path / "k.toml").write_text("weights = [[1]]")
    for ask in (
        lambda: parse_kernel(f"{tmp_path}/k.toml#a\0b"),
        lambda: parse_kernel("k\0.toml"),
        lambda: parse_kernel("a\0b"),
        lambda: get_kernel("a\0b"),
        lambda: get_kernel("gaussian:\0=\0"),
        lambda: read_kernel("a\0.csv"),
        lambda: read_kernel(tmp_path / "k.toml", "a\0b"),
    ):
        with pytest.raises(KernelError) as caught:
            ask()
        assert "\n" not in str(caught.value)
    (tmp_path / "list").write_bytes(b"a\0b.png\n" + os.fsencode(image) + b"\n")
    checked("apply", "box3", "--from-file", tmp_path / "list", "-o", tmp_path / "out", lines=1)


# The functions


def test_colours_and_ends_of_lines_are_all_that_passes():
    every = "".join(map(chr, (*range(0x3000), 0xFEFF, 0xD800, 0xDFFF, 0xE0041)))
    for cleaned in (harmless(every), printable(every), wrapped("", every, None), named(every)):
        assert_harmless(cleaned)
    assert harmless("\x1b[1;31mred\x1b[0m\n") == "\x1b[1;31mred\x1b[0m\n"
    assert harmless("\x1b[2J\x1b[1A\x1b[1;2m") == "\\x1b[2J\\x1b[1A\x1b[1;2m"
    assert wrapped("", "\x1b[1m", 40) == "\\x1b[1m"


def test_what_nobody_would_read_is_cut():
    for cleaned in (printable("x" * 10**6), wrapped("", "x" * 10**6, None), named("x" * 10**6)):
        assert len(cleaned) < 6000
        assert "…" in cleaned
    assert len(named("\x1b" * 10**6)) < 600


def test_json_holds_no_control_characters():
    every = "".join(map(chr, (*range(0x300), 0xD800, 0x2028)))
    assert as_json({every: every}).isprintable()
    assert json.loads(as_json([every, float("nan"), (float("inf"), 1)])) == [every, None, [None, 1]]


def test_all_that_commands_print_goes_through_one_place():
    """Else a new command would have to remember it."""
    allowed = {"echo.py", "status.py", "streams.py", "reporter.py", "main.py"}
    for path in sorted((ROOT / "convcli" / "cli").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        words = ("print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write")
        printing = calls & {*words}
        assert not printing or path.name in allowed, (path.name, printing)
