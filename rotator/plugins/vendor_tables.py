"""Finds the table of a vendor's answers; they are read when one is needed.

Most commands judge no answer: nothing that reads one is loaded for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rotator.core.failures.vendor_tables import Table

# The table of what several vendors say alike: asked last, of everybody.
EVERYBODY = "everybody"


@dataclass(frozen=True)
class VendorTables:
    """The tables of a package, read by the first question."""

    package: str = ""
    given: tuple[Table, ...] = field(default=())

    @cached_property
    def all(self) -> tuple[Table, ...]:
        """Every table."""
        if not self.package:
            return self.given
        from rotator.plugins.table_files import read_tables  # noqa: PLC0415  # see above

        return (*self.given, *read_tables(self.package))

    def vendor_of(self, provider: str, host: str | None) -> Table | None:
        """Return the table of the vendor at an address, else of the one with that id."""
        tables = [table for table in self.all if table.name != EVERYBODY]
        at = host.lower().rstrip(".") if host else ""
        by_host = next((table for table in tables if at and table.is_at(at)), None)
        return by_host or next((table for table in tables if provider in table.ids), None)

    def of(self, provider: str, host: str | None) -> Iterator[Table]:
        """Yield the tables to ask, in this order."""
        own = self.vendor_of(provider, host)
        if own is not None:
            yield own
        yield from (table for table in self.all if table.name == EVERYBODY)


NO_TABLES = VendorTables()
