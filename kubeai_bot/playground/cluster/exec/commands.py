"""The few programs of the demo's containers: what they print and how they end, told from the cluster's state."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kubeai_bot.playground.cluster.exec.inside import Inside
from kubeai_bot.playground.cluster.exec.network import nslookup, wget
from kubeai_bot.playground.cluster.objects import now

_LONGEST_SLEEP = 30.0


@dataclass(frozen=True)
class Finished:
    """How a command ended. `unstartable` says why it never ran: then there is no exit code."""

    code: int = 0
    out: str = ""
    err: str = ""
    unstartable: str = ""


Program = Callable[[list[str], Inside], Awaitable[Finished]]


async def run(command: list[str], inside: Inside) -> Finished:
    """Runs a command in a container, without a shell unless the command is one."""
    program = _PROGRAMS.get(command[0].rpartition("/")[2])
    if program is None:
        return Finished(unstartable=f'exec: "{command[0]}": {_why_missing(command[0])}')
    return await program(command[1:], inside)


def _why_missing(name: str) -> str:
    if "/" in name:
        return f"stat {name}: no such file or directory"
    return "executable file not found in $PATH"


async def _shell(arguments: list[str], inside: Inside) -> Finished:
    """`sh -c TEXT` for one simple command; nothing else of a shell is there."""
    if len(arguments) < 2 or arguments[0] != "-c":
        return Finished()
    try:
        words = shlex.split(arguments[1])
    except ValueError:
        return Finished(2, err="sh: syntax error: unterminated quoted string\n")
    if not words:
        return Finished()
    if any(sign in arguments[1] for sign in "|&;<>`$("):
        return Finished(2, err="sh: syntax error: the demo's shell runs one simple command\n")
    ended = await run(words, inside)
    return Finished(127, err=f"sh: {words[0]}: not found\n") if ended.unstartable else ended


async def _cat(arguments: list[str], inside: Inside) -> Finished:
    out, err = "", ""
    for path in arguments:
        content = inside.files().get(path)
        if content is not None:
            out += content
        elif inside.listing(path) is not None:
            err += "cat: read error: Is a directory\n"
        else:
            err += f"cat: can't open '{path}': No such file or directory\n"
    return Finished(1 if err else 0, out, err)


async def _ls(arguments: list[str], inside: Inside) -> Finished:
    paths = [word for word in arguments if not word.startswith("-")] or ["/"]
    out, err = "", ""
    for path in paths:
        names = [path] if path in inside.files() else inside.listing(path)
        if names is None:
            err += f"ls: {path}: No such file or directory\n"
        else:
            out += "".join(f"{name}\n" for name in names)
    return Finished(1 if err else 0, out, err)


async def _ps(arguments: list[str], inside: Inside) -> Finished:
    del arguments
    rows = ["PID   USER     TIME  COMMAND", f"    1 app       0:41 {inside.program}", "   27 app       0:00 ps"]
    return Finished(out="\n".join(rows) + "\n")


async def _env(arguments: list[str], inside: Inside) -> Finished:
    found = inside.environment()
    if not arguments:
        return Finished(out="".join(f"{key}={value}\n" for key, value in found.items()))
    known = [found[key] for key in arguments if key in found]
    return Finished(0 if len(known) == len(arguments) else 1, "".join(f"{value}\n" for value in known))


async def _echo(arguments: list[str], inside: Inside) -> Finished:
    del inside
    return Finished(out=" ".join(arguments) + "\n")


async def _sleep(arguments: list[str], inside: Inside) -> Finished:
    del inside
    if len(arguments) != 1 or not arguments[0].isdigit():
        return Finished(1, err=f"sleep: invalid number '{' '.join(arguments)}'\n")
    await asyncio.sleep(min(float(arguments[0]), _LONGEST_SLEEP))
    return Finished()


async def _nslookup(arguments: list[str], inside: Inside) -> Finished:
    if not arguments:
        return Finished(1, err="Usage: nslookup HOST [DNS_SERVER]\n")
    return Finished(*nslookup(arguments[0], inside))


async def _wget(arguments: list[str], inside: Inside) -> Finished:
    urls = [word for word in arguments if not word.startswith("-")]
    if not urls:
        return Finished(1, err="Usage: wget [-q] [-O FILE] URL...\n")
    return Finished(*wget(urls[-1], inside))


def _fixed(code: int, text: Callable[[Inside], str] = lambda _inside: "") -> Program:
    async def program(arguments: list[str], inside: Inside) -> Finished:
        del arguments
        return Finished(code, text(inside))

    return program


_PROGRAMS: dict[str, Program] = {
    "sh": _shell,
    "cat": _cat,
    "ls": _ls,
    "ps": _ps,
    "env": _env,
    "printenv": _env,
    "echo": _echo,
    "sleep": _sleep,
    "nslookup": _nslookup,
    "wget": _wget,
    "true": _fixed(0),
    "false": _fixed(1),
    "pwd": _fixed(0, lambda _inside: "/app\n"),
    "hostname": _fixed(0, lambda inside: f"{inside.hostname}\n"),
    "whoami": _fixed(0, lambda _inside: "app\n"),
    "id": _fixed(0, lambda _inside: "uid=10001(app) gid=10001(app) groups=10001(app)\n"),
    "date": _fixed(0, lambda _inside: f"{now():%a %b %d %H:%M:%S UTC %Y}\n"),
    "uname": _fixed(0, lambda _inside: "Linux\n"),
}
