"""What consoles see, ask and command."""
