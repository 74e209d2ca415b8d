"""Keys in use: who may connect to the master's sockets, and what became of those who may not."""
