"""Where everything lies: our own places and opencode's, from the environment alone.

The XDG rule with its usual defaults on every platform, as opencode itself does it. Nothing
here touches the disk, but the functions that make folders.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rotator.errors import StoreError
from rotator.system.disk_errors import way_out_of
from rotator.system.file_owners import (
    closed_folder,
    make_private_folder,
    narrow_folder,
    require_own_way,
)
from rotator.system.odd_places import instead_of_folder
from rotator.system.writable import unwritable_place

OURS = "opencode-rotator"
FOLDER_MODE = 0o700
FILE_MODE = 0o600


@dataclass(frozen=True, slots=True)
class Paths:
    """Every path that this program reads or writes."""

    home: Path
    auth_file: Path
    opencode_database: Path
    opencode_logs: Path
    opencode_config: Path
    opencode_state: Path
    config: Path
    data: Path
    state: Path

    @property
    def store(self) -> Path:
        """The accounts: durable, holds credentials."""
        return self.data / "rotator.sqlite"

    @property
    def backups(self) -> Path:
        """Copies of the accounts, few and with credentials."""
        return self.data / "backups"

    @property
    def journal(self) -> Path:
        """What auth.json held, for as long as it is being written in place."""
        return self.data / "auth.json.journal"

    @property
    def settings_journal(self) -> Path:
        """What config.toml or tui.json held, for as long as it is being written in place."""
        return self.data / "settings.journal"

    @property
    def history(self) -> Path:
        """Events and readings: bounded, may be lost."""
        return self.data / "history.sqlite"

    @property
    def bridge(self) -> Path:
        """The folder through which the bridge and the watcher exchange files."""
        return self.state / "bridge"

    @property
    def beat(self) -> Path:
        """The file whose time says that the watcher works; its pid may mean nothing elsewhere."""
        return self.bridge / "beat"

    @property
    def glance(self) -> Path:
        """What opencode's sidebar shows, without a secret."""
        return self.state / "glance.json"

    @property
    def changed(self) -> Path:
        """Touched after every commit to the store, so that others re-read it."""
        return self.state / "changed"

    @property
    def watch_lock(self) -> Path:
        """Held for a watcher's life."""
        return self.state / "watch.lock"

    @property
    def swap_lock(self) -> Path:
        """Held for the milliseconds of a swap."""
        return self.state / "swap.lock"

    @property
    def refresh_locks(self) -> Path:
        """One file for each account and each OAuth client, held while tokens are refreshed."""
        return self.state / "refresh"

    def refresh_lock(self, name: str) -> Path:
        """Return the lock of an account, or of a client, for who gets tokens for it."""
        return self.refresh_locks / f"{name}.lock"

    @property
    def backup_lock(self) -> Path:
        """Held while a backup is made or old ones are removed."""
        return self.state / "backup.lock"

    @property
    def wanted_schema(self) -> Path:
        """The schema that a newer version waits to bring the store to."""
        return self.state / "wanted-schema"

    @property
    def config_file(self) -> Path:
        """The settings: the user's own file, which may be a link."""
        return self.config / "config.toml"

    @property
    def settings_cache(self) -> Path:
        """What was found valid last, so that few have to look closely."""
        return self.state / "settings.json"

    @property
    def opencode_files(self) -> Path:
        """Which package files were in opencode's folders before the bridge was."""
        return self.state / "opencode-files.json"

    @property
    def settings_lock(self) -> Path:
        """Held while the settings are edited."""
        return self.state / "settings.lock"

    @property
    def log(self) -> Path:
        """The watcher's log."""
        return self.state / "rotator.log"


def find_paths(environ: Mapping[str, str] | None = None) -> Paths:
    """Return the paths that `environ` (by default the process's own) gives."""
    env = os.environ if environ is None else environ
    home = Path(env.get("HOME") or env.get("USERPROFILE") or _home_of_user())
    data = _xdg(env, "XDG_DATA_HOME", home / ".local" / "share")
    config = _xdg(env, "XDG_CONFIG_HOME", home / ".config")
    state = _xdg(env, "XDG_STATE_HOME", home / ".local" / "state")
    opencode_config = env.get("OPENCODE_CONFIG_DIR")
    moved_state = env.get("ROTATOR_STATE_DIR")
    return Paths(
        home=home,
        auth_file=data / "opencode" / "auth.json",
        opencode_database=data / "opencode" / (env.get("OPENCODE_DB") or "opencode.db"),
        opencode_logs=data / "opencode" / "log",
        opencode_config=Path(opencode_config) if opencode_config else config / "opencode",
        opencode_state=state / "opencode",
        config=config / OURS,
        data=data / OURS,
        state=Path(moved_state) if moved_state else state / OURS,
    )


def _xdg(env: Mapping[str, str], name: str, default: Path) -> Path:
    value = env.get(name)
    return Path(value) if value else default


def _home_of_user() -> str:
    # A service may run without HOME; opencode asks the system then, too.
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/"


def make_folder(folder: Path) -> Path:
    """Make `folder` and the missing ones above it, 0700 as XDG asks; return it.

    Each belongs to the owner of the one that it lies in. What exists already stays as it is.
    Raises OSError.
    """
    require_own_way(folder)
    return _made(folder)


def _made(folder: Path) -> Path:
    if folder.is_dir():
        return folder
    _made(folder.parent)
    try:
        make_private_folder(folder)
    except FileExistsError:
        if not folder.is_dir():
            raise
    return folder


def private_folder(folder: Path) -> Path:
    """Make a folder of ours, and narrow it to 0700 if it exists already; raises StoreError."""
    try:
        make_folder(folder)
        narrow_folder(folder)
    except OSError as exc:
        message = f"the folder {folder} cannot be used: {exc.strerror}"
        hint = way_out_of(exc, "check its rights and those of the folders above")
        if closed_folder(folder) is not None and (why := unwritable_place(folder)) is not None:
            message, hint = f"the folder {folder} cannot be used: {why.why}", why.to_do
        elif (told := instead_of_folder(folder)) is not None:
            message, hint = f"the folder {folder} cannot be used: {told[0]}", told[1]
        raise StoreError(message, hint=hint) from exc
    return folder
