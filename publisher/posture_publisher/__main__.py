"""`python -m posture_publisher` is `posture-publisher`, for those who start it without relying on PATH."""

from posture_publisher.cli import main

main()
