"""The verb `contexts`: the sites of the configuration. Asks no master."""

from typing import Any

from posture_console.headless.output import say_facts, say_json
from posture_console.settings import ConsoleSettings, Context


def show_contexts(settings: ConsoleSettings, *, as_json: bool) -> None:
    """Every named site: address, key, look, what may be done there, and which one is used unless another is named."""
    if as_json:
        say_json([_as_json(name, site, settings) for name, site in settings.contexts.items()])
    elif not settings.contexts:
        say_facts([("contexts", "none: name sites in the configuration, [console.contexts.NAME] with connect = …")])
    else:
        say_facts([(name, _words(name, site, settings)) for name, site in settings.contexts.items()])


def _as_json(name: str, site: Context, settings: ConsoleSettings) -> dict[str, Any]:
    return {
        "name": name,
        "connect": site.connect,
        "key": None if site.key is None else str(site.key),
        "theme": site.theme,
        "production": site.production,
        "read_only": site.read_only,
        "chosen": name == settings.context,
    }


def _words(name: str, site: Context, settings: ConsoleSettings) -> str:
    parts = [site.connect]
    parts += [f"key {site.key}"] if site.key is not None else []
    parts += [site.theme] if site.theme is not None else []
    parts += ["production"] if site.production else []
    parts += ["read-only"] if site.read_only else []
    parts += ["chosen"] if name == settings.context else []
    return ", ".join(parts)
