"""The agent: `posture-agent master` receives, leases, stores and decides; `posture-agent worker` analyses."""
