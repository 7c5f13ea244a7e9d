"""Imports stand at the top of a module, unless start-up needs them where they are.

A new one inside a function needs a kind below, whose reason it has; what it saves is measured with
`python -X importtime -m convcli …`. One that saves less than a millisecond goes to the top.
"""

from __future__ import annotations

import ast

from test_structure import ROOT, parsed

#: (kind and its reason, what is imported, and by whom).
KINDS = {
    "heavy: a library of others that takes 5 to 100 ms, and that few runs, or few parts of one, "
    "need: a list of kernels needs no NumPy, a photograph of a common kind no Pillow": {
        "numpy": ("borders", "image.decode_memory", "kernels.exact", "kernels.generator"),
        "PIL": ("image.avif.write", "image.gif.read", "image.gif.write", "image.jpeg.write",
                "image.pillow"),
        "rich.console": ("cli.cards", "cli.explain"),
        "click.shell_completion": ("cli.network", "cli.placing", "cli.types"),
        "llvmlite.binding": ("engine.fingerprint", "engine.machine"),
        "ctypes": ("cli.main",),
        "importlib.metadata": ("engine.fingerprint",),
        "logging": ("image.codecs", "image.jpeg.check"),
        "tempfile": ("engine.folder",),
    },
    "seldom: a module of Python's own that takes 1 to 4 ms and that only mistakes, terminals, "
    "JSON, or tools that look into classes need": {
        "dataclasses": ("record",),
        "difflib": ("cli.group", "kernels.bank_files", "kernels.files", "kernels.parameters",
                    "kernels.registry", "kernels.tables"),
        "inspect": ("record",),
        "json": ("report.lines",),
        "shutil": ("report.lines",),
        "textwrap": ("report.lines",),
    },
    "systems: there is none of it on Windows": {
        "termios": ("report.play",),
        "tty": ("report.play",),
    },
    "may be missing: a Python can be built without it": {
        "lzma": ("engine.lowered",),
    },
    "by name: what is imported is told by a name": {
        "importlib": ("__init__", "kernels.__init__"),
    },
    "first: the first image is read and decoded on a thread while what else a run needs is "
    "imported; at the top these would come before it": {
        "pathlib": ("image.formats",),
        "convcli.pipeline.arrays": ("cli.filtering",),
        "convcli.cli.filtering": ("cli.apply", "cli.quick"),
        "convcli.image.decode_ahead": ("cli.quick",),
        "convcli.image.channels": ("image.formats",),
        "convcli.image.decode_memory": ("image.jpeg.__init__",),
        "convcli.image.files": ("image.decode_ahead",),
        "convcli.image.png.inflate": ("image.png.__init__",),
        "convcli.kernels": ("cli.quick",),
        "convcli.pipeline": ("cli.filtering",),
        "convcli.pipeline.facts": ("batch.file",),
        "convcli.pipeline.volume": ("cli.filtering",),
        "convcli.pipeline.volume_memory": ("cli.filtering",),
        "convcli.pipeline.volume_road": ("cli.filtering",),
        "convcli.pipeline.memory": ("batch.estimate", "cli.filtering"),
        "convcli.pipeline.masks": ("cli.filtering",),
        "convcli.report.outcome": ("cli.filtering", "cli.reporter"),
        "convcli.report.notes": ("cli.reporter",),
        "convcli.spec": ("cli.quick",),
    },
    "commands: help, completion and mistakes of one command don't wait for what another, or its "
    "work, needs": {
        "convcli.batch": ("cli.find",),
        "convcli.batch.search": ("cli.find",),
        "convcli.cli.effects": ("cli.filtering", "cli.types"),
        "convcli.cli.group": ("cli.main",),
        "convcli.cli.idle": ("cli.filtering", "cli.types"),
        "convcli.cli.maps": ("cli.apply",),
        "convcli.cli.quick": ("cli.main",),
        "convcli.cli.fit": ("cli.kernels",),
        "convcli.fitting.descent": ("cli.fit",),
        "convcli.fitting.fit": ("cli.fit",),
        "convcli.image.atomic": ("cli.fit", "cli.signal"),
        "convcli.image.files": ("cli.explain", "cli.fit"),
        "convcli.image.formats": ("cli.fit",),
        "convcli.kernels": ("cli.kernels", "cli.types"),
        "convcli.kernels.bank_notation": ("cli.types",),
        "convcli.kernels.generators": ("cli.kernels",),
        "convcli.kernels.volume_library": ("cli.kernels", "cli.volume"),
        "convcli.report.volume_kernels": ("cli.kernels",),
        "convcli.kernels.notation": ("cli.explain", "cli.kernels", "cli.types"),
        "convcli.pipeline.layers": ("cli.apply", "cli.types"),
        "convcli.pipeline.find": ("cli.find",),
        "convcli.report.explain": ("cli.explain",),
        "convcli.report.explain_data": ("cli.explain",),
        "convcli.report.explain_frames": ("cli.explain",),
        "convcli.report.find": ("cli.find",),
        "convcli.report.fit": ("cli.fit",),
        "convcli.report.kernels": ("cli.fit", "cli.kernels"),
        "convcli.report.listing": ("cli.kernels",),
        "convcli.report.network": ("cli.network",),
        "convcli.report.network_card": ("cli.network",),
        "convcli.report.network_data": ("cli.network",),
        "convcli.report.page": ("cli.explain",),
        "convcli.report.play": ("cli.explain",),
        "convcli.report.shape": ("cli.shape",),
        "convcli.report.signal": ("cli.signal",),
        "convcli.signals.convolution": ("cli.signal",),
        "convcli.signals.files": ("cli.signal",),
        "convcli.signals.forms": ("cli.signal",),
        "convcli.teach.explain": ("cli.explain",),
        "convcli.teach.explain_extremes": ("cli.explain",),
        "convcli.teach.explain_grid": ("cli.explain",),
        "convcli.teach.network.files": ("cli.network",),
        "convcli.teach.network.stack": ("cli.network",),
        "convcli.teach.network.volume": ("cli.network",),
    },
    "parts: a part that few runs need, and that takes a millisecond or brings a heavy library": {
        "convcli.batch.comparison": ("batch.file",),
        "convcli.batch.volume": ("batch.one",),
        "convcli.batch.worker_pool": ("batch.runner",),
        "convcli.engine.entries": ("engine.native",),
        "convcli.engine.flat": ("engine.native",),
        "convcli.engine.lowered": ("engine.native",),
        "convcli.engine.objects": ("engine.native",),
        "convcli.image.extent": ("image.source",),
        "convcli.image.foreign.kinds": ("batch.find",),
        "convcli.image.foreign.tell": ("batch.find", "image.recognise"),
        "convcli.image.reasons": ("image.guard", "image.tiff.segments"),
        "convcli.image.show.side_by_side": ("batch.comparison",),
        "convcli.image.show.preview": ("batch.comparison",),
        "convcli.image.tiff.fax": ("image.tiff.segments",),
        "convcli.kernels.files": ("kernels.notation",),
        "convcli.kernels.formulas": ("kernels.generator",),
        "convcli.kernels.gaussians": ("kernels.generator",),
        "convcli.kernels.generators": ("kernels.registry",),
        "convcli.kernels.shapes": ("kernels.generator",),
        "convcli.kernels.kernel": ("kernels.generator",),
        "convcli.kernels.others": ("cli.group", "kernels.registry"),
        "convcli.kernels.registry": ("cli.group",),
        "convcli.kernels.typed": ("kernels.notation",),
        "convcli.kernels.tables": ("kernels.registry",),
        "convcli.memory": ("cli.main",),
        "convcli.paths": ("cli.main", "cli.streams"),
        "convcli.pipeline.apart": ("pipeline.road",),
        "convcli.pipeline.directions": ("pipeline.arrays",),
        "convcli.pipeline.soft": ("pipeline.arrays",),
        "convcli.pipeline.hue": ("pipeline.road",),
        "convcli.pipeline.marked": ("pipeline.result_meta", "pipeline.road"),
        "convcli.pipeline.masked": ("pipeline.road",),
        "convcli.pipeline.missing": ("pipeline.gaps", "pipeline.working"),
        "convcli.pipeline.partly": ("pipeline.road",),
        "convcli.region": ("spec",),
        "convcli.report.page.data": ("report.page.__init__",),
        "convcli.report.page.your_image": ("report.page.__init__",),
        "convcli.report.progress": ("cli.reporter",),
        "convcli.report.show": ("cli.filtering", "cli.reporter"),
        "convcli.teach.lessons": ("report.page.__init__",),
    },
}  # fmt: skip
PACKAGE = ROOT / "convcli"
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def modules_of(node):
    """What a statement imports, by whole names."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    found = set()
    for alias in node.names:
        name = f"{node.module}.{alias.name}"
        path = ROOT.joinpath(*name.split("."))
        is_module = path.is_dir() or path.with_suffix(".py").exists()
        found.add(name if is_module else node.module)
    return found


def local_imports():
    """(importer, imported) of all imports inside functions."""
    return {
        (".".join(path.relative_to(PACKAGE).with_suffix("").parts), module)
        for path, tree in parsed()
        for function in ast.walk(tree)
        if isinstance(function, FUNCTIONS)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in modules_of(node)
    }


def test_imports_inside_functions_are_those_that_start_up_needs():
    known = [
        (importer, module)
        for table in KINDS.values()
        for module, importers in table.items()
        for importer in importers
    ]
    assert len(known) == len({*known}), "one that has two kinds"
    found = local_imports()
    assert found - {*known} == set(), "no kind that says why they aren't at the top"
    assert {*known} - found == set(), "no longer inside functions"
