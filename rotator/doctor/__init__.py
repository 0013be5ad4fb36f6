"""`rotator doctor`: looks at everything that this program stands on, and says what is wrong.

Looking changes nothing, asks nobody over the network, and needs no store that can be used. No
sentence holds anything of a credential.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rotator.doctor import configured, databases, inside, mends, places, programs, running, stores
from rotator.doctor.check_result import Check, CheckResult, problem
from rotator.doctor.setup import DoctorContext
from rotator.errors import RotatorError
from rotator.system.disk_errors import way_out_of
from rotator.system.interrupts import obey
from rotator.system.writable import unwritable_place

Look = Callable[[DoctorContext], Iterator[CheckResult]]
Mend = Callable[[DoctorContext], Iterator[str]]


# In the order in which they are told. The store tells of backups, accounts and clock, too.
LOOKS: dict[Check, Look] = {
    Check.WATCHER: running.look_at_watcher,
    Check.SERVICE: running.look_at_service,
    Check.NOTIFICATIONS: running.look_at_notifications,
    Check.AUTH_FILE: places.look_at_auth_file,
    Check.DATABASE: databases.look_at_database,
    Check.STORE: stores.look_at_store,
    Check.FOLDERS: places.look_at_folders,
    Check.LEFTOVERS: places.look_for_leftovers,
    Check.DISK: places.look_at_disk,
    Check.BRIDGE: running.look_at_bridge,
    Check.DASHBOARD: inside.look_at_dashboard,
    Check.OPENCODE: programs.look_at_opencode,
    Check.PROVIDERS: programs.look_at_providers,
    Check.SETTINGS: configured.look_at_settings,
}
# Modes first: what can be written is what the others need.
MENDS: tuple[Mend, ...] = (
    mends.narrow_modes,
    mends.make_folders,
    mends.rebuild_store,
    mends.clear_leftovers,
    mends.renew_bridge,
    mends.shorten_waits,
    mends.renew_dashboard,
)


@dataclass(frozen=True, slots=True)
class FixReport:
    """A sentence for each thing that was mended, and for each that could not be."""

    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def examine(setup: DoctorContext) -> list[CheckResult]:
    """Look at everything; what cannot be looked at is a problem of its own."""
    return [result for check, look in LOOKS.items() for result in _tried(check, look, setup)]


def _tried(check: Check, look: Look, setup: DoctorContext) -> list[CheckResult]:
    obey()
    try:
        return list(look(setup))
    except RotatorError as exc:
        return [problem(check, exc.message, exc.hint)]
    except OSError as exc:
        told = unwritable_place(Path(exc.filename)) if isinstance(exc.filename, str) else None
        if told is not None:
            return [problem(check, told.why, told.to_do)]
        where = f"{exc.filename} " if exc.filename else ""
        to_do = way_out_of(exc, "check the rights")
        return [problem(check, f"{where}cannot be looked at: {exc.strerror}", to_do)]


def fix_all(setup: DoctorContext) -> FixReport:
    """Mend what can be mended safely; what fails keeps nothing else from being mended."""
    done: list[str] = []
    failed: list[str] = []
    for mend in MENDS:
        obey()
        try:
            # One by one: what was done before a failure was done.
            done.extend(mend(setup))
        except RotatorError as exc:
            failed.append(exc.message)
        except OSError as exc:
            failed.append(f"{exc.filename} cannot be changed: {exc.strerror}")
    return FixReport(tuple(done), tuple(failed))
