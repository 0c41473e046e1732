"""Names of tools as models see them: `server__tool`, within the rules of OpenAI and Gemini.

OpenAI: ^[a-zA-Z0-9_-]{1,64}$; Gemini wants a letter or an underscore first.
"""

from __future__ import annotations

import hashlib
import re

LONGEST = 64
_OTHER = re.compile(r"[^A-Za-z0-9_-]")


def public_name(prefix: str, name: str) -> str:
    """Always the same for the same tool. What neither vendor allows becomes an underscore; a name that held other than
    ASCII, or is too long, ends in a hash of the original, so that look-alikes stay apart."""
    plain = _OTHER.sub("_", name)
    whole = f"{prefix}__{plain}" if prefix else plain
    if not whole or not (whole[0].isalpha() or whole[0] == "_"):
        whole = f"_{whole}"
    if name.isascii() and len(whole) <= LONGEST:
        return whole
    mark = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{whole[: LONGEST - 9]}_{mark}"
