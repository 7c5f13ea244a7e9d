"""Kernels from formulas: parameters in, weights and divisor out.

Correlation form; x to the right, y down, both 0 at the centre tap. An angle called theta turns
from +x towards +y, clockwise as the image is seen; one called angle turns the other way.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, comb, cos, factorial, radians, sin

import numpy as np
from numpy.typing import NDArray

from convcli.errors import KernelError
from convcli.kernels.exact import Cells, Matrix, exact, tabulated

Array = NDArray[np.float64]

#: Laws 1980 (3 and 5 taps), and 7 taps as HALCON's texture_laws lists them.
LAWS = {
    "l3": (1, 2, 1),
    "e3": (-1, 0, 1),
    "s3": (-1, 2, -1),
    "l5": (1, 4, 6, 4, 1),
    "e5": (-1, -2, 0, 2, 1),
    "s5": (-1, 0, 2, 0, -1),
    "w5": (-1, 2, 0, -2, 1),
    "r5": (1, -4, 6, -4, 1),
    "l7": (1, 6, 15, 20, 15, 6, 1),
    "e7": (-1, -4, -5, 0, 5, 4, 1),
    "s7": (-1, -2, 1, 4, 1, -2, -1),
    "w7": (-1, 0, 3, 0, -3, 0, 1),
    "r7": (1, -2, -1, 4, -1, -2, 1),
    "u7": (1, -4, 5, 0, -5, 4, -1),
    "o7": (-1, 6, -15, 20, -15, 6, -1),
}
#: A bell so narrow is one tap, as is any below; the square of a narrower width would be 0.
NARROWEST = 1e-100
#: How often along (x, y) a slope is a derivative.
AXES = {"x": (1, 0), "y": (0, 1)}
#: Whole weights that add up to less are summed exactly.
_WHOLE = 2**53


def box(
    size: int | None = None,
    rows: int | None = None,
    cols: int | None = None,
    radius: Fraction | None = None,
) -> Matrix:
    """Every weight the same, but for those at the rim of a fractional radius.

    Parameters
    ----------
    size, rows, cols
        Taps a side, or down and across.
    radius
        In place of them: (size − 1)/2, or any number between; the pixels at the rim count by the
        part of them that is inside, as in Pillow's BoxBlur.
    """
    if radius is None:
        shape = rows or size or 3, cols or size or 3
        return Matrix([[1] * shape[1]] * shape[0], shape[0] * shape[1])
    if size or rows or cols:
        raise KernelError("box: radius stands in place of size, rows and cols; give one of them")
    rim = radius - int(radius)
    inner = [rim.denominator] * (2 * int(radius) + 1)
    whole = [rim.numerator, *inner, rim.numerator] if rim else inner
    total = sum(whole) ** 2
    if total < _WHOLE:
        return Matrix([[a * b for b in whole] for a in whole], total)
    side = np.array([weight / rim.denominator for weight in whole])
    return to_matrix(np.outer(side, side) / side.sum() ** 2)


def binomial(size: int = 5) -> Matrix:
    """A row of Pascal's triangle, downwards and across: the bell that whole numbers make."""
    side = [comb(size - 1, k) for k in range(size)]
    total = 4 ** (size - 1)
    if total < _WHOLE:
        return Matrix([[a * b for b in side] for a in side], total)
    bell = np.array([weight / 2 ** (size - 1) for weight in side])
    return to_matrix(np.outer(bell, bell))


def derivative(dx: int = 1, dy: int = 0, size: int = 3) -> Matrix:
    """Sobel's derivatives of any size, as cv2.getDerivKernels has them.

    Parameters
    ----------
    dx, dy
        How often along x and y.
    size
        Taps a side, odd; 1 leaves out what smooths across.

    Raises
    ------
    KernelError
        If the size is too small for the derivative.
    """
    row, column = (_difference(order, size) for order in (dx, dy))
    return Matrix([[a * b for b in row] for a in column])


