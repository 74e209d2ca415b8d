"""A check that hangs is a finding, and keeps the program from nothing."""

import subprocess
import sys
import time

HUNG = """
import sys, threading
from posture_shared.checks import Check, examine, ok, report
checks = [Check("hung", threading.Event().wait), Check("well", lambda: ok("well", "all is well"))]
sys.exit(report(examine(checks, patience_s=0.2), as_json=False))
"""


def test_the_program_says_so_and_ends() -> None:
    began_s = time.monotonic()
    done = subprocess.run([sys.executable, "-c", HUNG], capture_output=True, text=True, timeout=20, check=False)
    assert time.monotonic() - began_s < 15
    assert done.stdout.splitlines() == [
        "FAILED   hung  no answer within 0.2 s -> see whether the machine is overloaded",
        "ok       well  all is well",
    ]
    assert (done.returncode, done.stderr) == (1, "")
