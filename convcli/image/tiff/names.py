"""What tags are called that stand beside the pixels, and what they tell of the image.

The numbers are those of TIFF 6.0 and its supplements, TIFF/EP, DNG, and the registry that libtiff
and ExifTool keep.
"""

from __future__ import annotations

from convcli.image.beside.block import CHANNELS, DEPTH, PIXELS, PLACE, SIZE

#: Tags of how samples are stored, or where: the writer's own.
LAYOUT = frozenset(
    {
        *(254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 288, 289, 290),
        *(292, 293, 317, 320, 322, 323, 324, 325, 338, 339, 346, 347, 512, 513, 514, 515, 517),
        *(518, 519, 520, 521, 529, 530, 531, 532, 559, 32995, 32996, 32997, 32998, 50674, 433),
        *(330, 434, 435, 400, 401, 402, 403, 404, 405),
    }
)
#: Tags that other parts of `Meta` hold, or channels: resolution, ink names, XMP, ICC.
HELD = frozenset({282, 283, 296, 332, 333, 334, 336, 700, 34675})
_ALWAYS: frozenset[str] = frozenset()
_TYPE, _COLOUR = frozenset({DEPTH}), frozenset({CHANNELS})
_SAMPLES, _WHERE = frozenset({PIXELS}), frozenset({SIZE, PLACE})
_ALL = frozenset({SIZE, PLACE, CHANNELS, DEPTH})
#: What tags are called, and what they tell of.
NAMED: dict[int, tuple[str, frozenset[str]]] = {
    **dict.fromkeys((263, 264, 265, 321), ("halftoning", _ALWAYS)),
    **{269: ("document name", _ALWAYS), 285: ("page name", _ALWAYS)},
    **{297: ("page number", _ALWAYS), 316: ("host computer", _ALWAYS)},
    **dict.fromkeys((280, 281, 340, 341), ("range of samples", _SAMPLES)),
    **dict.fromkeys((286, 287), ("position on the page", frozenset({PLACE}))),
    **{291: ("gray response curve", _TYPE), 300: ("colour response unit", _ALWAYS)},
    301: ("transfer function", _TYPE | _COLOUR),
    **{318: ("white point", _ALWAYS), 319: ("primary colours", _COLOUR)},
    **dict.fromkeys((326, 327, 328), ("fax errors", _SAMPLES)),
    337: ("target printer", _ALWAYS),
    **dict.fromkeys((343, 344, 345), ("clipping path", _WHERE)),
    351: ("OPI proxy", _ALWAYS),
    **dict.fromkeys((18246, 18249), ("rating", _ALWAYS)),
    32781: ("image ID", _ALWAYS),
    **dict.fromkeys(range(33445, 33453), ("Molecular Dynamics scale", _TYPE)),
    **dict.fromkeys((34908, 34909, 34910, 34911), ("fax data", _ALWAYS)),
    37724: ("Photoshop layers", _SAMPLES),
    **{40091: ("Windows title", _ALWAYS), 40092: ("Windows comment", _ALWAYS)},
    **{40093: ("Windows author", _ALWAYS), 40094: ("Windows keywords", _ALWAYS)},
    40095: ("Windows subject", _ALWAYS),
    **{50341: ("print settings", _ALWAYS), 50909: ("geographic metadata", _ALWAYS)},
    51123: ("Micro-Manager metadata", _ALL),
    # TIFF/EP has in the first directory what EXIF has in one of its own.
    **dict.fromkeys(
        (33434, 33437, 34850, 34852, 34855, 34856, 34857, 34858, 34859, 36867, 36868, 37122),
        ("camera settings", _ALWAYS),
    ),
    **dict.fromkeys((*range(37377, 37388), *range(37390, 37400)), ("camera settings", _ALWAYS)),
}
#: Tags that tell of a file in ways that no result has.
UNTRUE: dict[int, str] = {
    **dict.fromkeys((33628, 33629, 33630, 33631), "MetaMorph description"),
    34412: "LSM description",
    # Where it can be understood it is in `Meta`.
    42113: "GDAL nodata value",
    **dict.fromkeys((34361, 34362, 34386), "FluoView description"),
    43314: "NIH Image header",
    **dict.fromkeys((33471, 33560), "SIS description"),
    **dict.fromkeys((33918, 33919, 33920), "Intergraph georeference"),
    **dict.fromkeys((33421, 33422), "colour filter of the camera"),
    **dict.fromkeys(
        (*range(50706, 50742), *range(50778, 50782), *range(50827, 50835), *range(50931, 50942)),
        "camera profile (DNG)",
    ),
    **dict.fromkeys(
        (*range(50964, 50976), *range(50981, 50983), *range(51008, 51010), 51022, 51041, 51043),
        "camera profile (DNG)",
    ),
    **dict.fromkeys((*range(51089, 51092), *range(51105, 51115), 51125), "camera profile (DNG)"),
    **dict.fromkeys((*range(52525, 52554),), "camera profile (DNG)"),
}
#: Those of a first page that tell of a whole stack.
STACKS = frozenset({33628, 33629, 33630, 33631, 34412, 34361, 34362, 34386, 43314})
#: From this number on tags are anybody's own.
PRIVATE = 32768
