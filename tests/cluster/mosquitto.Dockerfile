# Debian's mosquitto under the name that the manifests use, for a machine that reaches no container registry.
FROM docker.io/library/python:3.11-slim-bookworm
RUN apt-get update -q \
 && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends mosquitto \
 && rm -rf /var/lib/apt/lists/*
