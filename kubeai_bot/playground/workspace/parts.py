"""What the three faces of the workspace (acting, interacting, watching) stand on."""

from __future__ import annotations

from kubeai_bot.playground.workspace.courier import Courier
from kubeai_bot.playground.workspace.state import State


class Parts:
    """The shared insides of one workspace."""

    def __init__(self, state: State, courier: Courier) -> None:
        self._state = state
        self._courier = courier
