"""Coverage in forks, made ready once in the process that they come from.

Made in each fork it costs as much as the command does: its library and its settings are read, and
at the end all files of the program are looked for that were not reached, which whoever runs the
tests does anyway.
"""

from __future__ import annotations

import atexit
import functools

import coverage

from tests.support.repository import ROOT

# The settings of the tests' process, as coverage hands them to children.
CONFIG = "COVERAGE_PROCESS_CONFIG"


@functools.cache
def prepared(config: str) -> coverage.Coverage:
    """Return what measures by these settings, for forks of this process."""
    measured = coverage.Coverage(config_file=f":data:{config}", auto_data=False)
    names = measured.get_option("run:source")
    assert isinstance(names, list)
    measured.set_option("run:source", None)
    measured.set_option("run:include", [str(ROOT / str(name) / "*") for name in names])
    # A command may have ended before it has reached anything.
    measured.set_option("run:disable_warnings", ["no-data-collected"])
    # What is found out at the first start holds for all.
    measured.start()
    measured.stop()
    return measured


def measure(measured: coverage.Coverage) -> None:
    """Measure from here to the end of this fork, and save it in a file of its own then."""

    def end() -> None:
        measured.stop()
        measured.save()

    atexit.register(end)
    measured.start()
