"""Where sessions are kept, and for how long."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubeai_bot.errors import ConfigError
from kubeai_bot.settings.environment import Settings

URL = "postgres://kubeai:s3%40cret@db.example.com:5432/kubeai?sslmode=require"


def faults_of(environ) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Settings.load(environ)
    return list(caught.value.faults)


def only_fault(environ) -> str:
    (fault,) = faults_of(environ)
    return fault


@pytest.fixture
def postgres(working) -> dict[str, str]:
    return working | {"SESSION_TYPE": "postgres", "DATABASE_URL": URL}


def test_postgres_needs_a_url(working):
    assert "SESSION_TYPE=postgres needs it" in only_fault(working | {"SESSION_TYPE": "postgres"})


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "postgresql://db/kubeai",
        "postgresql+psycopg://u:p@db/kubeai",
        "postgres://u:p@one:5432,two:5433/kubeai?target_session_attrs=read-write",
        "postgres:///kubeai?host=/var/run/postgresql",
        "postgres://u@%2Fvar%2Frun%2Fpostgresql/kubeai",
        "postgres://u:p@[::1]:5432/kubeai?options=-csearch_path%3Dkubeai",
    ],
)
def test_every_form_of_a_libpq_url_is_taken(postgres, url):
    settings = Settings.load(postgres | {"DATABASE_URL": url})
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == url


@pytest.mark.parametrize("url", ["mysql://db/x", "db.example.com/x", "postgres://", "postgres://db/x y"])
def test_what_is_no_url_of_postgres_is_refused_without_being_shown(postgres, url):
    fault = only_fault(postgres | {"DATABASE_URL": url})
    assert fault == "DATABASE_URL cannot be used: give a URL that begins with postgres:// or postgresql://."


def test_the_url_may_stand_in_a_file(working, tmp_path: Path):
    path = tmp_path / "url"
    path.write_text(URL + "\n", encoding="utf-8")
    settings = Settings.load(working | {"SESSION_TYPE": "postgres", "DATABASE_URL_FILE": str(path)})
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == URL


def test_a_file_without_a_usable_url_is_a_fault_that_does_not_show_it(working, tmp_path: Path):
    path = tmp_path / "url"
    path.write_text("mysql://u:s3cret@db/x", encoding="utf-8")
    fault = only_fault(working | {"SESSION_TYPE": "postgres", "DATABASE_URL_FILE": str(path)})
    assert str(path) in fault
    assert "s3cret" not in fault
    missing = only_fault(working | {"SESSION_TYPE": "postgres", "DATABASE_URL_FILE": str(tmp_path / "none")})
    assert "cannot be read: No such file" in missing


def test_a_url_and_a_file_with_one_are_one_too_many(postgres, tmp_path: Path):
    path = tmp_path / "url"
    path.write_text(URL, encoding="utf-8")
    assert "both set" in only_fault(postgres | {"DATABASE_URL_FILE": str(path)})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DATABASE_URL", URL),
        ("DATABASE_MIGRATION_URL", URL),
        ("DATABASE_SCHEMA", "kubeai"),
        ("DATABASE_POOL_SIZE", "5"),
        ("SESSIONS_DIR", "/somewhere"),
    ],
)
def test_a_store_that_is_not_in_use_must_not_be_configured(working, name, text):
    assert only_fault(working | {name: text}).startswith(f"{name} is only used with SESSION_TYPE=")


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("168h", 604800), ("7d", 604800)])
def test_a_time_to_live_is_a_number_with_a_unit(working, text, seconds):
    assert Settings.load(working | {"SESSION_TTL": text}).retention.ttl == seconds


@pytest.mark.parametrize("text", ["7", "0d", "-1h", "1w", "1.5h", "soon"])
def test_another_time_to_live_is_refused(working, text):
    assert "a time like 90m, 24h or 7d" in only_fault(working | {"SESSION_TTL": text})


def test_sessions_that_would_be_deleted_before_they_expire_are_a_fault(working):
    assert "SESSION_TTL is longer" in only_fault(working | {"SESSION_TTL": "8d", "RETENTION_DAYS": "7"})
    settings = Settings.load(working | {"SESSION_TTL": "7d", "RETENTION_DAYS": "7"})
    assert (settings.retention.ttl, settings.retention.keep) == (604800, 604800)


def test_nothing_expires_by_default(working):
    retention = Settings.load(working).retention
    assert (retention.ttl, retention.keep, retention.max_sessions, retention.max_messages) == (None,) * 4


def test_sessions_are_kept_in_the_home_directory_unless_another_is_named(working, tmp_path: Path):
    files = working | {"SESSION_TYPE": "filesystem"}
    assert Settings.load(files).sessions_path == Path.home() / ".kubeai" / "sessions"
    assert Settings.load(files | {"SESSIONS_DIR": str(tmp_path)}).sessions_path == tmp_path


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("postgres://u:p@db.example.com/x?sslmode=disable", True),
        ("postgres://u:p@localhost,db.example.com/x?sslmode=disable", True),
        ("postgres://u:p@localhost/x?sslmode=disable", False),
        ("postgres://u:p@[::1]:5432/x?sslmode=disable", False),
        ("postgres:///x?host=/var/run/postgresql&sslmode=disable", False),
        ("postgres://u:p@db.example.com/x?sslmode=require", False),
    ],
)
def test_an_unencrypted_connection_to_another_machine_is_warned_of(postgres, url, warned):
    warnings = Settings.load(postgres | {"DATABASE_URL": url}).warnings
    assert bool(warnings) == warned


def test_the_password_of_the_database_is_kept_out_of_the_log_in_both_spellings(postgres):
    assert {URL, "s3%40cret", "s3@cret"} <= set(Settings.load(postgres).secret_texts())


def test_the_commands_for_sessions_need_no_slack_and_no_model(tmp_path: Path):
    settings = Settings.load_store({"SESSION_TYPE": "filesystem", "SESSIONS_DIR": str(tmp_path), "MODEL_ID": ""})
    assert settings.sessions_path == tmp_path


def test_the_commands_for_sessions_check_what_they_need():
    with pytest.raises(ConfigError, match="SESSION_TYPE=postgres needs it"):
        Settings.load_store({"SESSION_TYPE": "postgres", "LLM_PROVIDER": "nonsense"})
