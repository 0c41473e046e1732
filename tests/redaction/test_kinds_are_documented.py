"""docs/security.md lists what redaction finds, as the code does."""

import inspect
from pathlib import Path

from kubeai_bot.domain.redaction import commands, kinds
from kubeai_bot.domain.redaction.patterns import compiled

DOC = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")


def test_the_security_page_lists_every_kind_that_is_found():
    rows = [line for line in inspect.cleandoc(kinds.__doc__ or "").splitlines() if line.startswith("|")]
    assert len(rows) > 20
    listed = DOC.split("<!-- kinds: begin -->\n")[1].split("\n<!-- kinds: end -->")[0]
    assert listed.splitlines() == rows


def test_every_pattern_compiles_and_the_group_of_a_secret_is_named_once():
    for token in kinds.TOKENS:
        assert "secret" not in compiled(token.tail).groupindex
    for shape in kinds.SHAPES:
        assert set(compiled(shape.pattern).groupindex) <= {"secret"}
    for _, patterns in commands._PROGRAMS:
        assert all("secret" in compiled(pattern).groupindex for pattern in patterns)