def sobel(size: int = 3, combine: str = "magnitude") -> tuple[dict[str, Matrix], str]:
    """Sobel's derivatives along x and y, and how they combine."""
    parts = {
        f"sobel-d{axis}:size={size}": derivative(*orders, size) for axis, orders in AXES.items()
    }
    return parts, combine


def laplacian_cv(size: int = 3) -> Matrix:
    """The sum of Sobel's second derivatives, as cv2.Laplacian has it; 1 is laplacian4."""
    if size == 1:
        return laplacian()
    bell, curve = _difference(0, size), _difference(2, size)
    pairs = [*zip(bell, curve, strict=True)]
    return Matrix([[a * d + b * c for c, d in pairs] for a, b in pairs])


def tent(size: int = 3) -> Matrix:
    """A pyramid: a box of (size + 1)/2 taps convolved with itself."""
    half = (size + 1) // 2
    side = [half - abs(k - half + 1) for k in range(size)]
    return Matrix([[a * b for b in side] for a in side], half**4)


def disk(radius: float = 5) -> Matrix:
    """A disk; edge pixels count by their area inside (MATLAB's fspecial('disk'))."""
    half = max(0, ceil(radius - 0.5))
    edges = np.abs(np.arange(half + 2) - 0.5)
    u, v = np.meshgrid(edges, edges)
    corner = _quarter_disk(u, v, radius)
    # The first pixel reaches from −½ to ½, so its area is what its two halves have together.
    corner[0] *= -1
    corner[:, 0] *= -1
    area = np.diff(np.diff(corner, axis=0), axis=1).clip(min=0)
    area = np.maximum(area, area.T)
    right = np.hstack([area[:, :0:-1], area])
    whole = np.vstack([right[:0:-1], right])
    return to_matrix(whole / whole.sum())


def motion(length: float = 9, angle: float = 0) -> Matrix:
    """A line through the centre, its edge a pixel soft (MATLAB's fspecial('motion')).

    Parameters
    ----------
    length
        In pixels.
    angle
        Degrees counter-clockwise from level.
    """
    half = (max(length, 1) - 1) / 2
    step_x, step_y = direction(-angle)
    reach_x, reach_y = (int(half * abs(step) + 1 - 1e-9) for step in (step_x, step_y))
    x, y = grid(2 * reach_x + 1, 2 * reach_y + 1)
    along = np.abs(x * step_x + y * step_y)
    across = np.abs(y * step_x - x * step_y)
    distance = np.hypot(across, np.maximum(along - half, 0))
    weights = np.maximum(1 - distance, 0)
    weights[weights < 1e-9] = 0
    return Matrix(weights.tolist(), float(weights.sum()))


def laplacian(alpha: Fraction = Fraction(0)) -> Matrix:
    """4/(α + 1)·[α/4 (1−α)/4 α/4; (1−α)/4 −1 (1−α)/4; …], as MATLAB's fspecial('laplacian').

    α = 0 is laplacian4, 1/5 laplacian-patra, 1/3 laplacian-oono-puri, 1/2 laplacian8 by 3.
    """
    corner, edge = alpha / (alpha + 1), (1 - alpha) / (alpha + 1)
    centre = -4 / (alpha + 1)
    return exact([[corner, edge, corner], [edge, centre, edge], [corner, edge, corner]])


def highboost(amount: Fraction = Fraction(1)) -> Matrix:
    """−1 around 8 + amount: `amount` times the image and its detail (Gonzalez and Woods)."""
    outer = [Fraction(-1)] * 3
    return exact([outer, [Fraction(-1), 8 + amount, Fraction(-1)], outer])


