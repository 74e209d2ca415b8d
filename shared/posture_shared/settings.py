"""Settings: where they come from, which source won, and how they are shown without secrets.

Sources, last wins: defaults, TOML files (`/etc/posture/*.toml`, the user's configuration folder, `--config`),
credentials (systemd's `LoadCredential=`: files named as settings), environment (`POSTURE_*`, nested by `__`; aliases
such as `SUPABASE_HOST`), flags. A file has one table for each program (`[master]`, `[worker]`, `[publisher]`,
`[console]`), and may say `version = 1` before them: a file written for a newer version of the settings is refused as
such. Reading is pydantic-settings' work; this module adds provenance, one-line errors and masking.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, TypeVar, get_args

import platformdirs
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from posture_shared.exits import Exit, Stop

ENV_PREFIX: Final = "POSTURE_"
PROGRAMS: Final = ("master", "worker", "publisher", "console")
MASK: Final = "********"
EXAMPLE: Final = "not set; it must be"
"""Source of a value that only stands for one."""
SYSTEM_FOLDER: Final = Path("/etc/posture")
CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
"""The variable in which systemd names the folder of a service's credentials."""
FILE_VERSION: Final = 1
"""Version of the files' form; it rises when a setting in files is renamed, moved or means something else."""

Path_ = tuple[str, ...]
"""A setting's place: ("database", "host")."""


class Settings(BaseSettings):
    """Base of each program's settings; give every field a docstring, a unit and a range."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        validate_default=False,
    )


class Shown(NamedTuple):
    """One setting as `config show` prints it; secrets are masked."""

    name: str
    value: Any
    source: str
    help: str


M = TypeVar("M", bound=Settings)


class Loaded(NamedTuple, Generic[M]):
    """Settings and, for each one set, the source that won."""

    value: M
    provenance: dict[Path_, str]

    def shown(self) -> Iterator[Shown]:
        """Every setting with its value and source, in the order of the model."""
        yield from _shown(self.value, self.provenance, ())


def load(
    model: type[M],
    program: str,
    *,
    flags: Mapping[str, Any] | None = None,
    config: Path | None = None,
    aliases: Mapping[str, str] | None = None,
    folders: Sequence[Path] | None = None,
    examples: Mapping[str, Any] | None = None,
) -> Loaded[M]:
    """Read the settings of `program`.

    Args:
        model: the settings model.
        program: its table in the TOML files.
        flags: values from the command line; None values were not given. Nested names are dotted.
        config: the file of `--config`; it must exist.
        aliases: further environment variables, e.g. `{"SUPABASE_HOST": "database.host"}`; `POSTURE_*` wins.
        folders: where `*.toml` is looked for; default the system's and the user's folder.
        examples: what stands for settings that must be given, where they are only shown.

    Raises:
        Stop: with exit code 2 and one line that names the setting, its source and what is allowed.
    """
    layers: list[tuple[str, dict[str, Any]]] = [(EXAMPLE, dict(examples or {}))]
    for file in _files(config, folders):
        table = _read_toml(file, program)
        layers.append((f"file {file}", table))
    for variable, name in (aliases or {}).items():
        if os.environ.get(variable):
            layers.append((f"environment {variable}", _nest(name, os.environ[variable])))
    layers += (
        (f"credential {name}", _nest(name, value))
        for name, value in _credentials(model, _credentials_folder(program, folders))
    )
    try:
        found = EnvSettingsSource(model)()
    except (ValueError, TypeError) as error:
        raise Stop(f"a setting in the environment cannot be read: {error}", Exit.USAGE) from None
    layers.append(("environment", found))
    for name, value in (flags or {}).items():
        if value is not None:
            layers.append((f"flag --{name.partition('.')[0].replace('_', '-')}", _nest(name, value)))
    merged: dict[str, Any] = {}
    provenance: dict[Path_, str] = {}
    for source, layer in layers:
        for place, value in _leaves(layer):
            _put(merged, place, value)
            provenance[place] = f"environment {variable_of(place)}" if source == "environment" else source
    try:
        # model_validate, not the constructor: the environment is read above, where its provenance is known.
        value = model.model_validate(_Only(merged))
    except ValidationError as error:
        raise Stop(_sentence(model, error, provenance), Exit.USAGE) from None
    return Loaded(value, provenance)


class _Only(dict[str, Any]):
    """A plain mapping; named so that a reader sees that nothing else is consulted."""


def _files(config: Path | None, folders: Sequence[Path] | None) -> list[Path]:
    if folders is None:
        folders = (SYSTEM_FOLDER, Path(platformdirs.user_config_dir("posture")))
    files = [file for folder in folders for file in sorted(folder.glob("*.toml"))]
    return [*files, config] if config is not None else files


def _read_toml(file: Path, program: str) -> dict[str, Any]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Stop(f"the configuration {file} cannot be read: {error.strerror}", Exit.USAGE) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Stop(f"the configuration {file} is not TOML: {error}", Exit.USAGE) from None
    _check_version(file, content.pop("version", FILE_VERSION))
    for name in content:
        if name not in PROGRAMS:
            raise Stop(
                f"the configuration {file} has the unknown table or key '{name}' (allowed: {', '.join(PROGRAMS)})",
                Exit.USAGE,
            )
    table = content.get(program, {})
    if not isinstance(table, dict):
        raise Stop(f"the configuration {file}: '{program}' must be a table", Exit.USAGE)
    return table


def _check_version(file: Path, version: Any) -> None:
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise Stop(f"the configuration {file}: 'version' must be a whole number from 1 to {FILE_VERSION}", Exit.USAGE)
    if version > FILE_VERSION:
        raise Stop(
            f"the configuration {file} is written for version {version} of the settings, this program knows up to "
            f"{FILE_VERSION}: install the release that the file is for, or the file that was kept from before",
            Exit.USAGE,
        )


def _credentials_folder(program: str, folders: Sequence[Path] | None) -> Path | None:
    """Systemd's copy where this process is its service; else where systemd takes it from, which root may read."""
    given = os.environ.get(CREDENTIALS)
    if given:
        return Path(given)
    return SYSTEM_FOLDER / "credentials" / program if folders is None else None


