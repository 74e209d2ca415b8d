"""The dashboards are what Grafana takes: identities, places, sources and variables fit together."""

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from support.dashboards import GRAFANA, boards, data_sources

BOARDS = boards()
KINDS = {"row", "stat", "timeseries", "barchart", "table", "state-timeline"}


@pytest.fixture(params=BOARDS, ids=list(BOARDS))
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    return BOARDS[request.param]


def test_there_are_the_two_that_the_documents_name() -> None:
    assert {board["uid"]: board["title"] for board in BOARDS.values()} == {
        "posture": "Posture",
        "posture-edge": "Edge nodes and offloading",
    }


def test_panels_have_ids_of_their_own_and_do_not_overlap(board: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    cells = [cell for panel in board["panels"] for cell in _cells(panel["gridPos"])]
    assert len(cells) == len(set(cells))
    assert all(x < 24 for x, _ in cells)


def _cells(place: dict[str, int]) -> list[tuple[int, int]]:
    across = range(place["x"], place["x"] + place["w"])
    return list(itertools.product(across, range(place["y"], place["y"] + place["h"])))


def test_every_panel_says_what_it_shows_and_asks_a_provisioned_source(board: dict[str, Any]) -> None:
    sources = data_sources()
    for panel in board["panels"]:
        assert panel["type"] in KINDS, panel["title"]
        if panel["type"] == "row":
            continue
        assert panel["description"].endswith("."), panel["title"]
        assert panel["targets"], panel["title"]
        refs = [target["refId"] for target in panel["targets"]]
        assert len(refs) == len(set(refs))
        for asked in (panel["datasource"], *(target["datasource"] for target in panel["targets"])):
            assert sources[asked["uid"]]["type"] == asked["type"], panel["title"]


def test_a_board_can_be_provisioned(board: dict[str, Any]) -> None:
    assert "id" not in board
    assert board["schemaVersion"] >= 36
    assert re.fullmatch(r"[a-z-]{1,40}", board["uid"])
    assert board["time"]["to"] == "now"
    uids = {other["uid"] for other in BOARDS.values()}
    assert {link["url"].removeprefix("/d/") for link in board["links"]} == uids - {board["uid"]}


def test_grafana_s_own_types_know_every_field(board: dict[str, Any]) -> None:
    """Read by the types that Grafana's makers generate from its schemas, and written again, nothing is missing."""
    register_default_plugins()
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(board)))
    assert set(_lost(board, read, "")) <= {".annotations.list.builtIn", ".templating.list.definition"}


def _lost(wrote: Any, read: Any, place: str) -> Iterator[str]:
    if isinstance(wrote, dict) and isinstance(read, dict):
        for key, value in wrote.items():
            yield from _lost(value, read[key], f"{place}.{key}") if key in read else [f"{place}.{key}"]
    elif isinstance(wrote, list) and isinstance(read, list) and len(wrote) == len(read):
        for one, other in zip(wrote, read, strict=True):
            yield from _lost(one, other, place)
    elif wrote != read:
        yield f"{place}: {wrote} became {read}"


def test_every_variable_that_is_used_is_defined_and_every_defined_one_used(board: dict[str, Any]) -> None:
    texts = [str(target) for panel in board["panels"] for target in panel.get("targets", [])]
    used = set(re.findall(r"\$\{?(?!__)(\w+)", " ".join(texts)))
    assert used == {variable["name"] for variable in board["templating"]["list"]}


def test_the_secret_of_the_data_source_comes_from_the_environment() -> None:
    secrets = [value for one in data_sources().values() for value in one.get("secureJsonData", {}).values()]
    assert secrets == ["$POSTURE_DB_PASSWORD"]


def test_the_provider_reads_where_the_documents_say_that_dashboards_go() -> None:
    provider = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "posture.yaml").read_text())["providers"][0]
    assert provider["options"]["path"] == "/etc/grafana/posture-dashboards"
