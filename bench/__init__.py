"""Benchmarks: every result is checked before anything is timed.

`python -m bench` says what it did in `RESULTS.md`, which it writes whole, in `results.json` and in
`growth.svg`. The parts, from top to bottom: `__main__` runs sections; a section (`dense`, `named`,
…) gives cases; a case (`cases`) is one piece of work done by us and by others; `timing` takes the
times; `tables`, `targets` and `plot` say what came out.
"""
