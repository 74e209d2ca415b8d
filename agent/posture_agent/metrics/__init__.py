"""What Prometheus reads of an agent. `site` reads the master's last snapshot, `observed` counts what happens.

`docs/metrics.md` lists every name. Labels that come from outside (cameras, nodes, workers) are bounded.
"""
