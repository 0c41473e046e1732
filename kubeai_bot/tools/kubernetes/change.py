"""The engine behind every tool that changes something: tried out, compared with what was approved, made, told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubeai_bot.domain.approval import Preview, Risk
from kubeai_bot.domain.tool import CallContext, ToolResult
from kubeai_bot.errors import ApiStatus, ClusterError, Drifted, ToolError, Unreachable
from kubeai_bot.tools.kubernetes.diff import changes_nothing, diff_of, digest_of
from kubeai_bot.tools.kubernetes.edits import Done, Edit, Tried, make, try_out
from kubeai_bot.tools.kubernetes.inverse import Undo, follow_up, place_of, taken_back
from kubeai_bot.tools.kubernetes.known import ROLLED_OUT
from kubeai_bot.tools.kubernetes.reach import Reach, Ref
from kubeai_bot.tools.kubernetes.risk import Reasons, risk_of
from kubeai_bot.tools.kubernetes.text import counted, cut_middle, one_line

if TYPE_CHECKING:
    from kubeai_bot.domain.message import ToolCall
    from kubeai_bot.domain.redaction.redactor import Redactor

DRIFTED = (
    "Not done: since this was approved, what it would do has changed (somebody or something changed the object). "
    "Nothing was written. If it is still wanted, it must be asked for and approved anew."
)
SETTLING = 60
"""Seconds that a rollout is followed for after a change."""
_DIFF_TOLD = 3000
_STATUS_MAY_MOVE = 2
"""Times that an object's status may have been written between the last look and the change."""


def nothing_to_check(redactor: Redactor) -> None:
    del redactor


def these(*edits: Edit) -> Callable[[Reach], Awaitable[Sequence[Edit]]]:
    """Edits that are known without looking."""

    async def known(reach: Reach) -> Sequence[Edit]:
        del reach
        return edits

    return known


def final(done: Sequence[Done], redactor: Redactor) -> None:
    """The undo of what cannot be taken back."""
    del done, redactor


@dataclass(frozen=True, slots=True)
class Change:
    """A list of edits, and how to speak of them.

    `edits` reads what it needs beyond the objects themselves. `told` makes the first sentence from what was done.
    `undo` gives the call that takes it back, with its intent; `verify` the reading call that shows what came of it, by
    default the rollout or the object. `check` may refuse by ToolError
    what must not be written, before anything is sent.
    """

    edits: Callable[[Reach], Awaitable[Sequence[Edit]]]
    told: Callable[[Sequence[Done]], str]
    summary: Callable[[Sequence[Done]], str] | None = None
    undo: Callable[[Sequence[Done], Redactor], Undo | None] = taken_back
    usual: Risk = "medium"
    reasons: Reasons = ()
    warnings: tuple[str, ...] = ()
    check: Callable[[Redactor], None] = nothing_to_check
    verify: ToolCall | None = None

    async def preview(self, reach: Reach, context: CallContext) -> Preview:
        """Raises ToolError where it would fail, or would change nothing."""
        self.check(context.redactor)
        tries = await self._tries(reach)
        if all(map(changes_nothing, tries)):
            raise ToolError(_nothing(tries, reach))
        risk, why = risk_of(reach.cluster.name, tries, self.usual, self.reasons)
        return Preview(
            tuple(str(tried.edit.ref) for tried in tries),
            diff_of(tries, context.redactor),
            digest_of(tries),
            risk,
            (*why, *self.warnings),
        )

    async def carry_out(self, reach: Reach, context: CallContext) -> ToolResult:
        """Raises Drifted where it is no longer what was approved; nothing has been changed then."""
        self.check(context.redactor)
        tries = await self._tries(reach)
        if context.approved is not None and context.approved != digest_of(tries):
            raise Drifted(DRIFTED)
        wanted = [tried for tried in tries if not changes_nothing(tried)]
        if not wanted:
            return ToolResult(_nothing(tries, reach), "nothing to change")
        done: list[Done] = []
        for tried in wanted:
            if len(wanted) > 1:
                await reach.progress(f"{len(done)} of {counted(len(wanted), 'object')} changed")
            try:
                done.append(await _made(reach, tried))
            except (ApiStatus, ToolError, ClusterError) as error:
                if not done:
                    raise
                return _half_done(done, tried, error)
        return self._result(done, tries, reach, context)

    async def _tries(self, reach: Reach) -> list[Tried]:
        try:
            edits = await self.edits(reach)
        except Unreachable as error:
            raise ToolError(f"{error}. Nothing was changed.") from error
        return [await try_out(reach, edit) for edit in edits]

    def _result(self, done: Sequence[Done], tries: Sequence[Tried], reach: Reach, context: CallContext) -> ToolResult:
        first = self.told(done)
        written = [Tried(each.edit, each.live, {}, each.result) for each in done]
        diff = diff_of(written, context.redactor)
        same = len(tries) - len(done)
        note = f"\n{counted(same, 'object')} needed no change." if same else ""
        undo = self.undo(done, context.redactor)
        told = f"{first} in cluster {reach.cluster.name}.{note}"
        return ToolResult(
            f"{told}\n{cut_middle(diff, _DIFF_TOLD, 'the whole diff was in the preview')}",
            self.summary(done) if self.summary else one_line(first, 100),
            audit_ids=_audit_ids(done),
            verify=self.verify or seen_after([each.edit.ref for each in done]),
            undo=undo[0] if undo else None,
            undo_intent=undo[1] if undo else "",
            whole=f"{told}\n{diff}",
        )


def seen_after(refs: Sequence[Ref]) -> ToolCall | None:
    """The reading call that shows what came of a change: the rollout of the first workload, else the first object."""
    rolled = next((ref for ref in refs if ref.resource.singular in ROLLED_OUT and ref.resource.group == "apps"), None)
    if rolled is not None:
        place = {"kind": rolled.resource.singular, "name": rolled.name, "namespace": rolled.namespace}
        return follow_up("rollout_status", **place, wait_seconds=SETTLING)
    return seen(refs[0]) if refs else None


def seen(ref: Ref) -> ToolCall:
    return follow_up("get_resource", **place_of(ref))


async def _made(reach: Reach, tried: Tried) -> Done:
    """The edit, made. Where the server refused it for a newer version of the object and only its status is newer (what
    it would do is the same), it is sent under that version: a refusal says for certain that nothing was written."""
    digest = digest_of([tried])
    for _ in range(_STATUS_MAY_MOVE):
        try:
            return await make(reach, tried)
        except Drifted:
            tried = await try_out(reach, tried.edit)
            if digest_of([tried]) != digest:
                raise
    return await make(reach, tried)


def _nothing(tries: Sequence[Tried], reach: Reach) -> str:
    names = ", ".join(str(tried.edit.ref) for tried in tries)
    return f"{names} is already so in cluster {reach.cluster.name}: nothing was changed."


def _audit_ids(done: Sequence[Done]) -> tuple[str, ...]:
    return tuple(each.audit_id for each in done if each.audit_id)


def _half_done(done: Sequence[Done], failed: Tried, error: Exception) -> ToolResult:
    names = ", ".join(str(each.edit.ref) for each in done)
    word = "it is not known whether this one was changed" if isinstance(error, Unreachable) else "this was not done"
    text = f"Changed: {names}. Then it stopped at {failed.edit.ref} ({word}; nothing after it was tried): {error}"
    return ToolResult(text, f"{len(done)} changed, then failed", ok=False, audit_ids=_audit_ids(done))
