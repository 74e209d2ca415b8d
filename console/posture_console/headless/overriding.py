"""The verbs that override placement, and those that give the decision back."""

import time

import msgspec

from posture_console.core.overriding import (
    Asked,
    doubts,
    effect_words,
    override_words,
    placed_words,
    policy_words,
    scope_words,
    standing_words,
    target_words,
)
from posture_console.headless.output import say_facts, say_json
from posture_console.headless.posture import commanded
from posture_console.links.master_link import MasterLink
from posture_shared.records import Override


async def preview(link: MasterLink, *, as_json: bool, asked: Asked) -> None:
    """What an override would change, and what the policy would do instead; nothing is sent."""
    store, scopes = link.store, [asked.scope]
    now = store.now(time.monotonic())
    told = {
        "now": placed_words(scopes, store),
        "in force": standing_words(scopes, store, now),
        "then": effect_words(scopes, asked.target, asked.for_s, store),
        "without": policy_words(store),
    }
    notes = doubts(scopes, asked.target, store)
    if as_json:
        say_json({**asked.args(), **{name.replace(" ", "_"): text for name, text in told.items()}, "notes": notes})
        return
    say_facts([*told.items(), *(("note", note) for note in notes)])


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
