"""`rotator doctor`: what is wrong with the set-up, and what to do about it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import click

from rotator.cli.common import json_option, print_json, print_table
from rotator.clock import system_clock
from rotator.doctor import FixReport, examine, fix_all
from rotator.doctor.check_result import CheckResult, Level, counts_by_level, exit_code
from rotator.doctor.setup import DoctorContext
from rotator.wording import counted


@click.command()
@click.option("--fix", is_flag=True, help="Mend what can be mended safely, and say what was done.")
@json_option
@click.pass_context
def command(ctx: click.Context, *, fix: bool, as_json: bool) -> None:
    """Look at everything that rotator stands on, and say what is wrong.

    Without --fix nothing is changed; no vendor is asked. Exits with 0 if there is no problem
    (notes are none), else with the code of the gravest: 7 the store, 6 auth.json, 5 no watcher,
    2 anything else.
    """
    setup = DoctorContext.of(os.environ, system_clock())
    mended = fix_all(setup) if fix else FixReport()
    results = examine(setup)
    if as_json:
        print_json(doctor_json(results, mended))
    else:
        _print(results, mended)
    ctx.exit(exit_code(results))


def doctor_json(results: Sequence[CheckResult], mended: FixReport) -> dict[str, Any]:
    """Return the contract of `doctor --json`."""
    counts = counts_by_level(results)
    return {
        "schema": 1,
        "problems": counts[Level.PROBLEM],
        "notes": counts[Level.NOTE],
        "fixed": list(mended.done),
        "not_fixed": list(mended.failed),
        "checks": [
            {
                "check": r.check.value,
                "level": r.level.value,
                "says": r.says,
                "to_do": r.to_do,
                "mendable": r.mendable,
            }
            for r in results
        ],
    }


def _print(results: Sequence[CheckResult], mended: FixReport) -> None:
    for sentence in mended.done:
        click.echo(f"fixed: {sentence}")
    for sentence in mended.failed:
        click.echo(f"not fixed: {sentence}")
    rows = []
    for r in results:
        rows.append([r.level.value, r.check.value, r.says])
        if r.to_do is not None:
            rows.append(["", "", f"-> {r.to_do}"])
    print_table(rows)
    counts = counts_by_level(results)
    mendable = any(r.mendable for r in results)
    click.echo(
        f"{counted(counts[Level.PROBLEM], 'problem')}, {counted(counts[Level.NOTE], 'note')}"
        + ("; rotator doctor --fix mends what it can" if mendable else "")
    )
