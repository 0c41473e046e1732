"""Whether a session folder could be used, found out without making or changing anything."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from kubeai_bot.errors import ConfigError
from kubeai_bot.stores.filesystem.root_folder import check_root


def look_at_folder(root: Path) -> str:
    """Who works in the folder ("" for nobody), once it is clear that it could be used. Blocks.

    Raises ConfigError where it could not. A folder that is not there yet is fine where it can be made.
    """
    root = root.expanduser()
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    if not there.is_dir():
        raise ConfigError([f"{there} is not a folder: sessions need one at {root}; mount a volume there"])
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        raise ConfigError([f"{there} is on a read-only file system: mount a writable volume at {root}"])
    if not os.access(there, os.R_OK | os.W_OK | os.X_OK):
        fault = (
            f"{there} may not be written by user {os.geteuid()}: mount a volume at {root} that belongs to that user"
            " (in Kubernetes: securityContext.fsGroup)"
        )
        raise ConfigError([fault])
    if there != root:
        return ""
    check_root(root)
    return _holder(root / ".lock")


def _holder(path: Path) -> str:
    """A shared lock, for the moment of looking: it is refused while a bot holds its exclusive one."""
    with _opened(path) as fd:
        if fd is None:
            return ""
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return os.pread(fd, 300, 0).decode("utf-8", "replace").strip() or "another process"
    return ""


@contextmanager
def _opened(path: Path) -> Generator[int | None]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        raise ConfigError([f"{path} cannot be read: {error.strerror or error}"]) from error
    try:
        yield fd
    finally:
        os.close(fd)
