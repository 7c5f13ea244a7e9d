"""The rules of size and place that a machine can check."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "convcli").rglob("*.py"))

MODULE_LINES = 400
BODY_LINES = 40
PARAMETERS = 6
#: Compiled functions take pairs of pointers, for real and imaginary parts.
LOOPS, LOOP_PARAMETERS = ROOT / "convcli" / "engine" / "loops", 7
#: The array API, whose keywords are its interface.
MANY_PARAMETERS = {"correlate", "correlate_volume", "find", "plan_geometry"}

#: Written in two halves, so that this file is not found by itself.
MACHINE = (
    *("/" + path for path in ("work/", "root/", "opt/wheels", "opt/pypi", "tmp/bash")),
    r"/" + r"(home|Users)/[a-z]\w+/",
    r"[A-Z]:\\" + r"Users\\",
    *(
        r"\b" + host
        for host in (r"pypi\." + "org", r"python" + r"hosted\.org", "registry" + r"\.npm")
    ),
)
TEXT = {"", ".cfg", ".csv", ".html", ".ini", ".json", ".md", ".py", ".toml", ".txt", ".yml"}


@cache
def parsed():
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in MODULES]


@cache
def functions():
    """Every function of the package, as (where, node)."""
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", path, node)
        for path, tree in parsed()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def body_lines(node):
    """Lines from the first statement after the docstring to the last."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return node.end_lineno - body[0].lineno + 1 if body else 0


def parameters(node):
    """How many a caller may give; `self` and `cls` are not among them."""
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def test_modules_are_short():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert len(lengths) > 5
    assert {str(p.relative_to(ROOT)): n for p, n in lengths.items() if n > MODULE_LINES} == {}


def test_functions_are_short():
    long = {where: body_lines(node) for where, _, node in functions()}
    assert {where: n for where, n in long.items() if n > BODY_LINES} == {}


def test_functions_take_few_parameters():
    many = {
        where: parameters(node) - (LOOP_PARAMETERS if LOOPS in path.parents else PARAMETERS)
        for where, path, node in functions()
        if node.name not in MANY_PARAMETERS
    }
    assert {where: n for where, n in many.items() if n > 0} == {}


def test_compiled_functions_use_what_they_are_given():
    """Those that others like them need, and they don't, begin with an underscore."""
    compiled = [
        (where, node)
        for where, path, node in functions()
        if LOOPS in path.parents and "jit" in map(ast.unparse, node.decorator_list)
    ]
    assert len(compiled) > 40
    for where, node in compiled:
        used = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
        given = {argument.arg for argument in node.args.args}
        assert {name for name in given - used if not name.startswith("_")} == set(), where


def test_the_measures_measure():
    source = 'def f(self, a, *, b):\n    """Say.\n\n    More.\n    """\n    x = 1\n\n    return x\n'
    node = ast.parse(source).body[0]
    assert (body_lines(node), parameters(node)) == (3, 2)
    only_words = ast.parse('def g(a, /):\n    """Say."""\n').body[0]
    assert (body_lines(only_words), parameters(only_words)) == (0, 1)


def test_a_module_is_named_for_its_subject():
    vague = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [str(path) for path in MODULES if path.stem in vague or path.parent.name in vague] == []


def public_nodes(tree):
    """Public functions and classes of a module, and public methods of those classes."""
    inside = [tree]
    while inside:
        for node in inside.pop().body:
            kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
            if isinstance(node, kinds) and not node.name.startswith("_"):
                yield node
                if isinstance(node, ast.ClassDef):
                    inside.append(node)


def test_everything_public_says_what_it_is():
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path, tree in parsed()
        for node in public_nodes(tree)
        if not ast.get_docstring(node)
    ]
    silent += [str(p.relative_to(ROOT)) for p, tree in parsed() if not ast.get_docstring(tree)]
    assert silent == []


def tracked_text():
    """Return the text files that git tracks, or would after `git add`."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = [git, "-C", str(ROOT), "ls-files", "-z", "--cached", "--others"]
    command.append("--exclude-standard")
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    texts = [path for path in paths if path.is_file() and path.suffix in TEXT]
    assert len(texts) > 20
    return texts


def test_no_file_names_a_machine_or_a_registry():
    pattern = re.compile("|".join(MACHINE))
    found = []
    for path in tracked_text():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if match := pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number} {match.group()}")
    assert found == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("see /" + "work/main/x.py", True),
        ("cd /" + "home/anna/x", True),
        ("https://pypi" + ".org/simple", True),
        ("C:\\" + "Users\\anna", True),
        ("framework/main and ~/images", False),
        ("convcli.pypi is no host", False),
        ("a name/homework/x", False),
    ],
)
def test_machine_names_are_told_from_others(line, told):
    assert bool(re.search("|".join(MACHINE), line)) is told


def test_the_flat_modules_of_image_are_few():
    """What is of one format lies in its package; with more, nobody finds anything."""
    flat = {path.stem for path in (ROOT / "convcli" / "image").glob("*.py")} - {"__init__"}
    assert len(flat) <= 26, sorted(flat)
