"""What the tests of the interactive page share: pages, and the data in them."""

from __future__ import annotations

import json
import re

import convcli
from convcli.kernels import parse_kernel
from convcli.kernels.kernel import Kernel
from convcli.report.page import page
from convcli.spec import Spec
from convcli.teach.explain import study, study_grid
from convcli.teach.explain_grid import typed_grid

#: Small images and kernels of the page's sections, as anybody would write them down.
FIVE = [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
CROSS = [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
STAIRS = [[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
CORNERS = [[1, 0, -1], [0, 0, 0], [-1, 0, 1]]
SOBEL = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
EDGE = [[0, 0, 0, 10, 10, 10]] * 3 + [[0] * 6] * 2
COUNTED = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
SPOT = [[0] * 5, [0] * 5, [0, 0, 1, 0, 0], [0] * 5, [0] * 5]
HOSTILE = "</script><script>window.bad=1</script><img src=x onerror='window.bad=2'>\"&amp;@@data@@"


def data_of(text):
    """Return the data that is embedded in a page."""
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    return json.loads(found)


def image_page(image, kernel, at=None, source="image.png", **options):
    """Return the page of a kernel, or what is typed for one, on an image."""
    chosen = parse_kernel(kernel) if isinstance(kernel, str) else kernel
    return page(study(image, chosen, Spec(**options)), source, at=at)


def grid_page(text, kernel, source="", **options):
    """Return the page of a kernel on a grid."""
    return page(study_grid(typed_grid(text), parse_kernel(kernel), Spec(**options)), source)


def hostile_page(samples):
    """Return a page on which all that a user can name is an attack."""
    kernel = Kernel(HOSTILE, [[1, 2], [3, 4]], effect=HOSTILE)
    return image_page(convcli.read(samples / "grid-7x7.png"), kernel, source=HOSTILE)
