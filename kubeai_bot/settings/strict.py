"""What every section of CONFIG_FILE has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Frozen; unknown keys are faults; errors never show what was given."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
