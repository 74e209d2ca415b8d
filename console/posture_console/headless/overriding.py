"""The verbs that override placement, and those that give the decision back."""

import msgspec

from posture_console.core.overriding import Asked, doubts, override_words, scope_words, target_words
from posture_console.headless.output import say_facts, say_json
from posture_console.headless.posture import commanded
from posture_console.links.master_link import MasterLink
from posture_shared.records import Override


async def set_override(link: MasterLink, *, as_json: bool, timeout_s: float, asked: Asked) -> None:
    """Have work analysed where the operator says."""
    body = await commanded(link, "override_set", asked.args(), timeout_s=timeout_s)
    override = msgspec.convert(body, Override)
    if as_json:
        say_json(override)
        return
    say_facts([("override", override_words(override, link.store))])
    say_facts([("note", doubt) for doubt in doubts([asked.scope], asked.target, link.store)])


async def clear_override(link: MasterLink, *, as_json: bool, timeout_s: float, scope: str) -> None:
    """Let the policy decide again."""
    body = await commanded(link, "override_clear", {"scope": scope}, timeout_s=timeout_s)
    override = msgspec.convert(body, Override)
    if as_json:
        say_json(override)
        return
    where = target_words(override.target, link.store)
    say_facts([("cleared", f"{scope_words(scope)} to {where}; set by {override.author}: {override.reason}")])
