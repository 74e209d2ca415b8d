"""Every alarm that the code can raise has a section that says what it means and what to do, and no other has."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "agent" / "posture_agent"
TELLERS = {"_on_alarm", "on_alarm", "_alarm"}


def kinds() -> Iterator[str]:
    """The first word of every call that tells of an alarm, and the lists of kinds."""
    for file in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        module = ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield from (kind for word in told(node) if (kind := text(word, module)) is not None)


def told(call: ast.Call) -> Iterator[ast.expr]:
    """Where the call, or a function that it hands on, tells of an alarm: the kind."""
    if named(call.func) in TELLERS or ast.unparse(call.func).endswith("alarms.set"):
        yield from call.args[:1]
    for at, argument in enumerate(call.args[:-1]):
        if named(argument) in TELLERS:
            yield call.args[at + 1]


def named(expression: ast.expr) -> str:
    return expression.attr if isinstance(expression, ast.Attribute) else getattr(expression, "id", "")


def text(expression: ast.expr, module: str) -> str | None:
    """A literal, or a constant of the module; anything else is handed on from where it is one of these."""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        return expression.value
    if isinstance(expression, ast.Name) and expression.id.isupper():
        return str(getattr(importlib.import_module(module), expression.id))
    return None


def of_cameras() -> tuple[str, ...]:
    return tuple(importlib.import_module("posture_agent.master.cameras.alarms").KINDS)


def test_every_alarm_has_its_section() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    alarms = page.partition("\n## Alarms\n")[2].partition("\n## ")[0]
    explained = re.findall(r"^### (\w+)$", alarms, re.MULTILINE)
    raised = {*kinds(), *of_cameras()}
    assert {"broker", "database", "store", "webhook", "kubernetes", "camera_black"} <= raised
    assert sorted(raised - set(explained)) == [], "raised, but not explained"
    assert sorted(set(explained) - raised) == [], "explained, but never raised"
    assert sorted(explained) == sorted(set(explained))
