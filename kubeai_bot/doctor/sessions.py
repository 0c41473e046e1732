"""Where sessions are kept: whether it opens, takes writes, and has the tables of this version. Only looked at."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kubeai_bot.assembly.store import keeping
from kubeai_bot.doctor.bounds import bounded
from kubeai_bot.doctor.finding import Finding, fault, ok, outage, warning
from kubeai_bot.errors import ConfigError, StoreError
from kubeai_bot.settings.environment import Settings

if TYPE_CHECKING:
    from kubeai_bot.stores.postgres.looking import DatabaseSeen


async def look_at_sessions(settings: Settings) -> tuple[Finding, ...]:
    match settings.session_type:
        case "postgres":
            return await bounded("sessions.database", _database(settings), "the database")
        case "filesystem":
            return await bounded("sessions.files", _files(settings), "the file system")
        case "memory":
            return (ok("sessions.memory", f"sessions are kept {keeping(settings)}"),)


async def _files(settings: Settings) -> Finding:
    from kubeai_bot.stores.filesystem.looking import look_at_folder  # noqa: PLC0415 - only where it is used

    check, root = "sessions.files", settings.sessions_path
    try:
        holder = await asyncio.to_thread(look_at_folder, root)
    except ConfigError as error:
        return fault(
            check, error.faults[0], "Mount a writable volume there, or set SESSIONS_DIR to a folder of the bot's."
        )
    if holder:
        fix = "Fine if that is this bot, running. A second one needs SESSIONS_DIR of its own, or SESSION_TYPE=postgres."
        return warning(check, f"{root} is in use by {holder}", fix)
    there = await asyncio.to_thread(root.exists)
    return ok(check, f"{root} can be written" if there else f"{root} will be made at the first start")


async def _database(settings: Settings) -> tuple[Finding, ...]:
    from kubeai_bot.stores.postgres.looking import look_at_database  # noqa: PLC0415 - only where it is used

    check = "sessions.database"
    url, migration_url = settings.database_url, settings.database_migration_url
    try:
        seen = await look_at_database(
            url.get_secret_value() if url else "",
            settings.database_schema,
            migration_url.get_secret_value() if migration_url else None,
        )
    except ConfigError as error:
        return tuple(
            fault(check, each, "Correct DATABASE_URL, or run the version that wrote the tables.")
            for each in error.faults
        )
    except StoreError as error:
        fix = "Start the database, or correct host, port, user, password and database of DATABASE_URL."
        return (outage(check, str(error), fix),)
    reached = ok(check, f"PostgreSQL {seen.version} answers: database {seen.place}, user {seen.user}")
    if seen.read_only:
        fix = "Let DATABASE_URL lead to the primary: target_session_attrs=read-write with several hosts."
        return reached, outage("sessions.writes", "the database is read-only", fix)
    return reached, _tables(seen)


def _tables(seen: DatabaseSeen) -> Finding:
    check = "sessions.tables"
    schema, user, migrator = f'"{seen.schema}"', f'"{seen.user}"', f'"{seen.migrator}"'
    if seen.schema_there and not seen.may_enter:
        fix = f"GRANT USAGE ON SCHEMA {schema} TO {user};"
        return fault(check, f"user {seen.user} may not use the schema {seen.schema}", fix)
    if seen.ready:
        if seen.lacking:
            says = f"user {seen.user} lacks rights in schema {seen.schema}: {', '.join(seen.lacking)}"
            fix = (
                f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {user};"
                f" GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {user};"
            )
            return fault(check, says, fix)
        return ok(check, f"the tables in schema {seen.schema} are those of this version")
    if seen.may_migrate:
        return ok(check, f"the tables will be {'brought up' if seen.schema_there else 'made'} at the first start")
    if seen.schema_there:
        fix = (
            f"ALTER SCHEMA {schema} OWNER TO {migrator}; or give DATABASE_MIGRATION_URL the user that owns its tables."
        )
        return fault(check, f"user {seen.migrator} may not make or change tables in schema {seen.schema}", fix)
    fix = (
        f'GRANT CREATE ON DATABASE "{seen.database}" TO {migrator};'
        f" or let an administrator: CREATE SCHEMA {schema} AUTHORIZATION {migrator};"
    )
    return fault(check, f"schema {seen.schema} is not there, and user {seen.migrator} may not make it", fix)
