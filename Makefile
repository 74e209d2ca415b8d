# Everything a developer or a newcomer types. `make demo` and `make test` set up by themselves what they need.
# ARGS passes flags on:  make demo ARGS="--headless --seconds 30 --json"

SHELL := /bin/sh
.DEFAULT_GOAL := help
bin := .venv/bin
python := $(bin)/python
pytest := $(python) -m pytest

.PHONY: help setup demo test lint style types layers ready bench soak accuracy chaos test-cluster snapshots screenshots image push up down lock configuration audit sbom

help:  ## this list
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup:  ## system packages (as root), virtual environment, dependencies, pose model
	@scripts/setup all

demo:  ## cameras, master, workers and console on this machine
	@scripts/setup demo
	@$(bin)/posture-console demo $(ARGS)

# Three processes on however few cores: the tests mostly wait for servers that they started. A file's tests stay
# together, in their order.
test:  ## all tests but those that take minutes or a cluster
	@scripts/setup test
	@$(pytest) -m "not chaos and not cluster" -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: style types layers  ## style, types, and who may import whom

style: ready
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .

types: ready
	@$(bin)/mypy

layers: ready
	@$(bin)/lint-imports --no-logo

ready:
	@scripts/setup demo

snapshots:  ## keep the console's views as they look now; look at the difference before you commit it
	@POSTURE_RENEW_SNAPSHOTS=1 $(pytest) -q tests/console/test_console_snapshots.py

screenshots:  ## the pictures of the console in README and docs, taken from the demo
	@scripts/setup demo
	@$(bin)/posture-console demo --screenshots docs/images $(ARGS)

bench:  ## speed and cost against their limits: the whole way, dispatch, 200 cameras, idle programs, the console
	@scripts/setup test
	@$(python) benchmarks/throughput.py $(ARGS)
	@$(python) benchmarks/dispatch.py
	@$(python) benchmarks/many_cameras.py
	@$(python) benchmarks/idle.py
	@$(python) benchmarks/console_load.py

soak:  ## ten minutes of everything at full rate: memory, files, threads, counters; a night: ARGS="--hours 8"
	@scripts/setup test
	@$(python) benchmarks/soak.py $(ARGS)

accuracy:  ## angles and verdicts against pictures with known truth
	@scripts/setup demo
	@$(python) benchmarks/accuracy.py $(ARGS)

chaos:  ## kill, stop and cut everything for minutes; every frame still one row
	@scripts/setup test
	@$(pytest) -m chaos $(ARGS)

test-cluster:  ## on a real Kubernetes
	@scripts/setup test
	@$(pytest) -m cluster $(ARGS)

image:  ## the agent's container image, with docker or buildah
	@scripts/image $(ARGS)

push:  ## the image for amd64 and arm64, into the registry that REGISTRY names
	@scripts/image push $(ARGS)

up:  ## the whole system in containers; PROFILES=cameras,dashboards for more
	@COMPOSE_PROFILES=$(PROFILES) docker compose up --detach --wait $(ARGS)

down:  ## stop the containers; their data stays
	@docker compose --profile '*' down $(ARGS)

lock:  ## write the lock files from pyproject.toml; ARGS=--upgrade for newer versions
	@scripts/lock $(ARGS)

configuration: ready  ## write docs/configuration.md from the settings
	@$(python) scripts/configuration

audit: ready  ## published vulnerabilities of locked versions, where their data can be reached
	@$(python) scripts/audit

sbom: ready  ## what the image is made of (CycloneDX); ARGS="--image localhost/posture-edge:latest sbom.json"
	@$(python) scripts/sbom $(ARGS)
