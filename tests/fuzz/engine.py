"""One target under atheris, until libFuzzer ends the process: `python -m tests.fuzz.engine TARGET [libFuzzer flags]`."""

import sys

import atheris

ROOMS = ["schemas", "runtime", "producers", "processors", "dispatchers", "yaml"]
"""Whose branches guide the search."""


def main() -> None:
    """Instrument what is imported from here on, and begin."""
    with atheris.instrument_imports(include=ROOMS, enable_loader_override=False):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - only what is imported here is instrumented
    check = TARGETS[sys.argv[1]].check
    atheris.Setup([sys.argv[0], *sys.argv[2:]], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
