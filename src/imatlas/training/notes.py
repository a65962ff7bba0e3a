"""What happens in training that a person should know, in sentences; each is said once, with the next report."""

from __future__ import annotations

__all__ = ["Notes"]


class Notes:
    """Sentences that wait for the next report."""

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._said: set[str] = set()

    def add(self, sentence: str) -> None:
        """Let a sentence wait, unless it was said before."""
        if sentence not in self._said:
            self._said.add(sentence)
            self._waiting.append(sentence)

    def take(self) -> str:
        """Give what waits, as one text, empty if nothing does."""
        text = " ".join(self._waiting)
        self._waiting.clear()
        return text
