"""Kubernetes: which nodes could run a worker, and the Jobs that start them there. Knows no frames or store."""
