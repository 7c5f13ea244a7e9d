"""Stacks of layers: what each does to the volume, what it costs, and how far it sees."""
