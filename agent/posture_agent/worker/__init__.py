"""The worker: a light parent that speaks the protocol and supervises one analysis child."""
