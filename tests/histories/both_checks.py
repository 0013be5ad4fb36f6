"""What must hold in a HOME of both opencodes, whatever has come in between."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.histories.both_models import KEYS, NAMED, Row
from tests.histories.both_world import World


class Checked(World):
    """The computer, looked at."""

    def require(self) -> None:
        """Assert what holds after every step."""
        saved = self.saved()
        people = self._people(saved)
        assert len(people) == len(set(people)), f"there are accounts of {people}"
        assert len(saved.keys) == len(set(saved.keys)), "a key is two accounts"
        assert self.seen <= set(people), f"the account of {self.seen - set(people)} is gone"
        assert self.seen_keys <= set(saved.keys), "the account of a key is gone"
        self.seen, self.seen_keys = set(people), set(saved.keys)
        held = self._held(saved)
        for person in self.vendor.people():
            alive = self.vendor.alive(person)
            fine = alive & held or alive <= self.gone.get(person, set())
            assert fine, f"the tokens of {person} are lost"
        entry = self.entries.get(NAMED)
        if entry is not None:
            self._require_one_s(entry, entry.get("accountId"))

    def _require_one_s(self, tokens: Any, account: object) -> None:
        person = self._whose(tokens)
        same = tokens["access"].removeprefix("ACC") == tokens["refresh"].removeprefix("REF")
        assert same, f"two generations in one login of {person}"
        assert account == f"acct-{person}", f"tokens of {person} under {account}"

    def _require_table(self, *, switches: bool) -> None:
        """Assert that we have changed nothing in the table that is not ours to change."""
        if not self.table.path.exists() or self.table.is_renamed:
            return
        actual = self.table.actual()
        for slot, row in tuple(self.table.rows.items()):
            if slot not in actual:
                assert row.provider == NAMED, f"{slot} is gone"
                assert self._whose(row.value) == self.removing, f"{slot} is gone"
                del self.table.rows[slot]
                switches = True
        for slot, found in actual.items():
            self._require_row(slot, found)
        marks = {slot: row.active for slot, row in self.table.rows.items()}
        if not switches:
            assert {slot: actual[slot].active for slot in marks} == marks, "another row is active"
        for slot, row in self.table.rows.items():
            row.active = actual[slot].active
        used = Counter(row.provider for row in actual.values() if row.active)
        assert max(used.values(), default=1) == 1, "two rows are active"

    def _require_row(self, slot: str, found: Row) -> None:
        before = self.table.rows.get(slot)
        if before is None:
            assert found.is_ours, f"{slot} is nobody's"
            assert found.active in (None, 1), "a row of ours says that it is not active"
            self.table.rows[slot] = before = found
        kept = (found.provider, found.label, found.created)
        assert kept == (before.provider, before.label, before.created), f"{slot} is another row"
        if found.provider == KEYS:
            assert found.value == before.value, "a key was changed"
            return
        metadata = found.value["metadata"]
        self._require_one_s(found.value, metadata.get("accountID"))
        if found.value != before.value:
            tokens = ("refresh", "access", "expires")
            rest = {k: v for k, v in found.value.items() if k not in tokens}
            assert rest == {k: v for k, v in before.value.items() if k not in tokens}, "not ours"
            was = before.value["access"]
            assert self._whose(before.value) == self._whose(found.value), "another's tokens"
            # What an opencode has written there is either saved by now, or it still stands there.
            is_unseen = was in self._alive() and was not in self.saved().held
            assert not is_unseen, f"tokens of {self._whose(found.value)} were written over unseen"
            before.value = found.value
            self.counted["newer tokens put in"] += 1
