"""What a release is made of is written down, audited where that can be, and built the same way everywhere."""

import importlib.util
import json
import re
import subprocess
import sys
import types
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"


def script(name: str) -> types.ModuleType:
    """A program of `scripts/` as a module."""
    loader = SourceFileLoader(name, str(ROOT / "scripts" / name))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    done = subprocess.run([sys.executable, ROOT / "scripts" / "sbom"], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_bill_names_every_locked_package_of_the_image_with_hashes(bill: dict[str, Any]) -> None:
    named = {f"{one['name']}=={one['version']}": one for one in bill["components"] if one["type"] == "library"}
    pinned = re.findall(r"^([\w.-]+==[^\s;]+)", (ROOT / "locks" / "agent.lock").read_text(), re.MULTILINE)
    left_out = {pin.partition("==")[0] for pin in pinned} - {name.partition("==")[0] for name in named}
    assert left_out <= {"colorama", "tzdata", "opencv-contrib-python"}, "what a marker keeps off Linux"
    assert set(named) <= set(pinned)
    assert all(one["hashes"] for one in named.values())
    assert named["numpy==" + bill_version(pinned, "numpy")]["purl"].startswith("pkg:pypi/numpy@")


def bill_version(pinned: list[str], name: str) -> str:
    return next(pin.partition("==")[2] for pin in pinned if pin.startswith(f"{name}=="))


def test_the_bill_keeps_to_the_schema(bill: dict[str, Any]) -> None:
    schema = JsonStrictValidator(SchemaVersion.from_version(bill["specVersion"]))
    assert schema.validate_str(json.dumps(bill)) is None
    wrong = {**bill, "components": [{**bill["components"][0], "type": "gadget"}]}
    assert schema.validate_str(json.dumps(wrong)) is not None


def test_the_bill_is_cyclonedx_and_the_same_each_time(bill: dict[str, Any]) -> None:
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", bill["serialNumber"])
    references = [one["bom-ref"] for one in bill["components"]]
    assert len(set(references)) == len(references)
    assert bill["dependencies"] == [{"ref": "posture-edge", "dependsOn": references}]
    assert any(one["type"] == "machine-learning-model" for one in bill["components"])
    assert json.loads(json.dumps(script("sbom").document(None))) == bill


REPORT = {
    "dependencies": [
        {
            "name": "a",
            "version": "1",
            "vulns": [{"id": "CVE-1", "fix_versions": ["1.1"]}, {"id": "X", "fix_versions": []}],
        },
        {"name": "b", "version": "2", "vulns": []},
        {"name": "c", "version": "3", "skip_reason": "not found"},
    ]
}


def test_the_audit_counts_what_was_looked_up_and_names_what_was_found() -> None:
    audited, lines = script("audit").judged(json.dumps(REPORT))
    assert audited == 2
    assert lines == ["a 1: CVE-1, fixed in 1.1", "a 1: X, fixed in no version yet"]


def test_the_audit_fails_by_what_it_found_and_never_by_being_offline(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = script("audit")
    monkeypatch.setattr(audit, "audit", lambda: json.dumps(REPORT))
    assert audit.main() == 1
    unknown = {"dependencies": [one for one in REPORT["dependencies"] if "skip_reason" in one]}
    monkeypatch.setattr(audit, "audit", lambda: json.dumps(unknown))
    assert audit.main() == 0
    assert "nothing was audited" in capsys.readouterr().err


def test_the_audit_waits_for_nothing_longer_than_it_says() -> None:
    audit = script("audit")
    with pytest.raises(audit.Unreachable, match=r"its data: no answer within 0\.05 s"):
        audit.run("its data", ["sleep", "30"], 0.05)
    with pytest.raises(audit.Unreachable, match="its data: no route"):
        audit.run("its data", ["sh", "-c", "echo no route >&2; exit 2"], 10)


@pytest.fixture(scope="module")
def workflow() -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return found


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_the_workflow_runs_what_ci_run_runs(workflow: dict[Any, Any]) -> None:
    assert [step["run"] for step in workflow["jobs"]["checks"]["steps"] if "run" in step][-1] == ".ci/run"
    assert workflow["jobs"]["checks"]["container"] == "debian:12"
    triggers = workflow[True]  # YAML 1.1 reads the key `on` so
    assert {"push", "pull_request", "schedule"} <= set(triggers)


def test_the_workflow_builds_for_both_kinds_of_machine(workflow: dict[Any, Any]) -> None:
    builds = [step["run"] for step in workflow["jobs"]["image"]["steps"] if "buildx bake push" in step.get("run", "")]
    assert len(builds) == 1
    bake = (ROOT / "docker-bake.hcl").read_text(encoding="utf-8")
    target = bake.partition('target "push"')[2]
    assert '"linux/amd64", "linux/arm64"' in target


def test_every_action_is_pinned_and_nothing_may_write(workflow: dict[Any, Any]) -> None:
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)] == []
    assert workflow["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 90 for job in workflow["jobs"].values())
    checkouts = [step for step in steps(workflow) if "checkout" in step.get("uses", "")]
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


def test_every_make_target_of_the_workflow_exists(workflow: dict[Any, Any]) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    asked = {name for step in steps(workflow) for name in re.findall(r"^make ([a-z-]+)", step.get("run", ""))}
    assert asked
    assert asked <= targets
