"""Where the database is: every form of address that libpq knows, parsed by libpq itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from kubeai_bot.errors import ConfigError

_DEFAULTS = {
    "connect_timeout": "5",
    "application_name": "kubeai-bot",
    # A peer that vanished without a word is noticed within about half a minute instead of hours.
    "keepalives_idle": "20",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""Used where the address says nothing else. No startup `options`: transaction-mode poolers refuse them."""


@dataclass(frozen=True)
class Dsn:
    """A parsed address. `parameters` are libpq's connection keywords and hold the password; `place` names the server
    and the database for messages, without user or password."""

    parameters: dict[str, Any] = field(repr=False)
    place: str

    @property
    def password(self) -> str:
        return str(self.parameters.get("password") or "")


def parse_dsn(url: str, variable: str = "DATABASE_URL") -> Dsn:
    """Reads `postgres://…`, `postgresql://…`, `postgresql+driver://…` and `key=value` strings
    (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING).

    Raises ConfigError that names `variable` and never repeats what stands in it.
    """
    scheme, separator, rest = url.strip().partition("://")
    if separator and scheme.partition("+")[0] not in {"postgres", "postgresql"}:
        raise ConfigError([f"{variable} must begin with postgres:// or postgresql://, or be a libpq key=value string"])
    try:
        given = conninfo_to_dict(f"postgresql://{rest}" if separator else url.strip())
    except ProgrammingError:
        # libpq's own message repeats the string, password and all.
        fault = (
            f"{variable} cannot be read as a PostgreSQL address: expected postgres://user:password@host:5432/database,"
            " with special characters in user and password percent-encoded"
        )
        raise ConfigError([fault]) from None
    parameters = _DEFAULTS | given
    if "," in str(parameters.get("host", "")):
        # After a failover the first host that answers may be a standby.
        parameters.setdefault("target_session_attrs", "read-write")
    return Dsn(parameters, _place(parameters))


def _place(parameters: dict[str, Any]) -> str:
    host = str(parameters.get("host") or parameters.get("hostaddr") or "the default host")
    port = str(parameters.get("port") or "")
    database = str(parameters.get("dbname") or parameters.get("user") or "the default database")
    return f"{database!r} at {host}{':' + port if port and not host.startswith('/') else ''}"
