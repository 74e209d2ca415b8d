"""Settings of the PostgreSQL database, and the one way to connect to it with time limits."""

from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

import psycopg2
import psycopg2.extensions
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

ALIASES: Final = {
    "SUPABASE_HOST": "database.host",
    "SUPABASE_DB": "database.name",
    "SUPABASE_USER": "database.user",
    "SUPABASE_PASSWORD": "database.password",
    "SUPABASE_PORT": "database.port",
    "SUPABASE_SSL": "database.ssl",
}
"""Environment variables that existing installations set, and the setting each one is."""


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not a known time zone, e.g. UTC or Europe/Berlin")
    return name


class DatabaseSettings(BaseModel):
    """The database that rows are drained to; without a host, `posture.db` is the only store."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    host: str | None = None
    """The PostgreSQL server's name or address; empty: rows stay in posture.db."""
    port: Annotated[int, Field(ge=1, le=65535)] = 5432
    """The PostgreSQL server's port, 1-65535."""
    name: str = "postgres"
    """The database."""
    user: str = "postgres"
    """The role; being allowed to insert is enough."""
    password: SecretStr | None = None
    """The role's password."""
    ssl: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = "prefer"
    """How TLS is asked for (libpq's sslmode): disable, allow, prefer, require (encrypted, to whom is not known),
    verify-ca (a certificate of `ssl_ca`), verify-full (and for this host)."""
    ssl_ca: str | None = None
    """File with the authority that signed the server's certificate (PEM; Supabase: the project's own), or `system` for
    those that the system trusts, which goes with verify-full; empty: `~/.postgresql/root.crt`."""
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    """Zone of received_time and analyzed_time where the table has them without one."""

    @property
    def configured(self) -> bool:
        """Whether there is a database at all."""
        return bool(self.host)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of columns without one."""
        return ZoneInfo(self.time_zone)

    def dsn(self) -> str:
        """Libpq's connection string; holds the password, so never log it."""
        return psycopg2.extensions.make_dsn(
            host=self.host,
            port=self.port,
            dbname=self.name,
            user=self.user,
            password=self.password.get_secret_value() if self.password else None,
            sslmode=self.ssl,
            sslrootcert=self.ssl_ca,
        )


def connect(dsn: str, *, program: str = "posture-agent", timeout_s: int = 5) -> psycopg2.extensions.connection:
    """A connection that notices a dead peer within seconds.

    Nothing of the session is changed (poolers hand sessions on); statements limit their own time.
    """
    return psycopg2.connect(
        dsn,
        connect_timeout=timeout_s,
        application_name=program,
        keepalives=1,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
    )
