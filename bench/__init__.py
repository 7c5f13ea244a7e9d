"""Benchmarks: every result is checked before it is timed."""