def _credentials(model: type[BaseModel], folder: Path | None) -> Iterator[tuple[str, str]]:
    """What files with the names of settings hold, e.g. `broker.password`.

    Where the setting is a path, it is that of the file; an empty file says nothing.
    """
    if folder is None or not os.access(folder, os.X_OK):
        return
    for name, field in _by_name(model):
        file = folder / name
        try:
            content = file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise Stop(f"the credential {file} cannot be read: {error}", Exit.USAGE) from None
        if content:
            yield name, str(file) if Path in _kinds(field.annotation) else content


def _by_name(model: type[BaseModel], at: Path_ = ()) -> Iterator[tuple[str, FieldInfo]]:
    """Each setting with its dotted name."""
    for part, field in model.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            yield from _by_name(group, (*at, part))
        else:
            yield ".".join((*at, part)), field


def _nest(name: str, value: Any) -> dict[str, Any]:
    for part in reversed(name.split(".")):
        value = {part: value}
    result: dict[str, Any] = value
    return result


def _leaves(layer: Mapping[str, Any], at: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    for key, value in layer.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*at, key))
        else:
            yield (*at, key), value


def _put(target: dict[str, Any], place: Path_, value: Any) -> None:
    for part in place[:-1]:
        below = target.get(part)
        if not isinstance(below, dict):
            below = target[part] = {}
        target = below
    target[place[-1]] = value


def variable_of(place: Path_) -> str:
    """The environment variable that sets the setting at `place`."""
    return ENV_PREFIX + "__".join(part.upper() for part in place)


def _sentence(model: type[Settings], error: ValidationError, provenance: Mapping[Path_, str]) -> str:
    """One line: the setting, its source, what is wrong, what is allowed. Never the value of a secret."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = tuple(str(part) for part in first["loc"])
    name = ".".join(place) or "settings"
    source = provenance.get(place) or next(
        (text for known, text in provenance.items() if _related(known, place)), "default"
    )
    field = _field(model, place)
    given = "" if field is None or _is_secret(field) else f", got {first['input']!r:.80}"
    allowed = f" ({' '.join(field.description.split())})" if field is not None and field.description else ""
    if first["type"] == "missing":
        return f"setting '{name}' is missing{allowed}"
    if first["type"] == "extra_forbidden":
        return f"setting '{name}' from {source} is unknown; `config show` lists the settings"
    return f"setting '{name}' from {source}: {first['msg'][:1].lower()}{first['msg'][1:]}{given}{allowed}"


def _related(one: Path_, other: Path_) -> bool:
    """Whether one place lies in the other: a group and its setting, a list and a part of it."""
    return all(a == b for a, b in zip(one, other, strict=False))


def _field(model: type[BaseModel], place: Path_) -> FieldInfo | None:
    found: FieldInfo | None = None
    current: type[BaseModel] | None = model
    for part in place:
        if part.isdecimal():  # the place in a list, whose members' model is known already
            continue
        if current is None or part not in current.model_fields:
            return found
        found = current.model_fields[part]
        current = next((kind for kind in _kinds(found.annotation) if _is_model(kind)), None)
    return found


def _is_secret(field: FieldInfo) -> bool:
    """Whether a value of this field may hold a secret, itself or in its parts."""
    kinds = list(_kinds(field.annotation))
    parts = [part for kind in kinds if _is_model(kind) for part in kind.model_fields.values()]
    return SecretStr in kinds or any(_is_secret(part) for part in parts)


def _kinds(annotation: Any) -> Iterator[Any]:
    """The annotation and what it is made of: the members of a union, of a list."""
    yield annotation
    for part in get_args(annotation):
        yield from _kinds(part)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _shown(value: BaseModel, provenance: Mapping[Path_, str], at: Path_) -> Iterator[Shown]:
    for name, field in type(value).model_fields.items():
        yield from _shown_part(getattr(value, name), provenance, (*at, name), (field.description or "").strip())


def _shown_part(current: Any, provenance: Mapping[Path_, str], place: Path_, about: str) -> Iterator[Shown]:
    if isinstance(current, BaseModel):
        yield from _shown(current, provenance, place)
    elif isinstance(current, dict) and current:  # each entry has a source of its own
        for name, part in current.items():
            yield from _shown_part(part, provenance, (*place, str(name)), about)
    else:
        plain = MASK if isinstance(current, SecretStr) else current
        yield Shown(".".join(place), plain, provenance.get(place, "default"), about)
