"""What is shown to people who learn what a convolution is.

A *place* is an output that is explained, the *patch* the samples below the kernel there, a *step*
what leads from the sum to the sample. In a network the *field* is what input samples an output
sees, the *jump* how many of them lie from one output to the next, and the *start* the middle of
the first.
"""
