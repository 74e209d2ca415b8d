"""What the programs of Posture Edge share: frame identity, wire messages, records, settings, exit codes.

Imports nothing of ours, so that a Pi installs no Textual and a laptop no MediaPipe.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("posture-edge")
except PackageNotFoundError:  # run from a source tree that is not installed
    __version__ = "0+unknown"
