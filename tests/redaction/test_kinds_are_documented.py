"""docs/security.md lists what redaction finds, as the code does."""

import inspect
from pathlib import Path

from kubeai_bot.domain.redaction import kinds

DOC = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")


def test_the_security_page_lists_every_kind_that_is_found():
    rows = [line for line in inspect.cleandoc(kinds.__doc__ or "").splitlines() if line.startswith("|")]
    assert len(rows) > 20
    listed = DOC.split("<!-- kinds: begin -->\n")[1].split("\n<!-- kinds: end -->")[0]
    assert listed.splitlines() == rows
