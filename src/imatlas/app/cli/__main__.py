"""`python -m imatlas.app.cli`, for where the command is not on the path."""

from imatlas.app.cli import main

main()
