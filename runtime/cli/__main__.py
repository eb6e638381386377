"""`python -m runtime.cli` is `trackly`."""

from runtime.cli import main

main(prog_name="trackly")
