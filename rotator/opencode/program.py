"""Finds opencode and says how its own login is run; what it does with it is opencode's affair."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from rotator.errors import UsageError
from rotator.system.file_owners import home_below_root


def find_opencode(environ: Mapping[str, str] | None = None) -> str:
    """Return the program that is called opencode here.

    Raises UsageError if there is none, and where root would run it in another user's home.
    """
    env = os.environ if environ is None else environ
    why = home_below_root(env)
    if why is not None:
        # It loads the plug-ins that lie there.
        message = f"opencode is not started: {why}"
        raise UsageError(message, hint="run it, and rotator, as that user")
    program = shutil.which("opencode", path=env.get("PATH"))
    if program is None and env.get("HOME"):
        # Where its own installer puts it, which not every shell has in its PATH.
        usual = Path(env["HOME"]) / ".opencode" / "bin"
        program = shutil.which("opencode", path=str(usual))
    if program is None:
        raise UsageError("opencode was not found", hint="install it, or put it into PATH")
    return program


def login_command(provider: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the words that log in to a provider; for none, opencode asks which."""
    words = [find_opencode(environ), "auth", "login"]
    return [*words, "--provider", provider] if provider else words
