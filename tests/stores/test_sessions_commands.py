"""`kubeai-bot sessions`, over sessions in memory and in files."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from typer.testing import CliRunner

from kubeai_bot.cli import app as whole_app
from kubeai_bot.commands.session_views import plain
from kubeai_bot.domain.storage import Retention
from kubeai_bot.errors import SessionNotFound
from kubeai_bot.stores.filesystem.opening import open_filesystem
from tests.stores.commands_place import Place, ids, talk

# --- reading ---


def test_the_list_shows_every_session_in_a_table(place, make):
    first, second = talk(make, place, "one"), talk(make, place, "two", make.omar)
    shown = place.run("list").stdout
    assert all(word in shown for word in (first, second, "one", "two", "U0MIA", "U0OMAR", "1,200"))
    assert "out of memory" not in shown
    assert place.opened_read_only[-1]


def test_the_list_as_json_has_no_messages_and_nobodys_groups(place, make):
    session_id = talk(make, place)
    (session,) = place.json("list")
    assert (session["id"], session["user"], session["messages"]) == (session_id, "U0MIA", 2)
    assert session["tokens"] == {"input": 1000, "output": 200, "cached": 600}
    text = json.dumps(session)
    assert "shop-developers" not in text
    assert "out of memory" not in text


def test_the_list_can_be_shorter_or_of_one_person(place, make):
    for number in range(5):
        talk(make, place, f"{number}", make.omar if number == 2 else make.mia)
    short = place.run("list", "--limit", "3")
    assert len(re.findall("U0", short.stdout)) == 3
    assert "more than 3" in short.stderr
    assert len(place.json("list")) == 5
    assert [session["name"] for session in place.json("list", "--user", "U0OMAR")] == ["2"]


def test_an_empty_store_says_so(place):
    assert "no sessions" in place.run("list").stdout
    assert place.json("list") == []
    assert place.json("usage")["sessions"] == 0


def test_show_shows_a_session_with_what_was_said(place, make):
    session_id = talk(make, place, unread=True)
    shown = place.run("show", session_id).stdout
    for words in ("why does checkout fail?", "out of memory\\x00", "mia@shop.example", "U0OMAR negative", "and now?"):
        assert words in shown
    shorter = place.run("show", session_id, "--messages", "1").stdout
    assert "1 earlier messages" in shorter
    record = place.json("show", session_id)
    assert [message["payload"]["text"] for message in record["messages"]] == [
        "why does checkout fail?",
        "out of memory\x00",
    ]


def test_what_others_wrote_cannot_steer_the_terminal(place, make):
    session_id = talk(make, place, "\x1b[2Jred \x1b]0;title\x07 \x9b31m \u202edrowssap [bold]x[/bold] \ud800 ü한🦄")
    for shown in (place.run("list").stdout, place.run("show", session_id).stdout):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800]", shown)
        assert "\\x1b[2Jred" in shown
        assert "[bold]x[/bold]" in shown
        assert "ü한🦄" in shown


def test_plain_text_stays_as_it_is():
    assert plain("pods: 3/3 [ready]\n\tüber 한국어 🦄 שלום") == "pods: 3/3 [ready]\n\tüber 한국어 🦄 שלום"


def test_a_session_that_is_not_there_is_an_error_in_one_line(place):
    result = place.run("show", "none", code=1)
    assert result.stdout == ""
    assert re.fullmatch("kubeai-bot: .*session.*\n", result.stderr)


def test_usage_says_how_much_there_is(place, make):
    talk(make, place, unread=True)
    found = place.json("usage")
    assert (found["sessions"], found["messages"], found["unread"]) == (1, 2, 1)
    assert found["bytes"] > 0
    shown = place.run("usage").stdout
    assert "1,000 in (600 cached), 200 out" in shown


# --- deleting ---


def test_deleting_asks_first(place, make):
    session_id = talk(make, place, "precious")
    refused = place.run("delete", session_id, code=1, answer="n\n")
    assert "precious" in refused.stdout
    assert ids(place) == {session_id}
    place.run("delete", session_id, answer="y\n")
    assert ids(place) == set()


def test_deleting_without_a_terminal_to_ask_deletes_nothing(place, make):
    session_id = talk(make, place)
    place.run("delete", session_id, code=1)
    assert ids(place) == {session_id}


def test_several_sessions_can_be_deleted_at_once_and_missing_ones_are_named(place, make):
    first, second, kept = (talk(make, place) for _ in range(3))
    result = place.run("delete", first, "none", second, "--yes", code=1)
    assert "2 sessions deleted." in result.stderr
    assert "no session none" in result.stderr
    assert ids(place) == {kept}


def test_pruning_does_what_the_settings_say(place, make):
    place.retention = Retention(keep=3600)
    old = talk(make, place)
    place.clocks.seconds += 7200
    new = talk(make, place)
    assert place.json("prune", "--dry-run") == {"expired": [], "removed": [old], "trimmed": 0}
    assert "1 deleted for good" in place.run("prune", code=1, answer="n\n").stderr
    assert ids(place) == {old, new}
    assert place.json("prune", "--yes") == {"expired": [], "removed": [old], "trimmed": 0}
    assert ids(place) == {new}
    assert "0 sessions expired, 0 deleted for good" in place.run("prune").stdout


def test_pruning_takes_an_age(place, make):
    old = talk(make, place)
    place.clocks.seconds += 31 * 24 * 3600
    new = talk(make, place)
    assert (
        "Would be done: 0 sessions expired, 1 deleted" in place.run("prune", "--older-than", "30d", "--dry-run").stdout
    )
    assert ids(place) == {old, new}
    place.run("prune", "--older-than", "30d", answer="y\n")
    assert ids(place) == {new}


def test_very_many_sessions_are_pruned_in_parts(elsewhere, make):
    many = {talk(make, elsewhere) for _ in range(450)}
    elsewhere.clocks.seconds += 7200
    assert set(elsewhere.json("prune", "--older-than", "1h", "--yes")["removed"]) == many
    assert ids(elsewhere) == set()


def test_pruning_without_any_age_is_refused(place, make):
    talk(make, place)
    assert "--older-than" in place.run("prune", code=2).stderr
    assert "--older-than" in place.run("prune", "--older-than", "soon", code=2).stderr


# --- beside a running bot ---


def test_files_can_be_read_but_not_changed_while_the_bot_runs(tmp_path, make):
    place = Place(tmp_path / "sessions")
    session_id = talk(make, place)

    async def beside() -> None:
        async with open_filesystem(place.root) as running:
            assert session_id in (await asyncio.to_thread(place.run, "list")).stdout
            assert "checkout" in (await asyncio.to_thread(place.run, "show", session_id)).stdout
            assert len((await asyncio.to_thread(place.run, "export")).stdout.splitlines()) == 2
            await asyncio.to_thread(place.run, "usage")
            for words in (("delete", session_id, "--yes"), ("prune", "--older-than", "1s", "--yes"), ("import", "-")):
                refused = await asyncio.to_thread(place.run, *words, code=2)
                assert "stop that bot first" in refused.stderr
            assert (await running.load(session_id)).session.last_seq == 2

    asyncio.run(beside())


def test_sessions_in_memory_cannot_be_looked_at_from_outside():
    result = CliRunner().invoke(whole_app, ["sessions", "list"], env={"SESSION_TYPE": "memory"})
    assert result.exit_code == 2
    assert "SESSION_TYPE=memory keeps sessions inside the bot's process" in result.stderr


def test_the_settings_say_which_store_without_any_token_of_slack(tmp_path, make):
    place = Place(tmp_path / "sessions")
    session_id = talk(make, place)
    env_file = tmp_path / ".env"
    env_file.write_text(f"SESSION_TYPE=filesystem\nSESSIONS_DIR={place.root}\n")
    clean = {"SESSION_TYPE": None, "SESSIONS_DIR": None}
    result = CliRunner().invoke(whole_app, ["sessions", "--env-file", str(env_file), "list", "--json"], env=clean)
    assert result.exit_code == 0, result.output
    assert [session["id"] for session in json.loads(result.stdout)] == [session_id]


def test_a_secret_never_shows_in_an_error(tmp_path):
    env = {"SESSION_TYPE": "postgres", "DATABASE_URL": "postgres://kubeai:hunter2@127.0.0.1:1/db?connect_timeout=2"}
    result = CliRunner().invoke(whole_app, ["sessions", "list"], env=env)
    assert result.exit_code in (1, 2)
    assert result.stderr.startswith("kubeai-bot: ")
    assert "hunter2" not in result.output


def test_deleted_means_gone(place, make):
    session_id = talk(make, place)
    place.run("delete", session_id, "--yes")
    with pytest.raises(SessionNotFound):
        place.do(lambda store: store.load(session_id))


def test_a_session_that_cannot_be_read_can_be_deleted(tmp_path, make):
    place = Place(tmp_path)
    damaged, whole = talk(make, place), talk(make, place)
    journal = next((tmp_path / damaged).glob("journal-*.jsonl"))
    (tmp_path / damaged / "head.json").unlink(missing_ok=True)
    journal.write_bytes(b"no journal at all\n" + journal.read_bytes())
    result = place.run("delete", damaged, answer="y\n")
    assert "cannot be read" in result.stderr
    assert not (tmp_path / damaged).exists()
    assert ids(place) == {whole}
