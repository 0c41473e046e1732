"""`python -m tests.mcp.servers.liar NAME [--legacy] [--port N]`: one lying server, over stdio or HTTP."""

from __future__ import annotations

import argparse

from tests.mcp.servers import lies_about_protocol as protocol
from tests.mcp.servers import lies_about_tools as tools
from tests.mcp.servers.raw import Liar, serve

LIARS: dict[str, type[Liar]] = {
    "honest": Liar,
    **{
        made.__name__: made
        for room in (protocol, tools)
        for made in vars(room).values()
        if isinstance(made, type) and issubclass(made, Liar) and made is not Liar
    },
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=sorted(LIARS))
    parser.add_argument("--legacy", action="store_true")
    parser.add_argument("--port", type=int)
    options = parser.parse_args()
    serve(LIARS[options.name](legacy=options.legacy), options)


if __name__ == "__main__":
    main()
