"""Signals of one dimension: convolved, correlated, read, written, and worked out on paper.

`convolution` has the numbers, `files` what signals are read from and written to (`wav` for sound),
`forms` the worked forms of a product: polynomials, long multiplication, two dice.
"""
