"""The live placement: telemetry in, the pure `step`, its actions out; overrides, decisions, recordings."""
