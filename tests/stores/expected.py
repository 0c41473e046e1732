"""What a tiny model knows of one session: enough to say what a store must answer."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Expected:
    """`texts` of all messages there have ever been, of which the first `trimmed` are gone; `lease` is the live or
    expired epoch, None where it was given back; `epochs` every epoch there has ever been."""

    id: str
    follows_expired: bool = False
    texts: list[str] = field(default_factory=list)
    trimmed: int = 0
    start_seq: int = 1
    inbox: list[str] = field(default_factory=list)
    last_step: tuple[str, int, int] | None = None
    """Step id, the sequence number expected, and what came of it."""
    turns: dict[str, bool] = field(default_factory=dict)
    """Turn id to whether it has ended."""
    open_turn: str | None = None
    opinions: dict[tuple[str, str], str] = field(default_factory=dict)
    lease: int | None = None
    owner: str = ""
    until: float = 0.0
    epochs: set[int] = field(default_factory=set)
    newest_epoch: int = -1
    touched: float = 0.0

    def live(self, now: float) -> bool:
        return self.lease is not None and self.until > now

    def idle(self, now: float) -> bool:
        return not (self.live(now) or self.inbox or self.open_turn)

    def unfinished(self, now: float) -> bool:
        return not self.live(now) and bool(self.inbox or self.open_turn)

    def turn_changes(self, turn_id: str | None) -> None:
        if self.open_turn not in (None, turn_id):
            self.turns[self.open_turn] = True
        if turn_id is not None:
            self.turns[turn_id] = False
        self.open_turn = turn_id

    def trim(self, keep: int) -> int:
        surplus = max(len(self.texts) - self.trimmed - keep, 0)
        self.trimmed += surplus
        if surplus:
            self.start_seq = max(self.start_seq, self.trimmed + 1)
        return surplus

    def check_tail(self, tail, known: int = 0, newest: int | None = None) -> None:
        """Everything that a tail says, for a reader who has the messages up to `known`."""
        last_seq = len(self.texts)
        after = max(known, self.trimmed, 0 if newest is None else last_seq - newest)
        assert tail.after == after
        assert [stored.seq for stored in tail.messages] == list(range(after + 1, last_seq + 1))
        assert [stored.message.payload.text for stored in tail.messages] == self.texts[after:]
        assert [item.incoming.text for item in tail.inbox] == self.inbox
        session = tail.session
        assert (session.id, session.last_seq, session.start_seq) == (self.id, last_seq, self.start_seq)
        assert session.follows_expired is self.follows_expired
        assert (session.turn.turn_id if session.turn else None) == self.open_turn

    def check_dump(self, dump) -> None:
        assert {turn.turn_id: turn.ended for turn in dump.turns} == self.turns
        assert {(each.turn_id, each.user_id): each.kind for each in dump.feedback} == self.opinions
        assert dump.session.last_seq == len(self.texts)
        assert len(dump.messages) == len(self.texts) - self.trimmed
