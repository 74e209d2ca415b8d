"""`python -m posture_agent` is `posture-agent`; so the master starts its local worker without relying on PATH."""

from posture_agent.cli import main

main()
