"""The shipped dashboards as Grafana would ask: every query with its macros and variables put in.

Macros as Grafana documents them for PostgreSQL (`$__timeFilter`, `$__timeGroupAlias`, …) and for Prometheus.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml

GRAFANA = Path(__file__).resolve().parents[2] / "manifests" / "grafana"
_MACRO = re.compile(r"\$__(\w+)(?:\(([^)]*)\))?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Query(NamedTuple):
    """One query of a panel or a variable. `source`: the data source's uid; `text`: SQL or PromQL with macros."""

    board: str
    panel: str
    source: str
    text: str
    series: bool = False


def boards() -> dict[str, dict[str, Any]]:
    """Each dashboard by its file's name."""
    return {file.stem: json.loads(file.read_text()) for file in sorted((GRAFANA / "dashboards").glob("*.json"))}


def data_sources() -> dict[str, dict[str, Any]]:
    """The provisioned data sources by uid."""
    file = GRAFANA / "provisioning" / "datasources" / "posture.yaml"
    return {one["uid"]: one for one in yaml.safe_load(file.read_text())["datasources"]}


def queries(source: str) -> list[Query]:
    """Every query to the data source of that uid."""
    return [query for name, board in boards().items() for query in _queries(name, board) if query.source == source]


def _queries(name: str, board: Mapping[str, Any]) -> Iterator[Query]:
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            text = target.get("rawSql") or target["expr"]
            yield Query(name, panel["title"], target["datasource"]["uid"], text, target.get("format") == "time_series")
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield Query(name, f"variable {variable['name']}", variable["datasource"]["uid"], variable["definition"])


def as_sql(text: str, *, since: datetime, until: datetime, interval: str, variables: Mapping[str, list[str]]) -> str:
    """`text` as Grafana's PostgreSQL data source would send it."""

    def variable(found: re.Match[str]) -> str:
        values, form = variables[found[1]], found[2]
        return ", ".join("'" + value.replace("'", "''") + "'" for value in values) if form else values[0]

    def macro(found: re.Match[str]) -> str:
        name, arguments = found[1], [part.strip(" '") for part in (found[2] or "").split(",")]
        match name:
            case "timeFrom" | "timeTo":
                return f"'{(since if name == 'timeFrom' else until):%Y-%m-%dT%H:%M:%SZ}'"
            case "timeFilter":
                return f"{arguments[0]} BETWEEN '{since:%Y-%m-%dT%H:%M:%SZ}' AND '{until:%Y-%m-%dT%H:%M:%SZ}'"
            case "timeGroup" | "timeGroupAlias":
                # As Grafana splits: at commas, so that quotes within the column stay.
                column = (found[2] or "").rpartition(",")[0]
                seconds = int(arguments[-1][:-1]) * _SECONDS[arguments[-1][-1]]
                alias = ' AS "time"' if name == "timeGroupAlias" else ""
                return f"floor(extract(epoch from {column})/{seconds})*{seconds}{alias}"
        raise AssertionError(f"the macro $__{name} is unknown here: {text}")

    with_variables = re.sub(r"\$\{(\w+)(?::(sqlstring))?\}", variable, text)
    return _MACRO.sub(macro, with_variables.replace("$__interval", interval))


def as_promql(text: str, *, rate_interval: str, variables: Mapping[str, str]) -> str:
    """`text` as Grafana's Prometheus data source would send it."""
    for name, value in variables.items():
        text = re.sub(rf"\${name}\b|\$\{{{name}\}}", value.replace("\\", r"\\"), text)
    text = text.replace("$__rate_interval", rate_interval)
    assert "$" not in text, f"something was not put in: {text}"
    return text
