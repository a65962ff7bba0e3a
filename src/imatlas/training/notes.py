"""What happens in training that a person should know, in sentences; each is said once, with the next report."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Notes"]


@dataclass
class Notes:
    """Sentences that wait for the next report; JSON values only, as they go into the checkpoint.

    Parameters
    ----------
    waiting : for the next report.
    known : all that were added, and will not be again.
    """

    waiting: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)

    def add(self, sentence: str) -> None:
        """Let a sentence wait, unless it was added before."""
        if sentence not in self.known:
            self.known.append(sentence)
            self.waiting.append(sentence)

    def take(self) -> str:
        """Give what waits, as one text, empty if nothing does."""
        text = " ".join(self.waiting)
        self.waiting.clear()
        return text
