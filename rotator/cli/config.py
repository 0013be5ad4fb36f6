"""`rotator config`: get, set, unset, edit, path and show the settings."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import click

from rotator.cli.common import json_option, print_json, print_table
from rotator.errors import ConfigError, UsageError
from rotator.settings.active import SettingsLookup
from rotator.system import interrupts
from rotator.system.files import publish
from rotator.system.paths import Paths, find_paths, private_folder
from rotator.text import sanitize

if TYPE_CHECKING:
    from rotator.settings.catalog import Setting
    from rotator.settings.origins import SettingValue

WRONG = 2
DRAFT = "config.draft.toml"


@click.group()
def command() -> None:
    """Look at the settings, or change them. docs/settings.md says what each one does."""


@command.command()
@json_option
def path(*, as_json: bool) -> None:
    """Say where the settings are, or would be."""
    file = find_paths().config_file
    if as_json:
        print_json({"schema": 1, "path": str(file), "exists": file.exists()})
    else:
        click.echo(str(file))


@command.command()
@click.option("--origin", is_flag=True, help="Say where each value comes from.")
@json_option
@click.pass_context
def show(ctx: click.Context, *, origin: bool, as_json: bool) -> None:
    """Show every setting that holds. Ends with 2 if the file or a variable is wrong."""
    from rotator.settings.inline_values import rendered
    from rotator.settings.origins import setting_values

    asked = SettingsLookup(find_paths())
    known = setting_values(asked)
    if as_json:
        settings = [_json(setting) for setting in known]
        print_json(_with_problem({"schema": 1, "settings": settings}, asked))
    elif origin:
        print_table([(setting.key, setting.origin, rendered(setting.value)) for setting in known])
    else:
        for setting in known:
            click.echo(f"{setting.key} = {rendered(setting.value)}")
    _tell_problem(ctx, asked, as_json=as_json)


@command.command()
@click.argument("key")
@json_option
@click.pass_context
def get(ctx: click.Context, key: str, *, as_json: bool) -> None:
    """Print the value of one setting; KEY is its name as `show` has it."""
    from rotator.settings.catalog import find_setting
    from rotator.settings.inline_values import rendered
    from rotator.settings.origins import setting_values

    setting, member = find_setting(key)
    asked = SettingsLookup(find_paths())
    entry = next(entry for entry in setting_values(asked) if entry.key == setting.key)
    value = entry.value if member is None else entry.value.get(member)
    if as_json:
        print_json(_with_problem({"schema": 1, **_json(entry), "key": key, "value": value}, asked))
    elif value is not None:
        click.echo(value if isinstance(value, str) else rendered(value))
    _tell_problem(ctx, asked, as_json=as_json)


@command.command("set")
@click.argument("key")
@click.argument("values", nargs=-1, required=True, metavar="VALUE...")
@json_option
def set_(key: str, values: tuple[str, ...], *, as_json: bool) -> None:
    """Set one setting in the file. A list takes several values, or one as in the file.

    Words that begin with a hyphen follow after `--`.
    """
    from rotator.settings.catalog import find_setting
    from rotator.settings.edit import set_value
    from rotator.settings.inline_values import rendered
    from rotator.settings.origins import parse_argument

    setting, member = find_setting(key)
    value = parse_argument(setting, member, values)
    set_value(find_paths(), key, value)
    _say(setting, {"schema": 1, "key": key, "value": value}, rendered(value), as_json=as_json)


@command.command()
@click.argument("key")
@json_option
def unset(key: str, *, as_json: bool) -> None:
    """Take one setting out of the file, so that its default holds."""
    from rotator.settings.catalog import find_setting
    from rotator.settings.edit import unset_value
    from rotator.settings.inline_values import rendered

    setting, member = find_setting(key)
    unset_value(find_paths(), key)
    value = setting.default if member is None else None
    text = "nothing" if value is None else rendered(value)
    _say(setting, {"schema": 1, "key": key, "value": value}, text, as_json=as_json)


@command.command()
def edit() -> None:
    """Open the settings in your editor (VISUAL, EDITOR); they are taken only if they are right."""
    from rotator.settings.edit import read_as_it_is, replace_text
    from rotator.system.file_owners import home_below_root

    why = home_below_root(os.environ)
    if why is not None:
        # An editor runs what its own configuration says.
        message = f"the editor is not started: {why}"
        raise UsageError(message, hint="run it as that user, or use: rotator config set")
    paths = find_paths()
    before = read_as_it_is(paths)
    written = template() if before is None else before
    while True:
        content = _edited(written.encode())
        if content is None or content == (before or "").encode():
            click.echo("nothing was changed")
            return
        written = content.decode("utf-8", "replace")
        try:
            replace_text(paths, before, written)
        except ConfigError as exc:
            _require_another_try(paths, content, exc)
        else:
            click.echo(f"{paths.config_file} was changed")
            return


def _edited(content: bytes) -> bytes | None:
    """Return what the user's editor makes of it, None if nothing was saved."""
    try:
        with interrupts.left_to_the_child():
            return click.edit(content, extension=".toml")
    except click.ClickException as exc:
        message = f"the editor did not do it: {exc.format_message()}"
        raise ConfigError(message, hint="VISUAL or EDITOR says which one is used") from exc
    except OSError as exc:
        message = f"the editor is not started: no temporary file can be made ({exc.strerror})"
        hint = "let TMPDIR name a folder that can be written, or use: rotator config set"
        raise ConfigError(message, hint=hint) from exc


