"""The JSON schema of Slack's own TypeScript types, generated from npm, and Node's verdict on payloads under it.

Nobody's files are copied into the project: the packages are installed into a temporary folder, once a test session.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]

PACKAGES = ("@slack/types@3.2.0", "ts-json-schema-generator@2.4.0", "ajv@8.20.0")
INSTALL_SECONDS = 30
GENERATE_SECONDS = 20

_JUDGE = """
const [schemaFile, casesFile, verdictsFile] = process.argv.slice(2);
const fs = require('fs');
const Ajv = require('ajv');
const ajv = new Ajv({strict: false, validateFormats: false});
ajv.addSchema(JSON.parse(fs.readFileSync(schemaFile)), 'types');
const verdicts = JSON.parse(fs.readFileSync(casesFile)).map(([definition, value]) => {
  const check = ajv.getSchema('types#/definitions/' + definition);
  return check(value) ? null : ajv.errorsText(check.errors);
});
fs.writeFileSync(verdictsFile, JSON.stringify(verdicts));
"""


class NotAtHand(Exception):
    """Node, npm or the registry is missing; the message says which."""


def install(folder: Path) -> None:
    """Installs the packages and writes `schema.json`. Workers of one session share the folder, the first one fills it.
    Raises `NotAtHand`."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise NotAtHand(f"{program} is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        failed = folder / "failed"
        if failed.exists():
            raise NotAtHand(failed.read_text(encoding="utf-8"))
        if (folder / "schema.json").exists():
            return
        try:
            _install(folder)
        except NotAtHand as error:
            failed.write_text(str(error), encoding="utf-8")
            raise


def _install(folder: Path) -> None:
    (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
    quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0", "--fetch-timeout=10000")
    _run(folder, INSTALL_SECONDS, "npm", "install", *quiet, *PACKAGES)
    types = folder / "node_modules/@slack/types/dist/index.d.ts"
    generator = folder / "node_modules/ts-json-schema-generator/bin/ts-json-schema-generator.js"
    arguments = ("--path", str(types), "--type", "*", "--no-type-check", "--out", str(folder / "whole.json"))
    _run(folder, GENERATE_SECONDS, "node", str(generator), *arguments)
    (folder / "whole.json").rename(folder / "schema.json")


def _run(folder: Path, seconds: int, *command: str) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise NotAtHand(f"{command[0]} took more than {seconds} s") from error
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if "warn" not in line] or ["no word why"]
        raise NotAtHand(f"{' '.join(command[:2])} failed: {' '.join(said[:3])[:300]}")


def read_schema(folder: Path) -> Json:
    """The generated schema, with `AnyBlock`, which takes anything, narrowed to the blocks that the types know."""
    schema: Json = json.loads((folder / "schema.json").read_text(encoding="utf-8"))
    definitions = schema["definitions"]
    for name in ("BlocksChunk", "HomeView", "ModalView"):
        definitions[name]["properties"]["blocks"]["items"] = {"$ref": "#/definitions/KnownBlock"}
    definitions["PlanBlock"]["properties"]["tasks"]["items"] = {"$ref": "#/definitions/TaskCardBlock"}
    return schema


def judge(folder: Path, schema: Json, cases: list[tuple[str, Any]]) -> list[str | None]:
    """For each pair of a definition and a value: None where the schema takes it, else what it says."""
    script, given = folder / "judge.js", folder / "judged.json"
    script.write_text(_JUDGE, encoding="utf-8")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / "extended.json").write_text(json.dumps(schema), encoding="utf-8")
        (folder / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
        names = ("extended.json", "cases.json", given.name)
        _run(folder, GENERATE_SECONDS, "node", script.name, *names)
        verdicts: list[str | None] = json.loads(given.read_text(encoding="utf-8"))
    assert len(verdicts) == len(cases)
    return verdicts


def reachable(definitions: Mapping[str, Json], *roots: str) -> Iterator[tuple[str, Json]]:
    """Every object in the schema that a root can contain: the name of its definition and the object's schema."""
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            for node in _nodes(definitions[name]):
                if "$ref" in node:
                    waiting.append(node["$ref"].rpartition("/")[2])
                if "properties" in node:
                    yield name, node


def _nodes(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from _nodes(item)
