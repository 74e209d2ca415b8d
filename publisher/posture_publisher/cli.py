"""The command line of the publisher: `run`, `doctor`, `install`, `config show`. Commands import what is heavy."""

import json
from pathlib import Path
from typing import Any, Final

import click

from posture_publisher.settings import PublisherSettings, broker_address
from posture_shared import __version__, exits
from posture_shared.install_report import options as install_options
from posture_shared.log import setup
from posture_shared.settings import Loaded, load

_FLAGS: Final = {
    "spool": "spool.folder",
    "user": "broker.user",
    "protocol": "broker.protocol",
    "tls": "broker.tls",
    "tls_ca": "broker.tls_ca",
}
"""Flags whose setting stands in a group."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="posture-publisher")
def cli() -> None:
    """Publish a camera's pictures for posture analysis, and keep each until the master has it."""


def _settings_options(command: Any) -> Any:
    """The flags that `run` and `config show` share; each is a setting."""
    path = click.Path(path_type=Path)
    options = [
        click.option("--pi-id", help="The camera's name; its topic is images/<pi_id>."),
        click.option("--broker", metavar="HOST[:PORT]", help="The MQTT broker; default 127.0.0.1:1883."),
        click.option(
            "--source",
            help="camera:N, picamera, rtsp://…, video:FILE, dir:FOLDER (in name order), synthetic[:SCRIPT].",
        ),
        click.option("--fps", type=float, help="Frames a second; default 2."),
        click.option("--size", metavar="WxH", help="The most that a picture may measure, pixels."),
        click.option("--quality", type=int, help="JPEG quality, 30-100; default 85."),
        click.option("--payload", type=click.Choice(["jpeg", "base64"]), help="How the picture travels."),
        click.option("--loop", is_flag=True, default=None, help="Begin again at the end of a file or folder."),
        click.option("--replicas", type=int, metavar="N", help="Publish as N cameras, for load tests; figures as CSV."),
        click.option("--spool", type=path, metavar="DIR", help="Keep unconfirmed frames on disk, not in memory."),
        click.option("--ledger", type=path, metavar="FILE", help="One line for each published frame."),
        click.option("--protocol", type=click.Choice(["5", "311"]), help="MQTT version; default 5."),
        click.option("--user", help="Broker login; the password comes from POSTURE_BROKER__PASSWORD or a file."),
        click.option("--tls", is_flag=True, default=None, help="Encrypt, trusting the system's authorities."),
        click.option("--tls-ca", type=path, metavar="FILE", help="Encrypt, trusting this authority alone."),
        click.option("--metrics-listen", metavar="ADDRESS", help="Address for /metrics and health; default 127.0.0.1."),
        click.option("--metrics-port", metavar="PORT|off", help="Port for /metrics, /healthz, /readyz; default off."),
        click.option("--config", type=path, metavar="FILE", help="A TOML file with a table [publisher]."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@cli.command()
@_settings_options
def run(**flags: Any) -> int:
    """Capture and publish until the source ends or a signal comes.

    The script of a synthetic source has one line a key frame, SECONDS NECK BODY [left|right] [sit|desk|stand], with
    angles in degrees from the vertical, forward positive; what stands between two lines is interpolated.
    """
    settings = _load(flags).value
    settings.require_camera()
    setup(style=settings.log_style, level=settings.log_level)
    from posture_publisher.daemon import Daemon  # noqa: PLC0415 - with OpenCV and MQTT: --help must not wait for it
    from posture_publisher.monitoring import monitored  # noqa: PLC0415 - likewise
    from posture_publisher.sources import open_source  # noqa: PLC0415 - likewise
    from posture_shared.service import Service  # noqa: PLC0415 - likewise

    service = Service.of_this_process()
    source = open_source(
        settings.source, fps=settings.fps, size=settings.size_px, quality=settings.quality, loop=settings.loop
    )
    if settings.replicas > 1:
        from posture_publisher.replicas import publish  # noqa: PLC0415 - likewise

        return publish(settings, source, service)
    daemon = Daemon(settings, source, service)
    with monitored(settings, [lambda: daemon.glance]):
        return daemon.run()


@cli.command()
@_settings_options
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def doctor(*, as_json: bool, **flags: Any) -> int:
    """Look at everything that the camera needs; one line each with what to do. Exit 1 when something is not well."""
    from posture_publisher.doctor import checks  # noqa: PLC0415 - keeps --help fast
    from posture_shared.checks import examine, report  # noqa: PLC0415

    return report(examine(checks(_load(flags).value)), as_json=as_json)


@cli.command()
@_settings_options
@install_options
def install(*, root: Path, dry_run: bool, **flags: Any) -> None:
    """Make a systemd service of this camera: unit, user, folders, a commented configuration with the flags given here.

    Run it as root from a virtual environment of its own, e.g. /opt/posture. It may be run again after each upgrade:
    configuration and credentials that are there stay as they are.
    """
    from posture_publisher.service import make_service  # noqa: PLC0415 - keeps --help fast

    make_service(_dotted(flags), root=root, dry_run=dry_run)


@cli.group()
def config() -> None:
    """Settings and where they come from."""


@config.command()
@_settings_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(*, as_json: bool, **flags: Any) -> None:
    """Every setting with its value and source; secrets are masked."""
    shown = list(_load(flags).shown())
    if as_json:
        click.echo(json.dumps({item.name: {"value": item.value, "source": item.source} for item in shown}, default=str))
        return
    width = max(len(item.name) for item in shown)
    for item in shown:
        click.echo(f"{item.name:<{width}}  {'' if item.value is None else item.value}  ({item.source})")


def _load(flags: dict[str, Any]) -> Loaded[PublisherSettings]:
    config_file = flags.pop("config")
    return load(PublisherSettings, "publisher", flags=_dotted(flags), config=config_file)


def _dotted(flags: dict[str, Any]) -> dict[str, Any]:
    """The flags by the names of their settings."""
    broker = flags.pop("broker")
    given = {_FLAGS.get(name, name): value for name, value in flags.items()}
    if broker is not None:
        given["broker.host"], given["broker.port"] = broker_address(broker)
    return given


def main() -> None:
    """Entry point."""
    exits.run(cli)