def _require_another_try(paths: Paths, content: bytes, exc: ConfigError) -> None:
    """Ask whether to go on; else keep what was written, and raise."""
    if sys.stdin.isatty():
        click.echo(f"rotator: {sanitize(exc.message, 1000)}", err=True)
        with interrupts.counting_at_once():
            again = click.confirm("Edit it again?", default=True)
        if again:
            return
    draft = private_folder(paths.state) / DRAFT
    publish(draft, content)
    raise ConfigError(exc.message, hint=f"nothing was changed; your text is in {draft}") from exc


def template() -> str:
    """Return a config.toml that sets nothing and says what could be set."""
    from rotator.settings.catalog import OF_A_PRIORITY, SETTINGS

    lines = ["# The settings of opencode-rotator. What is commented out has its default.", ""]
    section = ""
    for setting in (setting for setting in SETTINGS if "." in setting.key):
        before, _, name = setting.key.partition(".")
        if before != section:
            section = before
            lines += [f"[{section}]"]
        lines += [*_comment(setting.about), f"# {name} = {json.dumps(setting.default)}", ""]
    about = next(setting.about for setting in SETTINGS if setting.key == "priority")
    lines += [*_comment(about), "# [[priority]]"]
    lines += [f"# {field.path[-1]} = {json.dumps(field.default or '…')}" for field in OF_A_PRIORITY]
    return "\n".join([*lines, ""])


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, 90)]


# -- what is said --------------------------------------------------------------------------------


def _json(setting: SettingValue) -> dict[str, Any]:
    origin = {"kind": setting.kind, "where": setting.where}
    return {
        "key": setting.key,
        "value": setting.value,
        "default": setting.default,
        "origin": origin,
    }


def _with_problem(value: dict[str, Any], asked: SettingsLookup) -> dict[str, Any]:
    return {**value, "problem": asked.verdict().problem}


def _tell_problem(ctx: click.Context, asked: SettingsLookup, *, as_json: bool) -> None:
    problem = asked.verdict().problem
    if problem is None:
        return
    if not as_json:
        click.echo(f"! {sanitize(problem, 1000)}", err=True)
    ctx.exit(WRONG)


def _say(setting: Setting, value: dict[str, Any], text: str, *, as_json: bool) -> None:
    """Say what the file holds now, and whether a variable holds instead."""
    above = setting.variable if os.environ.get(setting.variable) else None
    if as_json:
        print_json({**value, "overridden_by": above})
        return
    click.echo(f"{value['key']} = {text}")
    if above:
        click.echo(f"! {above} is set and holds instead", err=True)
