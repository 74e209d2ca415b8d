"""Who has which frame: leases, the workers that hold them, and the sockets between."""
