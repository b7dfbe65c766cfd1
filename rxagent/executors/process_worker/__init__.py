"""The program of the process in which code runs; it needs nothing but the standard library."""

from __future__ import annotations

__all__: list[str] = []
