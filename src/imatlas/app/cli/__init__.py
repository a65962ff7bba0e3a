"""The command line: one verb per step of the journey, all on one atlas folder."""

from imatlas.app.cli.main import main

__all__ = ["main"]
