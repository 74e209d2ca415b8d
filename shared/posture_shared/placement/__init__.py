"""Placement: which workers may analyse which camera. Pure: values in, values out, time is in the events.

`step(state, event)` is the whole interface: it returns the next state and the actions to carry out. The same
function runs in the live master, in tests with simulated time and over a recording. Read `policy` for what is
wished, `override` for who may overrule it, `handover` for how workers follow without a pause.
"""
