"""The way in: what becomes of each delivery, until its frame is confirmed."""
