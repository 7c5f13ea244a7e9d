"""Ways to misspell a text: a matrix, a kernel's name, a file of kernels."""

from __future__ import annotations

from fuzz_mutate import EDGES

#: What is put in.
# fmt: off
WORDS = (
    "nan", "inf", "-inf", "1e309", "1e-400", "9" * 5000, "1/0", "0x10", "1_0", "１", "٣", "−", "\0",
    "\x1b[2J", "\u202e", "\ud7ff", "\ufeff", "[" * 3000, "]", ";" * 50, ",,", "1e999999999", "é",
    "#", "'", '"""', "{", "=", "\n", "\r", "\t", " " * 5000, "1 " * 1002, "1e30", "-1e30", "1/3",
    "0.1", "true", "null", "*", "/", "/0", "*0", "../", "~", "%s", "\\", "1e-30", "e", "a." * 500,
    "[[", "]]", "()", "2:3", ":", "=1e9", "=-1", "=1e-200", "=5e-324", "size=999", "sigma=1e9",
)
# fmt: on
#: Characters of a text, at most.
_LONGEST = 200_000


def misspelt(text, rng, others):
    """A text with something removed, repeated, put in, or from another one."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        at, end = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        text = rng.choice(_WAYS)(text, at, end, rng, others)[:_LONGEST]
    return text


def _remove(text, at, end, rng, others):
    return text[:at] + text[at + rng.choice((1, 2, 9)) :]


def _repeat(text, at, end, rng, others):
    return text[:at] + text[at:end] * rng.choice((2, 3, 50)) + text[end:]


def _put_in(text, at, end, rng, others):
    return text[:at] + rng.choice(WORDS) + text[at:]


def _splice(text, at, end, rng, others):
    return text[:at] + rng.choice(others)[rng.randrange(9) :]


def _letter(text, at, end, rng, others):
    code = rng.choice((rng.randrange(1, 128), rng.randrange(160, 55_000)))
    return text[:at] + chr(code) + text[at + 1 :]


def _digit(text, at, end, rng, others):
    digits = [n for n, letter in enumerate(text) if letter.isdigit()]
    place = rng.choice(digits) if digits else 0
    return (
        text[:place] + str(rng.choice((*EDGES, -1, 10**40, "1e-320", "1e30"))) + text[place + 1 :]
    )


_WAYS = (_remove, _repeat, _put_in, _put_in, _splice, _letter, _digit)
