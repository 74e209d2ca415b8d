"""What `doctor` is made of: checks that look at one thing each and say in words what is and what to do.

A check returns findings and never raises for what it looks at; what it does raise becomes a finding too, so that one
broken thing hides no other. Texts hold no secrets.
"""

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLong
from typing import Final, Literal, NamedTuple

import click
import msgspec

from posture_shared.exits import Exit, Stop
from posture_shared.text import harmless_json, one_line

State = Literal["ok", "warning", "failed", "skipped"]
_PATIENCE_S: Final = 90.0
_SHOWN: Final = {"ok": "ok", "warning": "warning", "failed": "FAILED", "skipped": "-"}


class Finding(msgspec.Struct, frozen=True):
    """What one look found. `advice`: what to do, for whatever is not well."""

    check: str
    state: State
    text: str
    advice: str = ""


class Check(NamedTuple):
    """One thing to look at."""

    name: str
    look: Callable[[], Finding | Iterable[Finding]]


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", text)


def warning(check: str, text: str, advice: str) -> Finding:
    """It works, and will not always."""
    return Finding(check, "warning", text, advice)


def failed(check: str, text: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(check, "failed", text, advice)


def skipped(check: str, text: str) -> Finding:
    """There is nothing to look at."""
    return Finding(check, "skipped", text)


def examine(checks: Sequence[Check], *, patience_s: float = _PATIENCE_S) -> list[Finding]:
    """The findings of all checks, in their order; the checks run at once."""
    looks = [(check, _begun(check)) for check in checks]
    return [finding for check, look in looks for finding in _finished(check, look, patience_s)]


def report(findings: Sequence[Finding], *, as_json: bool) -> Exit:
    """Print the findings, one a line; says whether all is well."""
    if as_json:
        built = [msgspec.to_builtins(finding) for finding in findings]
        click.echo(harmless_json(json.dumps(built, ensure_ascii=False)))
    else:
        width = max((len(finding.check) for finding in findings), default=0)
        for finding in findings:
            advice = f" -> {finding.advice}" if finding.advice else ""
            click.echo(one_line(f"{_SHOWN[finding.state]:<8} {finding.check:<{width}}  {finding.text}{advice}"))
    return Exit.NOT_WELL if any(finding.state == "failed" for finding in findings) else Exit.DONE


def masked(text: str, *secrets: str | None) -> str:
    """`text` on one line, without the secrets that a library may have put into its error."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "********")
    return one_line(text.strip(), 300)


def _begun(check: Check) -> Future[Finding | Iterable[Finding]]:
    """The check, running in a thread that keeps no program from its end: a pool's would be waited for, hung or not."""
    looked: Future[Finding | Iterable[Finding]] = Future()

    def look() -> None:
        try:
            looked.set_result(check.look())
        except BaseException as error:  # noqa: BLE001 - handed on to who waits
            looked.set_exception(error)

    threading.Thread(target=look, name=f"check-{check.name}", daemon=True).start()
    return looked


def _finished(check: Check, look: Future[Finding | Iterable[Finding]], patience_s: float) -> list[Finding]:
    try:
        found = look.result(patience_s)
    except Stop as stop:
        return [failed(check.name, stop.sentence, "")]
    except TooLong:
        return [failed(check.name, f"no answer within {patience_s:g} s", "see whether the machine is overloaded")]
    except Exception as error:  # noqa: BLE001 - a defect of one check must not hide what the others found
        return [failed(check.name, f"the check failed: {type(error).__name__}: {masked(str(error))}", "report this")]
    return [found] if isinstance(found, Finding) else list(found)
