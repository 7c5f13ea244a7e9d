"""Why an option had no effect: '' where it had one, or where that can't be told."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from convcli.borders import Border, by_axis
from convcli.errors import ImageError
from convcli.geometry import pair, plan_geometry
from convcli.image.codec import LazyFunction
from convcli.image.formats import FORMATS, SUFFIXES, codec_of
from convcli.record import record

if TYPE_CHECKING:
    from convcli.pipeline import Facts

_PLACES = LazyFunction("channels", "places")  # it needs NumPy, which many commands don't
#: A size that no stride divides, where that of an image isn't known.
_NOMINAL = (997, 991)
_ODD = 2
#: Weights times samples that one thread does alone: a quarter of the cycles for which a second is
#: woken; and how many weights the rest that is done to a sample is like.
_FEW, _EACH = 1e6, 10
_WHOLE = {"1-bit", "8-bit", "16-bit"}
#: How responses combine so that their signs don't matter.
_SIGNLESS = ("magnitude", "max-abs", "sum-abs", "share")


@record(eq=False)
class Call:
    """What was asked for, and what came of it.

    Parameters
    ----------
    params
        Options and their values, by their parameters' names.
    kernels
        What images are filtered with, if they are kernels of two axes.
    facts
        What was done; None for several images, and for commands that filter none.
    targets
        Names of results.
    sources
        Names of images.
    """

    params: Mapping[str, Any]
    kernels: Sequence[Any] = ()
    facts: Facts | None = None
    targets: Sequence[str] = ()
    sources: Sequence[str] = ()

    def get(self, name: str) -> Any:
        """Return an option's value; None if the command has no such option."""
        return self.params.get(name)

    @property
    def mapping(self) -> str:
        """How responses became samples; '' if that can't be told."""
        if self.facts is not None:
            return str(self.facts.mapping)
        return str(self.get("mapping") or "")

    @property
    def parts(self) -> list[Any]:
        """The kernels that are summed; none if one of them has three axes, or is a layer."""
        if any(len(getattr(kernel, "shape", ())) != 2 for kernel in self.kernels):
            return []
        return [part for kernel in self.kernels for part in kernel.parts]


#: What options are called, if not like their parameters.
_NAMES = {
    "as_json": "--json", "mapping": "--map", "chain": "--then", "format_": "--format",
    "output": "-o", "null": "-0", "check_path": "--check", "map_": "--map", "least": "--min",
    "marks": "-o", "form": "--as",
}  # fmt: skip

#: Why an option had no effect; '' if it had one.
Effect: TypeAlias = Callable[[Call], str]


def _always(_: Call) -> str:
    return ""


#: Of options that have one whatever is given: they choose, print, or guard against what may come.
ALWAYS: Effect = _always


def option_name(name: str) -> str:
    """Return what an option is called, given its parameter's name."""
    return _NAMES.get(name, f"--{name.replace('_', '-')}")


def _laid(call: Call, **other: Any) -> list[Any]:
    """Return how kernels lie over an image, with some options changed."""
    names = ("stride", "dilation", "padding", "anchor")
    given = {name: call.get(name) for name in names if call.get(name) is not None} | other
    flip, size = bool(call.get("convolve")), call.facts.size if call.facts else _NOMINAL
    found = []
    for kernel in call.kernels:
        found.append(plan_geometry(size, kernel.shape, flip=flip, **given))
        size = found[-1].out
    return found


def _same_place(call: Call, **other: Any) -> bool:
    """Whether kernels of two axes lie where they would with some options changed."""
    return bool(call.parts) and not call.get("volume") and _laid(call) == _laid(call, **other)


def pads(call: Call) -> bool:
    """Whether samples outside an image are asked for."""
    if not call.parts or call.get("volume"):
        return True
    axes = [axis for each in _laid(call) for axis in (each.rows, each.cols)]
    return any(axis.before or axis.after for axis in axes)


def border(call: Call) -> str:
    """No padding."""
    if not pads(call):
        return "no padding: nothing outside is looked at"
    if call.get("keep_edges") and call.mapping != "normalize":
        return "--keep-edges leaves what lies there"
    return ""


def fill(call: Call) -> str:
    """A border that isn't constant, or no padding."""
    chosen = call.get("border")
    if chosen is not None and Border.CONSTANT not in by_axis(chosen):
        return "the border is not constant"
    return border(call)


def padding(call: Call) -> str:
    """A kernel of one tap."""
    if call.get("padding") not in ("valid", "full") or not _same_place(call, padding="same"):
        return ""
    return "a kernel of one tap needs none"


