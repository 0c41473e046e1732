"""The skills at hand: those that the bot brings, and below them those of SKILLS_DIR, read again when they change."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from kubeai_bot.tools.skills.reading import BadSkill, Skill, read_skill, skill_files

log = structlog.get_logger(__name__)

SHIPPED = Path(__file__).parent / "shipped"

LOOK_AGAIN = 2.0
"""Seconds for which what was found on disk is believed."""

Stamp = tuple[tuple[str, int, int, int], ...]
"""Path, inode, mtime in ns and size of every file: changes when a ConfigMap is swapped, too."""


@dataclass(frozen=True, slots=True)
class Skills:
    """What one look found. A skill of SKILLS_DIR takes the place of a shipped one of its name."""

    skills: tuple[Skill, ...] = ()
    bad: tuple[BadSkill, ...] = ()

    def named(self, name: str) -> Skill | None:
        return next((skill for skill in self.skills if skill.name == name), None)

    def suggested(self, text: str) -> tuple[Skill, ...]:
        """Skills of which a trigger stands in the text, as words of their own."""
        said = " ".join(text.lower().split())
        return tuple(
            skill
            for skill in self.skills
            if any(re.search(rf"(?<!\w){re.escape(trigger)}(?!\w)", said) for trigger in skill.triggers)
        )


class Shelf:
    """Reads folders in a thread, at most every `LOOK_AGAIN` seconds, and only what has changed since."""

    def __init__(self, folder: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._folders = (SHIPPED, *((folder,) if folder else ()))
        self._clock = clock
        self._looked: float | None = None
        self._stamp: Stamp | None = None
        self._found = Skills()
        self._lock = asyncio.Lock()

    @property
    def found(self) -> Skills:
        """What the last look found."""
        return self._found

    async def look(self) -> Skills:
        """The skills as they are now. Never raises for what stands on disk: that is told in `Skills.bad`."""
        async with self._lock:
            now = self._clock()
            if self._looked is None or now - self._looked >= LOOK_AGAIN:
                self._looked = now
                found = await asyncio.to_thread(self._read)
                if found is not None:
                    self._found = found
                    for bad in found.bad:
                        log.warning("skill not used", file=bad.file, line=bad.line, reason=bad.reason)
                    log.info("skills read", skills=len(found.skills), bad=len(found.bad))
            return self._found

    def _read(self) -> Skills | None:
        """None: nothing has changed."""
        listed = [(folder, _listed(folder)) for folder in self._folders]
        stamp = tuple(each for _, files in listed if not isinstance(files, BadSkill) for each in _stamp(files))
        if stamp == self._stamp and not any(isinstance(files, BadSkill) for _, files in listed):
            return None
        self._stamp = stamp
        by_name: dict[str, Skill] = {}
        bad: list[BadSkill] = []
        for folder, files in listed:
            if isinstance(files, BadSkill):
                bad.append(files)
                continue
            seen: dict[str, str] = {}
            for path in files:
                shown = str(path.relative_to(folder))
                skill = read_skill(path, shown)
                if isinstance(skill, BadSkill):
                    bad.append(skill)
                elif skill.name in seen:
                    bad.append(BadSkill(shown, 1, f"the name {skill.name!r} is taken by {seen[skill.name]}"))
                else:
                    seen[skill.name] = shown
                    by_name[skill.name] = skill
        return Skills(tuple(sorted(by_name.values(), key=lambda skill: skill.name)), tuple(bad))


def _listed(folder: Path) -> Sequence[Path] | BadSkill:
    try:
        return skill_files(folder)
    except OSError as error:
        return BadSkill("SKILLS_DIR", 1, f"the folder cannot be read: {error.strerror or error}")


def _stamp(files: Sequence[Path]) -> Stamp:
    stamps: list[tuple[str, int, int, int]] = []
    for path in files:
        try:
            status = path.stat()
        except OSError:  # gone since it was listed: found at the next look
            continue
        stamps.append((str(path), status.st_ino, status.st_mtime_ns, status.st_size))
    return tuple(stamps)
