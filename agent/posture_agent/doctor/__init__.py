"""The checks of `posture-agent doctor`: what a master, and what a worker's node, needs around it."""
