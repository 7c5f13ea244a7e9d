"""Whole commands on a large image: start, read, sharpen, write."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import checks, tools
from bench.cases import Case, Wrong
from bench.scale import Scale

TITLE = "Whole commands"
ABOUT = f"""Sharpening an RGB photograph by `0 -1 0; -1 5 -1; 0 -1 0`, from file to file, each tool
in a process of its own and with as many threads as it likes. JPEG is quality {tools.QUALITY} with
halved chroma in and out; *libvips, quality 75* is its default. PNG is what each tool writes if
nothing is said. *Sizes* are of the files written, in MB."""

#: Decoders differ by a level or two, which sharpening makes up to nine times as large, and ffmpeg
#: has a quality scale of its own.
_JPEG_MEAN = 4.0


def cases(scale: Scale) -> list[Case]:
    """JPEG to JPEG, and PNG to PNG."""
    return [case(scale, suffix) for suffix in (".jpg", ".png")]


def case(scale: Scale, suffix: str) -> Case:
    """One kind of file."""
    own = partial(_run, "ours", None, scale.shape, suffix)
    theirs = {
        tool.name: partial(_run, tool.name, tool, scale.shape, suffix)
        for tool in tools.for_suffix(suffix)
    }
    targets = {name: _target(name, suffix) for name in ("ours", *theirs)}

    def check() -> None:
        own()
        mine = pixels(targets["ours"])[1:-1, 1:-1]
        for name, work in theirs.items():
            work()
            other = pixels(targets[name])[1:-1, 1:-1]  # some tools leave borders as they are
            lossy = suffix == ".jpg"
            what = f"{suffix} by {name} and by ours"
            checks.alike(what, other, mine, 255 if lossy else 1, _JPEG_MEAN if lossy else 1)
            if lossy and not _sharper(other, scale):
                raise Wrong(f"{what}: {name} did not sharpen")

    def facts() -> dict[str, Any]:
        sizes = {name: path.stat().st_size / 1e6 for name, path in targets.items()}
        return {"size": sizes.pop("ours"), "sizes": sizes}

    row = f"{'JPEG → JPEG' if suffix == '.jpg' else 'PNG → PNG'}, {scale.megapixels:g} MP"
    runs = 2 if scale.quick else 11 if suffix == ".jpg" else 5
    return Case("sharpen", row, own, theirs, check=check, unit="s", facts=facts, runs=runs)


def _run(name: str, tool: tools.Tool | None, shape: tuple[int, int], suffix: str) -> Any:
    source, target = tools.source(shape, suffix), _target(name, suffix)
    if tool is None:
        return tools.run(tools.ours_apply("sharpen", source, target), target)
    return tools.run(tool.command(source, target), target)


def _target(name: str, suffix: str) -> Path:
    return tools.folder() / f"{name.replace(' ', '-').replace(',', '')}{suffix}"


def pixels(path: Path) -> NDArray[np.uint8]:
    """Read a file's pixels."""
    from PIL import Image

    with Image.open(path) as image:
        if image.mode != "RGB":
            raise Wrong(f"{path.name} has mode {image.mode}, not RGB")
        return np.asarray(image)


def _sharper(result: NDArray[np.uint8], scale: Scale) -> bool:
    """Whether neighbours differ more than they did in the source."""
    source = pixels(tools.source(scale.shape, ".jpg"))

    def roughness(image: NDArray[np.uint8]) -> float:
        return float(np.abs(np.diff(image[:256].astype(np.int16), axis=1)).mean())

    return roughness(result) > 1.2 * roughness(source)
