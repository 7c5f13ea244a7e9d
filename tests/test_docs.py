"""What is written for people is true: generated parts, examples, names."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
from pathlib import Path

import click
import numpy as np
import pytest
from test_bank_files import safetensors

import convcli
from convcli.cli.fit import fit
from convcli.cli.main import cli, main
from convcli.kernels import names
from convcli.signals import wav
from convcli.spec import Spec

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _make():
    spec = importlib.util.spec_from_file_location("docs_make", ROOT / "docs" / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_of_the_readme_are_up_to_date(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    assert _make().rewritten(README) == README, "run python docs/make.py"


@pytest.mark.parametrize("name", names())
def test_every_kernel_is_in_the_readme(name):
    assert re.search(rf"^\| `{re.escape(name)}(:[^`]*)?` \|", README, re.MULTILINE)


def _commands():
    context = click.Context(cli, info_name="convcli")
    return {name: cli.get_command(context, name) for name in cli.list_commands(context)} | {
        "kernels fit": fit
    }


@pytest.mark.parametrize("name", _commands())
def test_every_option_has_help_and_every_command_examples(name):
    command = _commands()[name]
    assert command.help
    assert command.epilog.startswith("\b\nExamples:")
    silent = [p.opts for p in command.params if isinstance(p, click.Option) and not p.help]
    assert not silent


def test_every_field_of_a_spec_has_an_option():
    options = {p.name for p in _commands()["apply"].params}
    assert set(Spec.__dataclass_fields__) - {"notes"} <= options


def _examples(text):
    return [line.strip() for line in text.splitlines() if line.strip().startswith("convcli ")]


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with every file that the examples name."""
    samples = ROOT / "samples"
    shutil.copytree(samples, tmp_path / "samples", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(samples / "camera.png", tmp_path / "photo.png")
    shutil.copy(samples / "rocket.jpg", tmp_path / "photo.jpg")
    shutil.copy(samples / "float.tif", tmp_path / "scan.tif")
    (tmp_path / "photos" / "more").mkdir(parents=True)
    shutil.copy(samples / "rocket.jpg", tmp_path / "photos" / "more")
    image = convcli.read(samples / "camera.png")
    convcli.write(tmp_path / "eye.png", convcli.Image(image.pixels[100:130, 200:240].copy()))
    (tmp_path / "screens").mkdir()
    shutil.copy(samples / "camera.png", tmp_path / "screens")
    shutil.copy(tmp_path / "eye.png", tmp_path / "button.png")
    shutil.copy(samples / "camera.png", tmp_path / "before.png")
    convcli.write(tmp_path / "after.png", convcli.apply(image, "sharpen"))
    convcli.write(tmp_path / "stack.tif", convcli.Frames.of([image, image]))
    (tmp_path / "log.csv").write_text("time,pressure\n0,1\n1,2\n", encoding="utf-8")
    sound = wav.encode(np.array([[9], [99]]), wav.WavFormat(8000, 16, is_float=False))
    for name in ("voice.wav", "church.wav"):
        (tmp_path / name).write_bytes(sound)
    (tmp_path / "mine.toml").write_text("[ridge]\nweights = [[-1, 2, -1]]\n", encoding="utf-8")
    weights = {
        "conv1": np.ones((4, 3, 3, 3), np.float32),
        "conv2": np.ones((2, 4, 3, 3), np.float32),
    }
    np.savez(tmp_path / "bank.npz", weight=weights["conv1"])
    (tmp_path / "net.safetensors").write_bytes(
        safetensors({f"{name}.weight": ("F32", array) for name, array in weights.items()})
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "line", [line for command in _commands().values() for line in _examples(command.epilog)]
)
def test_examples_of_help_run(line, workplace):
    assert main(shlex.split(line)[1:]) == 0


def _jobs():
    rows = re.findall(r"^\| [^|]* \| `(convcli [^`]*)` \|$", README, re.MULTILINE)
    return [row.replace("\\|", "|") for row in rows if "|" not in row.replace("\\|", "")]


def test_the_readme_has_common_jobs():
    assert len(_jobs()) > 10


@pytest.mark.parametrize("line", _jobs())
def test_common_jobs_of_the_readme_run(line, workplace):
    assert main(shlex.split(line)[1:]) == 0


def test_the_report_in_the_readme_is_what_is_said(workplace, capfd):
    block = re.search(r"<!-- ci:example -->\n```console\n\$ (.*)\n((?:.|\n)*?)```", README)
    assert main(shlex.split(block[1])[1:]) == 0
    said = capfd.readouterr().err.splitlines()
    expected = block[2].splitlines()
    assert expected[-1].strip() == "…"
    assert said[: len(expected) - 1] == expected[:-1]


def test_python_examples_of_the_readme_run(workplace):
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(compile(block, "README.md", "exec"), {})


@pytest.mark.parametrize(
    ("kernel", "name"), [("sobel", "chelsea-sobel"), ("emboss", "chelsea-emboss")]
)
def test_images_in_the_readme_are_made_by_the_commands_above_them(kernel, name, workplace):
    import convcli

    source = convcli.read(workplace / "samples" / "chelsea.png")
    shown = convcli.read(ROOT / "docs" / f"{name}.png")
    assert (convcli.apply(source, kernel).pixels == shown.pixels).all()


def test_every_file_that_the_readme_links_to_is_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_each_promise_names_the_tests_that_attack_it():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    promises = text.split("## What is promised")[1].split("\n## ")[0]
    rows = [line for line in promises.splitlines() if line.startswith("| **")]
    assert len(rows) > 8
    for row in rows:
        assert re.findall(r"`(tests/test_\w+\.py)`", row.rsplit(" | ", 1)[1]), row
    for path in re.findall(r"\btests/\w+\.py\b", text):
        assert (ROOT / path).is_file(), path
