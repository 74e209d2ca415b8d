"""The demo: a whole site on this machine, as real processes, with scripted load and drawn people.

`plan` says what happens when, `broker` and `crew` run the processes, `tally` counts what came of it, `run` conducts.
"""

from posture_console.demo.run import run_demo

__all__ = ["run_demo"]
