"""The alert rules: well-formed, each tested by promtool, each with a page that says what to do."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.prometheus import SHIPPED
from support.scrape import promtool

TESTS = Path(__file__).with_name("alert_rules.yaml")
ROOT = Path(__file__).resolve().parents[2]
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((SHIPPED / "rules" / "posture.yml").read_text())["groups"]
    for rule in group["rules"]
]


@pytest.fixture(params=RULES, ids=[rule["alert"] for rule in RULES])
def rule(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(request.param)


def test_each_rule_is_quiet_while_all_is_well_and_fires_with_its_words() -> None:
    done = promtool("test", "rules", TESTS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_rule_is_without_such_a_test(rule: dict[str, Any]) -> None:
    cases = [
        case
        for test in yaml.safe_load(TESTS.read_text())["tests"]
        for case in test["alert_rule_test"]
        if case["alertname"] == rule["alert"]
    ]
    assert [bool(case["exp_alerts"]) for case in cases] == [False, True]


def test_scrape_configuration_and_rules_are_what_prometheus_takes() -> None:
    for name in ("prometheus.yml", "kubernetes.yml"):
        done = promtool("check", "config", SHIPPED / name)
        assert done.returncode == 0, done.stdout + done.stderr


def test_in_kubernetes_the_same_is_scraped_and_the_workers_pods() -> None:
    here, there = (yaml.safe_load((SHIPPED / name).read_text()) for name in ("prometheus.yml", "kubernetes.yml"))
    workers = there["scrape_configs"].pop()
    assert there == here
    assert workers["job_name"] == "posture-worker"
    assert workers["dns_sd_configs"][0]["names"] == ["posture-worker-metrics.posture.svc"]


def test_each_rule_says_how_bad_it_is_and_where_its_runbook_is(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in [heading.lower().replace(" ", "-") for heading in headings]
