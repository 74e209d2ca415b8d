"""Wire messages, one file for each plane: `worker` (ROUTER :5570, ipc) and `console` (control :5571, events :5572)."""
