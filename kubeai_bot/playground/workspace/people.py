"""Who and what lives in the workspace: people, the bot, channels, and the world that the demo starts with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kubeai_bot.playground.workspace.wire import Json

TEAM_ID = "T0SHOP"
TEAM_NAME = "Shop Inc."
TEAM_DOMAIN = "shop"
BOT_USER_ID = "U0KUBEAI"
BOT_ID = "B0KUBEAI"
APP_ID = "A0KUBEAI"
BOT_NAME = "kubeai"

_JOINED = 1_700_000_000


@dataclass(frozen=True, slots=True)
class Person:
    """A member of the workspace, or of another organisation (`team_id` differs, `is_stranger` is true)."""

    id: str
    name: str
    email: str
    title: str = ""
    team_id: str = TEAM_ID
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    is_admin: bool = False
    deleted: bool = False
    tz: str = "Europe/Berlin"

    @property
    def handle(self) -> str:
        return self.name.lower().replace(" ", ".")

    @property
    def dm(self) -> str:
        """Id of the person's direct message channel with the bot."""
        return "D" + self.id[1:]

    def to_user(self) -> Json:
        """The user object of `users.info`."""
        profile: Json = {
            "real_name": self.name,
            "real_name_normalized": self.name,
            "display_name": self.handle,
            "display_name_normalized": self.handle,
            "title": self.title,
            "phone": "",
            "status_text": "",
            "status_emoji": "",
            "first_name": self.name.split(" ")[0],
            "last_name": "",
            "team": self.team_id,
        }
        if not self.is_stranger:
            profile["email"] = self.email
        user: Json = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.handle,
            "deleted": self.deleted,
            "real_name": self.name,
            "tz": self.tz,
            "tz_label": self.tz,
            "tz_offset": 0,
            "profile": profile,
            "is_admin": self.is_admin,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
            "is_bot": False,
            "is_app_user": False,
            "is_email_confirmed": True,
            "updated": _JOINED,
        }
        if self.is_stranger:
            user["is_stranger"] = True
        return user


@dataclass(slots=True)
class Channel:
    """A conversation: a public or private channel, or the direct message of one person with the bot."""

    id: str
    name: str
    members: set[str] = field(default_factory=set[str])
    is_im: bool = False
    is_private: bool = False
    is_archived: bool = False
    is_ext_shared: bool = False
    topic: str = ""

    @property
    def channel_type(self) -> str:
        """The `channel_type` of message events."""
        if self.is_im:
            return "im"
        return "group" if self.is_private else "channel"

    def to_conversation(self) -> Json:
        """The channel object of `conversations.info`."""
        common: Json = {
            "id": self.id,
            "created": _JOINED,
            "is_archived": self.is_archived,
            "is_im": self.is_im,
            "is_org_shared": False,
            "is_ext_shared": self.is_ext_shared,
            "context_team_id": TEAM_ID,
        }
        if self.is_im:
            person = next(member for member in sorted(self.members) if member != BOT_USER_ID)
            return {**common, "user": person, "is_user_deleted": False, "is_open": True, "priority": 0}
        return {
            **common,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private,
            "is_group": self.is_private,
            "is_mpim": False,
            "is_private": self.is_private,
            "is_general": self.name == "general",
            "is_member": BOT_USER_ID in self.members,
            "is_shared": self.is_ext_shared,
            "num_members": len(self.members),
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
        }


def bot_user() -> Json:
    """The bot's own user object, as `users.info` shows it."""
    bot = Person(BOT_USER_ID, BOT_NAME, "").to_user()
    profile = {key: value for key, value in bot["profile"].items() if key != "email"}
    profile |= {"api_app_id": APP_ID, "bot_id": BOT_ID, "always_active": True}
    return {**bot, "is_bot": True, "is_email_confirmed": False, "profile": profile}


def demo_people() -> tuple[Person, ...]:
    """Mia and Omar work here, nobody mapped Sam, Gil is a guest, Eve belongs to another organisation."""
    return (
        Person("U0MIA", "Mia", "mia@shop.example", "Developer"),
        Person("U0OMAR", "Omar", "omar@shop.example", "Platform engineer"),
        Person("U0SAM", "Sam", "sam@shop.example", "Accountant"),
        Person("U0GIL", "Gil", "gil@agency.example", "Contractor", is_restricted=True),
        Person("U0EVE", "Eve", "eve@other.example", "Partner", team_id="T0OTHER", is_stranger=True),
    )


def demo_channels(people: Sequence[Person]) -> tuple[Channel, ...]:
    """#shop-oncall and #general with everybody of the organisation and the bot, and one DM a person."""
    inside = {person.id for person in people if not person.is_stranger} | {BOT_USER_ID}
    return (
        Channel("C0ONCALL", "shop-oncall", set(inside), topic="Who carries the pager"),
        Channel("C0GENERAL", "general", set(inside)),
        *(direct_message(person) for person in people),
    )


def direct_message(person: Person) -> Channel:
    return Channel(person.dm, "directmessage", {person.id, BOT_USER_ID}, is_im=True, is_ext_shared=person.is_stranger)
