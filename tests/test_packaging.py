"""What a wheel holds, and that there is one version."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tomllib
import venv
import zipfile

import pytest
from command import ROOT

import convcli

CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_wheel_maps_the_kernels_into_the_package():
    wheel = CONFIG["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["convcli"]
    assert wheel["force-include"] == {"kernels.toml": "convcli/kernels/kernels.toml"}
    assert (ROOT / "kernels.toml").is_file()
    assert not (ROOT / "convcli" / "kernels" / "kernels.toml").exists()


def test_the_sdist_holds_what_the_wheel_is_made_of():
    included = CONFIG["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert {"convcli", "kernels.toml", "README.md", "LICENSE", "tests", "samples"} <= set(included)
    missing = [name for name in included if not (ROOT / name).exists()]
    assert missing == []


def test_the_version_stands_in_one_place():
    assert CONFIG["project"]["dynamic"] == ["version"]
    assert "version" not in CONFIG["project"]
    assert CONFIG["tool"]["hatch"]["version"]["path"] == "convcli/__init__.py"
    assert re.fullmatch(r"\d+\.\d+\.\d+", convcli.__version__)
    number = re.compile(rf"(?<![\d.]){re.escape(convcli.__version__)}(?![\d.])")
    places = [
        str(path.relative_to(ROOT))
        for path in [*(ROOT / "convcli").rglob("*.py"), ROOT / "pyproject.toml"]
        if number.search(path.read_text(encoding="utf-8"))
    ]
    assert places == ["convcli/__init__.py"]


def test_the_newest_entry_of_the_changelog_is_this_version_or_what_comes():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[?([^\]\s]+)", text, re.MULTILINE)[1]
    assert newest.lower() in (convcli.__version__, "unreleased")


def test_every_package_that_is_imported_is_declared():
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "convcli").rglob("*.py")]
    pattern = re.compile(r"^\s*(?:import|from) (\w+)|import_module\(\"(\w+)\"", re.MULTILINE)
    found = {name for text in texts for match in pattern.findall(text) for name in match if name}
    # What an extra brings, and nothing else imports.
    extra = {"pi_heif": "pi-heif"}
    heic = CONFIG["project"]["optional-dependencies"]["heic"]
    assert {re.match(r"[\w-]+", text)[0] for text in heic} == {*extra.values()}
    outside = found - set(sys.stdlib_module_names) - {"convcli", *extra}
    distributions = importlib.metadata.packages_distributions()
    # llvmlite is Numba's own, and comes with it.
    names = {distributions[name][0].lower() for name in outside} - {"llvmlite"}
    declared = {re.match(r"[\w-]+", text)[0].lower() for text in CONFIG["project"]["dependencies"]}
    assert names <= declared
    # Imported by name, in quotes.
    quoted = {name: f'"{name.replace("-", "_")}' for name in declared - names}
    unused = {name for name in quoted if not any(quoted[name] in text for text in texts)}
    assert unused == set()


def test_python_versions_are_told_alike():
    assert CONFIG["project"]["requires-python"] == ">=3.11"
    assert CONFIG["tool"]["ruff"]["target-version"] == "py311"
    assert CONFIG["tool"]["mypy"]["python_version"] == "3.11"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build a wheel from the sources, with what is installed."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed; .ci/run builds the wheel")
    out = tmp_path_factory.mktemp("wheel")
    code = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(out)], cwd=ROOT, check=True, timeout=120)
    (path,) = out.glob("*.whl")
    return path


@pytest.mark.exhaustive
def test_a_wheel_holds_the_package_and_the_kernels_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    code = {str(path.relative_to(ROOT)) for path in (ROOT / "convcli").rglob("*.py")}
    assert code <= names
    assert "convcli/kernels/kernels.toml" in names
    assert "convcli/teach/network/networks.toml" in names
    page = ROOT / "convcli" / "report" / "page"
    parts = {path.relative_to(ROOT).as_posix() for path in page.iterdir() if path.is_file()}
    assert len(parts) > 6
    assert parts <= set(names)
    assert "convcli/py.typed" in names
    others = {name for name in names if not name.startswith("convcli/")}
    assert all(".dist-info/" in n or ".data/data/share/man/man1/" in n for n in others)
    assert not any("__pycache__" in name for name in names)


@pytest.mark.exhaustive
def test_an_installed_wheel_works_away_from_its_sources(wheel, tmp_path, samples):
    """In an environment of its own that sees this one's packages; nothing is fetched."""
    place = tmp_path / "venv"
    venv.create(place, system_site_packages=True)
    site = next(place.rglob("site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # The environment that runs the tests, without what is installed there as editable.
    (site / "outer.pth").write_text("\n".join(p for p in sys.path if p.endswith("-packages")))
    python = next(
        p for p in (place / "bin" / "python", place / "Scripts" / "python.exe") if p.exists()
    )
    code = "import convcli, sys; print(convcli.__file__); from convcli.cli.main import main;"
    code += "sys.exit(main(sys.argv[1:]))"
    command = [str(python), "-I", "-c", code, "apply", "sobel-x", str(samples / "camera.png")]
    done = subprocess.run(
        [*command, "-o", "x.png", "-q"], cwd=tmp_path, capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().startswith(str(site))
    assert (tmp_path / "x.png").stat().st_size > 10_000
