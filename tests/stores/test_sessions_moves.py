"""`kubeai-bot sessions export` and `import`."""

from __future__ import annotations

import json
import re

import pytest

from kubeai_bot.errors import StoreError
from kubeai_bot.stores.memory import MemoryStore
from tests.stores.commands_place import Place, ids, talk

# --- export and import ---


def test_an_export_imports_as_it_was(place, elsewhere, make, tmp_path):
    chosen = {talk(make, place, f"{number}", unread=number == 1) for number in range(3)}
    file = tmp_path / "out.jsonl"
    assert "3 sessions exported" in place.run("export", "--output", str(file)).stderr
    assert file.stat().st_mode & 0o777 == 0o600
    lines = file.read_text("ascii").splitlines()
    assert json.loads(lines[0]) == {"format": "kubeai-bot sessions", "v": 1}
    assert {json.loads(line)["session"]["id"] for line in lines[1:]} == chosen
    assert "3 sessions imported, 0 there already." in elsewhere.run("import", str(file)).stderr
    assert ids(elsewhere) == chosen
    for session_id in chosen:
        assert elsewhere.json("show", session_id) == place.json("show", session_id)


def test_an_export_can_be_piped_and_hold_only_some_sessions(place, make):
    first, _ = talk(make, place, "one"), talk(make, place, "two")
    lines = place.run("export", first).stdout.splitlines()
    assert [json.loads(line)["session"]["id"] for line in lines[1:]] == [first]


def test_an_export_names_sessions_that_are_not_there_and_writes_the_others(place, make):
    session_id = talk(make, place)
    result = place.run("export", "none", session_id, code=1)
    assert len(result.stdout.splitlines()) == 2
    assert "no session none" in result.stderr


def test_an_export_overwrites_no_file(place, tmp_path):
    file = tmp_path / "precious"
    file.write_text("mine")
    assert "is there already" in place.run("export", "-o", str(file), code=2).stderr
    assert file.read_text() == "mine"


def test_importing_again_leaves_what_is_there(place, make, tmp_path):
    session_id = talk(make, place)
    file = tmp_path / "out.jsonl"
    place.run("export", "-o", str(file))
    before = place.json("show", session_id)
    result = place.run("import", str(file))
    assert "0 sessions imported, 1 there already." in result.stderr
    assert session_id in result.stderr
    assert place.json("show", session_id) == before


def test_a_bad_line_is_reported_with_its_number_and_the_rest_is_imported(place, elsewhere, make, tmp_path):
    for number in range(3):
        talk(make, place, f"{number}")
    header, first, second, third = place.run("export").stdout.splitlines()
    torn = third[: len(third) // 2]
    newer = json.dumps({**json.loads(third), "v": 99})
    gap = json.loads(third)
    del gap["messages"][1]
    escaping = json.loads(third)
    escaping["session"]["id"] = "../../etc"
    lines = [header, first, torn, "7", newer, json.dumps(gap), json.dumps(escaping), "", second]
    file = tmp_path / "damaged.jsonl"
    file.write_text("\n".join(lines) + "\n")
    result = elsewhere.run("import", str(file), code=1)
    assert [int(number) for number in re.findall(re.escape(str(file)) + r":(\d+): ", result.stderr)] == [3, 4, 5, 6, 7]
    assert "newer version" in result.stderr
    assert "2 sessions imported, 0 there already, 5 lines not." in result.stderr
    assert ids(elsewhere) == {json.loads(line)["session"]["id"] for line in (first, second)}


@pytest.mark.parametrize("text", ["", "{}\n", "hello\n", '{"format":"kubeai-bot sessions","v":2}\n'], ids=repr)
def test_what_is_no_export_is_refused_at_its_first_line(place, tmp_path, text):
    file = tmp_path / "other.txt"
    file.write_text(text)
    assert f"{file}:1: " in place.run("import", str(file), code=1).stderr
    assert ids(place) == set()


def test_a_file_that_is_not_there_is_an_error_in_one_line(place, tmp_path):
    assert "cannot be read" in place.run("import", str(tmp_path / "none"), code=2).stderr


def test_an_import_reads_from_a_pipe(place, elsewhere, make):
    session_id = talk(make, place)
    elsewhere.run("import", "-", answer=place.run("export").stdout)
    assert ids(elsewhere) == {session_id}


def test_an_import_into_a_store_that_fails_stops_early(place, make, tmp_path):
    class Failing(MemoryStore):
        tries = 0

        async def restore(self, dump):
            self.tries += 1
            raise StoreError("the database does not answer")

    for number in range(8):
        talk(make, place, f"{number}")
    file = tmp_path / "out.jsonl"
    place.run("export", "-o", str(file))
    broken = Place(None)
    broken.memory = Failing()
    result = broken.run("import", str(file), code=1)
    assert broken.memory.tries == 5
    assert "Stopped before the end" in result.stderr