def savgol(size: int = 5, degree: int = 2, dx: int = 0, dy: int = 0) -> Matrix:
    """Savitzky and Golay in two dimensions: the weights that fit a surface, in exact fractions.

    Parameters
    ----------
    size
        Taps a side, odd.
    degree
        Of the polynomial in x and y, all terms together.
    dx, dy
        Which derivative of it is taken at the centre.

    Raises
    ------
    KernelError
        If the degree is too high for the size, or too low for the derivative.
    """
    if degree >= size:
        raise KernelError(f"savgol: degree must be less than size {size}, got {degree}")
    if dx + dy > degree:
        raise KernelError(f"savgol: dx + dy must be at most degree {degree}, got {dx + dy}")
    terms = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    reach = range(-(size // 2), size // 2 + 1)
    moments = [Fraction(sum(k**power for k in reach)) for power in range(2 * degree + 1)]
    normal = [[moments[i + p] * moments[j + q] for p, q in terms] for i, j in terms]
    wanted = [Fraction(factorial(dx) * factorial(dy) * (term == (dx, dy))) for term in terms]
    solved = _solve(normal, wanted)
    used = [(c, i, j) for c, (i, j) in zip(solved, terms, strict=True) if c]

    def surface(x: int, y: int) -> Fraction:
        return sum((c * x**i * y**j for c, i, j in used), Fraction(0))

    return tabulated([[surface(x, y) for x in reach] for y in reach])


def laws(mask: str = "l5e5") -> Matrix:
    """Column × row of two of Laws' vectors; `e5s5` is E5 downwards and S5 to the right."""
    down, right = LAWS.get(mask[:2]), LAWS.get(mask[2:])
    if down is None or right is None:
        raise KernelError(
            f"laws: mask must be two of {', '.join(LAWS)}, such as e5s5, got {mask[:32]!r}"
        )
    return Matrix([[a * b for b in right] for a in down])


def grid(cols: int, rows: int) -> tuple[Array, Array]:
    """X and y of every tap."""
    x = np.arange(cols, dtype=np.float64) - cols // 2
    y = np.arange(rows, dtype=np.float64) - rows // 2
    return np.broadcast_to(x, (rows, cols)), np.broadcast_to(y[:, None], (rows, cols))


def direction(theta: float) -> tuple[float, float]:
    """Cosine and sine of an angle in degrees, exact at right angles."""
    quarter, rest = divmod(theta % 360, 90)
    if rest:
        return cos(radians(theta)), sin(radians(theta))
    return ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(quarter) % 4]


def _quarter_disk(x: Array, y: Array, radius: float) -> Array:
    """Area of the disk between 0 and x, 0 and y; both at least 0."""
    x, y = np.minimum(x, radius), np.minimum(y, radius)
    level = np.minimum(x, np.sqrt(radius**2 - y**2))

    def below(u: Array) -> Array:
        arc = np.arcsin(np.minimum(u / radius, 1))
        return 0.5 * (u * np.sqrt(np.maximum(radius**2 - u**2, 0)) + radius**2 * arc)

    area: Array = y * level + below(x) - below(level)
    return area


def _solve(matrix: Cells, right: list[Fraction]) -> list[Fraction]:
    """Solve a regular system by Gauss and Jordan, exactly."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for col in range(len(rows)):
        pivot = next(r for r in range(col, len(rows)) if rows[r][col])
        rows[col], rows[pivot] = rows[pivot], rows[col]
        lead = rows[col][col]
        rows[col] = [value / lead for value in rows[col]]
        for r, row in enumerate(rows):
            if r != col and row[col]:
                ratio = row[col]
                rows[r] = [a - ratio * b for a, b in zip(row, rows[col], strict=True)]
    return [row[-1] for row in rows]


def _difference(order: int, size: int) -> list[int]:
    """Coefficients of (z − 1)^order·(z + 1)^(size − 1 − order): differences of smoothed samples."""
    if size == 1 and order in (1, 2):
        return [-1, 0, 1] if order == 1 else [1, -2, 1]
    if order >= size:
        raise KernelError(
            f"a derivative of order {order} needs a size of at least {order + 1 | 1}, got {size}"
        )
    row = [1]
    for step in range(size - 1):
        sign = -1 if step < order else 1
        row = [sign * b + a for a, b in zip([0, *row], [*row, 0], strict=True)]
    return row


def to_matrix(weights: Array) -> Matrix:
    """Weights as they are, with divisor 1."""
    return Matrix(weights.tolist())
