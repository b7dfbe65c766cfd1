"""The program of the process in which code runs; it needs nothing but the standard library."""

__all__: list[str] = []
