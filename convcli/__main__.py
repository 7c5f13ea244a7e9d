"""`python -m convcli`."""

from convcli.cli.main import run

run()
