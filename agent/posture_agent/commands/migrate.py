"""`posture-agent migrate`."""

import click


@click.command()
@click.option("--admin-url", required=True, metavar="URL", help="postgresql://USER@HOST/DATABASE of the tables' owner.")
@click.option(
    "--writer", metavar="ROLE", help="Also let this login insert, and only that; or make it a posture_writer."
)
@click.option("--reader", "readers", multiple=True, metavar="ROLE", help="With --writer: roles that read (dashboards).")
def migrate(admin_url: str, writer: str | None, readers: tuple[str, ...]) -> None:
    """Create the tables in PostgreSQL, or upgrade those of an older installation in place.

    Nothing is lost and nothing is done twice; the password may come from PGPASSWORD. Row level security is switched
    on; the master itself needs only a login that may insert.
    """
    from posture_agent.store import migrate as store  # noqa: PLC0415 - psycopg2 is loaded only when used
    from posture_shared.exits import Exit, Stop  # noqa: PLC0415

    if readers and writer is None:
        raise Stop("--reader goes with --writer", Exit.USAGE)
    applied = store.migrate(admin_url)
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("up to date")
    if writer is not None:
        store.grant(admin_url, writer=writer, readers=readers)
        click.echo(f"{writer} may insert")
