"""The folder that holds all sessions: one process at a time owns it, and it says why where that cannot be."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from kubeai_bot.errors import ConfigError
from kubeai_bot.stores.codec import VERSION, dumps
from kubeai_bot.stores.filesystem.disk import (
    FILE_MODE,
    advice,
    make_folder,
    read_file,
    replace_file,
    sync_folder,
    write_at,
)

_log = structlog.get_logger(__name__)


@contextmanager
def own_root(root: Path) -> Generator[int]:
    """Own the folder until the end of the block; gives how often it has been owned, this time included.

    Makes the folder where it is missing. Raises ConfigError where it cannot be used or another process owns it.
    """
    with config_errors(root):
        _make(root)
        _warn_of_readers(root)
        fd = os.open(root / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        with config_errors(root):
            os.fchmod(fd, FILE_MODE)
            _lock(root, fd)
            generation = _next_generation(root / "store.json")
        yield generation
    finally:
        os.close(fd)


def check_root(root: Path) -> None:
    """Raises ConfigError where there is no folder of a store to read, or one of a newer version."""
    with config_errors(root):
        if not root.is_dir():
            raise ConfigError([f"{root}: there is no session folder; the bot makes it with SESSION_TYPE=filesystem"])
        os.listdir(root)  # noqa: PTH208 - only whether it may be read
        _generation(root / "store.json")


def _make(root: Path) -> None:
    for folder in (*reversed(root.parents), root):
        if not folder.exists():
            with suppress(FileExistsError):  # another bot makes it too
                make_folder(folder)
                sync_folder(folder.parent)
    if not root.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(root))


@contextmanager
def config_errors(root: Path) -> Generator[None]:
    """Turns OSError into a ConfigError that says what to mount or change."""
    try:
        yield
    except (FileExistsError, NotADirectoryError) as error:
        raise ConfigError(
            [f"{error.filename or root} is not a folder: sessions need one at {root}; mount a volume there"]
        ) from error
    except OSError as error:
        raise ConfigError([_unusable(root, error)]) from error


def _unusable(root: Path, error: OSError) -> str:
    where = error.filename or root
    match error.errno:
        case errno.EROFS:
            return f"{where} is on a read-only file system: mount a writable volume at {root}"
        case errno.EACCES | errno.EPERM:
            return (
                f"{where} may not be written by user {os.geteuid()}: mount a volume at {root} that belongs to that user"
                " (in Kubernetes: securityContext.fsGroup)"
            )
        case _:
            return f"{where} cannot be used for sessions: {advice(error)}; mount a writable volume at {root}"


def _lock(root: Path, fd: int) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(fd, 300, 0).decode("utf-8", "replace").strip() or "another process"
        fault = (
            f"{root} is in use by {holder}: stop that bot first, or give this one a folder of its own. Sessions in"
            " files serve one process; for several replicas use SESSION_TYPE=postgres"
        )
        raise ConfigError([fault]) from error
    os.ftruncate(fd, 0)
    write_at(fd, f"process {os.getpid()} on host {socket.gethostname()}\n".encode(), 0)


def _generation(path: Path) -> int:
    try:
        record = json.loads(read_file(path))
        version, generation = int(record["v"]), int(record["generation"])
    except FileNotFoundError:
        return 0
    except (ValueError, KeyError, TypeError) as error:
        _log.warning("store.unreadable", file=str(path), reason=str(error))
        return 0
    if version > VERSION:
        raise ConfigError(
            [f"{path.parent} was written by a newer version of kubeai-bot (format {version}): update this one"]
        )
    return generation


def _next_generation(path: Path) -> int:
    generation = _generation(path) + 1
    replace_file(path, dumps({"v": VERSION, "generation": generation}).encode() + b"\n")
    return generation


def _warn_of_readers(root: Path) -> None:
    mode = stat.S_IMODE(root.stat().st_mode)
    if mode & 0o007:
        _log.warning(
            "store.root_open_to_others",
            folder=str(root),
            mode=f"{mode:04o}",
            advice=f"chmod o-rwx {root}: others may look in",
        )
