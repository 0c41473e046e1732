"""What migrations share: running an SQL file, and saying which code can work with the tables."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy import text

_FOLDER = Path(__file__).with_name("sql")


def run_script(name: str) -> None:
    """Run `sql/<name>.sql`. Names in it stand without schema: the search path is set."""
    script = (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    # Without parameters psycopg sends it as it is: several statements, percent signs.
    op.get_bind().exec_driver_sql(script, execution_options={"no_parameters": True})


def declare(tables: int, oldest_code: int) -> None:
    """From here on the tables have this number, and code from `oldest_code` on works with them."""
    op.execute("DELETE FROM compatibility")
    values = text("INSERT INTO compatibility (tables, oldest_code) VALUES (:tables, :oldest_code)")
    op.execute(values.bindparams(tables=tables, oldest_code=oldest_code))
