"""Files that survive a power cut, private to their owner whatever the umask is."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from kubeai_bot.errors import StoreError

FILE_MODE = 0o600
FOLDER_MODE = 0o700

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space or enlarge the volume",
    errno.EDQUOT: "the disk quota is used up: free some space or raise the quota",
    errno.EFBIG: "the file may not grow any further: raise the file size limit (ulimit -f)",
    errno.EROFS: "the file system is read-only: mount the volume writable",
    errno.EIO: "the disk reports an input/output error: look at the kernel log and the volume",
    errno.EACCES: "permission denied: the folder must belong to the user that the bot runs as",
    errno.EPERM: "permission denied: the folder must belong to the user that the bot runs as",
    errno.ENOENT: "it is gone: somebody else has removed or replaced it",
    errno.ELOOP: "it is a symbolic link, and those are not followed here",
    errno.EMFILE: "too many open files: raise the limit (ulimit -n)",
    errno.ENFILE: "too many open files on this host",
    errno.ESTALE: "the network file system has lost it: mount the volume again",
}


def advice(error: OSError) -> str:
    """What to do about the error, as half a sentence."""
    return _ADVICE.get(error.errno or 0, error.strerror or str(error))


@contextmanager
def disk_errors(path: Path) -> Generator[None]:
    """Turns OSError into a StoreError that names the file and says what to look at."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{error.filename or path}: {advice(error)}") from error


@contextmanager
def opened(path: Path, flags: int) -> Generator[int]:
    """A file descriptor of a regular file that is not a symbolic link; a new file gets mode 0600.

    Raises OSError, also for what fails inside the block, with the file's name.
    """
    fd = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        _check_regular(fd)
        if flags & os.O_CREAT:
            os.fchmod(fd, FILE_MODE)
        yield fd
    except OSError as error:
        error.filename = error.filename or str(path)  # what fails on a descriptor does not say which file it is
        raise
    finally:
        os.close(fd)


def _check_regular(fd: int) -> None:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")


def make_private(path: Path) -> None:
    """Take from group and others what a file or folder grants them, where it is ours to take."""
    mode = path.lstat().st_mode
    if mode & 0o077 and not stat.S_ISLNK(mode):
        with suppress(PermissionError):
            path.chmod(FOLDER_MODE if stat.S_ISDIR(mode) else FILE_MODE)


def make_folder(path: Path) -> None:
    """A new folder of mode 0700. Raises FileExistsError and other OSErrors."""
    path.mkdir(mode=FOLDER_MODE)
    path.chmod(FOLDER_MODE)


def write_at(fd: int, data: bytes, offset: int) -> None:
    """All of `data`, however often the kernel takes only a part."""
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written


def read_file(path: Path) -> bytes:
    with opened(path, os.O_RDONLY) as fd, os.fdopen(os.dup(fd), "rb") as file:
        return file.read()


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_new(path: Path, data: bytes) -> None:
    """A new file with these contents, durable but for its name; nothing is left of it where that fails."""
    try:
        with opened(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as fd:
            write_at(fd, data, 0)
            os.fsync(fd)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` in the place of the file: after a crash there is either the old content or the new."""
    temporary = path.with_name(f".{path.name}.new")
    write_new(temporary, data)
    temporary.replace(path)
    sync_folder(path.parent)
