"""The posture rules: landmarks in, a verdict out. Pure: no picture, no clock, no MediaPipe, no numpy.

`body` is what the rules look at; `calibrated` and `classic` are the two rules; `verdict` is what both say.
"""
