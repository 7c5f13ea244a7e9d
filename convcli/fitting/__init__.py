"""The kernel that turns one image into another: least squares, likeness, and gradient descent.

`sums` gathers what the normal equations need, `solve` solves them, `whole` looks for the whole
numbers that a kernel was written in, `likeness` compares with the kernels of the library, and
`descent` finds the same kernel step by step, as a network learns it.
"""