def anchor(call: Call) -> str:
    """A padding other than `same`."""
    others = call.get("keep_edges") or call.get("channels") or call.facts is None
    if others or (call.facts and call.facts.alpha == "keep"):
        return ""
    return "it moves results under padding same" if _same_place(call, anchor="middle") else ""


def dilation(call: Call) -> str:
    """A kernel of one tap."""
    if not call.parts or call.get("volume"):
        return ""
    steps = pair(call.get("dilation"))
    sides = [side for part in call.parts for side in zip(part.shape, steps, strict=True)]
    alone = all(taps == 1 or step == 1 for taps, step in sides)
    return "the kernel has one tap there" if alone else ""


def _turned(call: Call, turn: Callable[[Any], Any], how: str) -> str:
    """Say that all kernels are what they are, turned, or that only a sign that is dropped isn't."""
    parts = call.parts
    if not parts or call.get("anchor") not in (None, "middle"):
        return ""
    if any(side % _ODD == 0 for part in parts for side in part.shape):
        return ""
    if all(turn(part.weights).tolist() == part.weights.tolist() for part in parts):
        return f"the kernel is the same {how}"
    (last, *others) = call.kernels
    combine = str(getattr(last, "combine", ""))
    free = combine in _SIGNLESS or (call.mapping == "abs" and not getattr(last, "offset", combine))
    same = all(
        turn(part.weights).tolist() in (part.weights.tolist(), (-part.weights).tolist())
        for part in parts
    )
    return f"{how}, only signs change, which are dropped" if free and same and not others else ""


def convolve(call: Call) -> str:
    """A kernel that a flip doesn't change."""
    return _turned(call, lambda weights: weights[::-1, ::-1], "when flipped")


def flip_rows(call: Call) -> str:
    """A kernel that is the same upside down."""
    return _turned(call, lambda weights: weights[::-1], "upside down")


def stretched(call: Call) -> str:
    """A mapping that stretches whatever comes out."""
    return "--map normalize stretches whatever comes out" if call.mapping == "normalize" else ""


def divisor(call: Call) -> str:
    """A mapping that stretches."""
    return stretched(call) if (call.get("divisor") or 0) > 0 else ""


def scale(call: Call) -> str:
    """A mapping that clips nothing, or a kernel that can't overflow."""
    scale = call.get("scale")
    if scale != "auto":
        return stretched(call) if scale > 0 else ""
    if call.mapping in ("raw", "normalize"):
        return f"--map {call.mapping} clips nothing"
    own = getattr(call.kernels[-1], "offset", 0) if call.kernels else 0
    if call.facts is None or own or (call.facts.scale, call.facts.offset) != (1, 0):
        return ""
    return "" if call.mapping == "offset" else "the kernel can't overflow"


def rounding(call: Call) -> str:
    """Samples that aren't rounded."""
    if call.facts is None:
        return ""
    if call.facts.out_depth in ("float", "double"):
        return "floats are not rounded"
    return "light is rounded to the nearest level" if call.get("linear") else ""


def _colours(call: Call) -> str:
    return call.facts.channels.removesuffix("A") if call.facts else ""


def gray(call: Call) -> str:
    """A gray image."""
    return "the image is gray" if _colours(call) == "L" else ""


def luma(call: Call) -> str:
    """A gray image, but for the rounding of floats."""
    facts = call.facts
    return gray(call) if facts and {facts.depth, facts.out_depth} <= _WHOLE else ""


def channels(call: Call) -> str:
    """All channels."""
    there = call.facts.channels if call.facts else ""
    same = not there.endswith("A") and sorted(_places(call, "channels")) == [*range(len(there))]
    return "these are all there are" if same and there else ""


def bands(call: Call) -> str:
    """All channels, in their order."""
    there = call.facts.channels if call.facts else ""
    same = _places(call, "bands") == [*range(len(there))]
    # Three bands of unknown meaning become red, green and blue.
    return "these are all there are" if same and there and "???" not in there else ""


def _places(call: Call, name: str) -> list[int]:
    """Return which channels an option names; [] where only the file tells."""
    there, named = call.facts.channels if call.facts else "", str(call.get(name))
    if there.endswith("A") and any(map(str.isdigit, named)):
        return []
    try:
        return list(_PLACES(named, there))
    except ImageError:
        return []


def alpha(call: Call) -> str:
    """An image without alpha."""
    return "the image has no alpha" if call.facts and not call.facts.alpha else ""


