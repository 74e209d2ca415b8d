"""What an agent's `/metrics` say, as numbers."""

import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from support.servers import find_program, missing

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Scrape:
    """One answer of `/metrics`."""

    def __init__(self, port: int, *, accept: str = OPENMETRICS) -> None:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - our own address
            self.content_type = answer.headers["Content-Type"]
            self.text: str = answer.read().decode()
        parse = openmetrics if self.content_type.startswith("application/openmetrics-text") else plain
        self.families = list(parse(self.text))
        self.samples: Samples = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in self.families
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """The one series of that name and exactly those labels."""
        return self.samples[name, tuple(sorted(labels.items()))]

    def sum(self, name: str, **labels: str) -> float:
        """The sum of the series of that name that have those labels; 0 without one."""
        wanted = labels.items()
        return sum(
            value for (named, has), value in self.samples.items() if named == name and wanted <= dict(has).items()
        )

    def labels(self, name: str, label: str) -> set[str]:
        """The values of `label` over the series of that name."""
        return {dict(has)[label] for named, has in self.samples if named == name}


def promtool(*arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run Prometheus' own checker."""
    program = find_program("promtool")
    if program is None:
        missing("promtool", "Debian: apt-get install prometheus")
    return subprocess.run([program, *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=False)


def answer(port: int, path: str) -> tuple[int, dict[str, bool]]:
    """Status and body of `/healthz` or `/readyz`; 0 where nothing answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as found:
            return found.status, json.loads(found.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
    except OSError:
        return 0, {}
