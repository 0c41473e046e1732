from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kubeai_bot.domain.identity import Profile, Speaker
from kubeai_bot.errors import UserError

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Workspace:
    """Slack's knowledge of people, and how often it was asked."""

    def __init__(self) -> None:
        self.profiles: dict[str, Profile] = {}
        self.asked = 0
        self.add("U0MIA", email="mia@shop.example")
        self.add("U0OMAR", email="omar@shop.example")
        self.add("U0SAM", email="sam@shop.example")
        self.add("U0GIL", email="gil@agency.example", is_guest=True)
        self.add("U0EVE", email="eve@other.example", is_external=True)
        self.add("U0BOT", is_bot=True)
        self.add("U0OLD", email="old@shop.example", is_deleted=True)

    def add(self, user_id: str, **facts) -> None:
        self.profiles[user_id] = Profile(Speaker("T0SHOP", user_id), user_id.lower(), **facts)

    async def profile(self, speaker: Speaker) -> Profile:
        self.asked += 1
        try:
            return self.profiles[speaker.user_id]
        except KeyError:
            raise UserError("Slack does not know you.") from None


@pytest.fixture
def workspace() -> Workspace:
    return Workspace()


@pytest.fixture
def clock():
    return lambda: NOW


@pytest.fixture
def refusal():
    """The reply with which a resolver refuses somebody."""

    async def refusal(resolver, user_id: str) -> str:
        with pytest.raises(UserError) as caught:
            await resolver.resolve(Speaker("T0SHOP", user_id))
        return caught.value.reply

    return refusal
