"""`posture-agent`: the commands of master and worker nodes."""

import click

from posture_shared import __version__
from posture_shared.exits import run
from posture_shared.lazy import LazyGroup

COMMANDS = {
    "master": ("posture_agent.commands.master:master", "Receive frames, lease them to workers, store results."),
    "worker": ("posture_agent.commands.worker:worker", "Analyse frames for a master."),
    "model": ("posture_agent.commands.model:model", "Install the pose model."),
    "analyze": ("posture_agent.commands.analyze:analyze", "Analyse picture files, without a broker."),
    "keys": ("posture_agent.commands.keys:keys", "Create, list and revoke keys."),
    "migrate": ("posture_agent.commands.migrate:migrate", "Create or upgrade the tables in PostgreSQL."),
    "outbox": ("posture_agent.commands.outbox:outbox", "Look into the store of rows not yet in PostgreSQL."),
    "retention": ("posture_agent.commands.retention:retention", "Remove old pictures and rows, or say what would go."),
    "forget": ("posture_agent.commands.forget:forget", "Remove what a camera saw in a span of time."),
    "doctor": ("posture_agent.commands.doctor:doctor", "Look at everything that the program needs; say what to do."),
    "install": ("posture_agent.commands.install:install", "Make a systemd service of the master or a worker."),
    "stop-jobs": ("posture_agent.commands.stop_jobs:stop_jobs", "Delete the workers' Jobs in Kubernetes."),
    "config": ("posture_agent.commands.config:config", "Show settings and where they come from."),
}


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="posture-agent")
def cli() -> None:
    """Posture Edge on master and worker nodes.

    Every setting can also come from a TOML file or the environment; `posture-agent config show` lists them with
    their sources.
    """


def main() -> None:
    """Entry point."""
    run(cli)
