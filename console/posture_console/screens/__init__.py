"""The views: each takes a `Reading` and hands its parts to its widgets."""
