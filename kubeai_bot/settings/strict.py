"""What every section of CONFIG_FILE has in common."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Frozen; unknown keys are faults; errors never show what was given. Validators are made when a file is read:
    most bots have none."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    @classmethod
    def empty(cls) -> Self:
        """What stands where nothing is said: the defaults alone, which need no check."""
        return cls.model_construct()
