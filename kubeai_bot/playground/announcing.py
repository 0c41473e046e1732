"""Tells the person at the terminal what is real and what is simulated."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from kubeai_bot.playground.edges import Edge


def say_edges(console: Console, edges: Sequence[Edge]) -> None:
    """One line an edge."""
    for edge in edges:
        console.print(f"  {edge.edge:<11}{_kind(edge)}  {escape(edge.detail)}", soft_wrap=True)
    if not any(edge.real for edge in edges if edge.edge != "Sessions"):
        console.print("  Nothing leaves this machine.", style="dim")


def _kind(edge: Edge) -> str:
    if edge.edge == "Sessions":
        return " " * 9
    return "[bold yellow]real[/]     " if edge.real else "simulated"
