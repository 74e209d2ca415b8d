"""What travels between the master's parts: an accepted frame, its completion, its outcome, its run."""