def nodata(call: Call) -> str:
    """An image that has no such sample, and whose file names no other."""
    own, given = call.facts.nodata if call.facts else None, call.get("nodata")
    if own is not None:
        return "the file says so, too" if own == given else ""
    if given == "none":
        return "the file names no such sample" if call.facts else ""
    # Whole samples that are all there don't become it, and the result says so.
    return "" if call.facts and call.facts.missing else missing(call)


def missing(call: Call) -> str:
    """An image of which all samples are there."""
    if call.facts is None:
        return ""
    lacking = call.facts.missing is not None and call.facts.missing.source
    return "" if lacking else "no sample is missing"


def depth(call: Call) -> str:
    """The depth that it has."""
    if call.facts is None or call.get("depth") == "same":
        return ""
    # An image of one bit becomes one of eight without the option.
    same = call.facts.depth == call.facts.out_depth != "1-bit"
    return f"the image is {call.facts.depth}" if same else ""


def precision(call: Call) -> str:
    """Exact sums."""
    if call.facts is None or not call.facts.plans or call.get("precision") != "double":
        return ""
    whole = all(plan.exact for plan in call.facts.plans)
    whole = whole and call.facts.out_depth not in ("float", "double")
    return "sums of whole numbers are exact in either" if whole else ""


def strip(call: Call) -> str:
    """An image beside which there is nothing."""
    if call.facts is None or any(note.startswith("stripped: ") for note in call.facts.notes):
        return ""
    return "nothing stands beside the pixels"


def jobs(call: Call) -> str:
    """An image for which no second thread is woken (`engine/thread_pool.py`)."""
    facts = call.facts
    if facts is None or len(call.sources) != 1 or not facts.plans or call.get("volume"):
        return ""
    if any(plan.method == "fft" for plan in facts.plans):
        return ""
    work = facts.samples * sum(plan.taps + _EACH for plan in facts.plans)
    return "so small an image is filtered by one thread" if work < _FEW else ""


def alone(call: Call) -> str:
    """A single image."""
    return "there is one image" if len(call.sources) == 1 else ""


def recursive(call: Call) -> str:
    """No folder."""
    given = call.get("images") or ()
    if call.get("from_file") is not None or any(map(os.path.isdir, given)):
        return ""
    return "no folder is given"


def _formats(names: Sequence[str]) -> set[str]:
    """Return the formats that names tell of; none if one doesn't."""
    found = {SUFFIXES.get(os.path.splitext(name)[1].lower(), "") for name in names}  # noqa: PTH122
    return set() if "" in found else found


def codec_option(name: str) -> Effect:
    """Return why results' formats don't take an option."""

    def effect(call: Call) -> str:
        chosen = str(call.get("format_") or "").lower()
        formats = _formats([f".{chosen}"] if chosen else call.targets)
        if not formats or any(name in codec_of(each).options for each in formats):
            return ""
        titles = ", ".join(sorted(FORMATS[each].title or FORMATS[each].name for each in formats))
        return f"{titles} {'take' if len(formats) > 1 else 'takes'} none"

    return effect


def lenient(call: Call) -> str:
    """Other formats."""
    formats = _formats(call.sources)
    fits = not formats or formats & {"JPEG", "PNG", "GIF"}
    return "" if fits else "it is for JPEG, PNG and GIF"


def together(call: Call) -> str:
    """A mapping that stretches nothing."""
    given = call.get("mapping") or "normalize"
    return "" if given == "normalize" else f"--map {given} stretches nothing"


def beside(*names: str) -> Effect:
    """Return the effect of an option that goes with one of others."""

    def effect(call: Call) -> str:
        if any(call.get(name) is not None for name in names):
            return ""
        return f"nothing is written without {' or '.join(map(option_name, names))}"

    return effect


def unless(*names: str, why: str) -> Effect:
    """Return the effect of an option that others stand in the way of."""
    return lambda call: why if any(call.get(name) for name in names) else ""


WORKED_OUT = unless("form", why="--as works out the whole product")
LISTED = unless("kernels", "check_path", why="one is named")
BESIDE = unless("compare", why="--compare sets networks side by side")


def compare_fc(call: Call) -> str:
    """A single layer, or what shows both."""
    text = str(call.get("network") or "").strip()
    single = " " in text and not any(sign in text for sign in ";{\n")
    if call.get("layer") or single:
        return "of a single layer every step is shown"
    return BESIDE(call) or ("JSON has it always" if call.get("as_json") else "")
