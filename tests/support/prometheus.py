"""A real Prometheus for tests: the shipped configuration and rules, faster, on a free port with data of its own."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from support.processes import Program, free_port, listens, wait_for
from support.servers import find_program, missing

SHIPPED = Path(__file__).resolve().parents[2] / "manifests" / "prometheus"


class Prometheus:
    """Scrapes `targets` (the shipped label `agent` to ports of this machine) each second.

    It reads the shipped `prometheus.yml`; only the intervals and the targets are this test's.
    """

    def __init__(self, folder: Path, targets: Mapping[str, Sequence[int]]) -> None:
        program = find_program("prometheus")
        if program is None:
            missing("Prometheus", "Debian: apt-get install prometheus")
        folder.mkdir()
        settings = yaml.safe_load((SHIPPED / "prometheus.yml").read_text())
        settings["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
        for name, content in (
            ("rules", (SHIPPED / "rules" / "posture.yml").read_text()),
            ("targets", yaml.safe_dump([_group(agent, ports) for agent, ports in targets.items()])),
        ):
            (folder / name).mkdir()
            (folder / name / "posture.yml").write_text(content)
        self.configuration = folder / "prometheus.yml"
        self.port = free_port()
        self.program = Program(
            [
                *(program, f"--config.file={self.configuration}", f"--storage.tsdb.path={folder / 'data'}"),
                *(f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"),
            ],
            folder=folder,
            name="prometheus",
        ).start()
        wait_for(lambda: listens(self.port), 30, what="Prometheus answers")

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query, now."""
        body = urllib.parse.urlencode({"query": expression}).encode()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query", body, timeout=10) as answer:
                found = json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from None
        series: list[dict[str, Any]] = found["data"]["result"]
        return series

    def rules(self) -> list[dict[str, Any]]:
        """Every alert rule with its health."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/rules", timeout=10) as answer:
            groups = json.loads(answer.read())["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def names(self) -> list[str]:
        """The name of every metric that was scraped."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/label/__name__/values", timeout=10) as answer:
            found: list[str] = json.loads(answer.read())["data"]
        return found

    def end(self) -> None:
        self.program.end()


def _group(agent: str, ports: Sequence[int]) -> dict[str, Any]:
    return {"labels": {"agent": agent}, "targets": [f"127.0.0.1:{port}" for port in ports]}
