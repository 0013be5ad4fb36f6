"""Our watcher and our commands on that computer: processes that die, and meet faults and locks."""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import Callable
from contextlib import ExitStack

from rotator.errors import LiveFileError, RotatorError
from rotator.live.swap import SwapRequest, swap
from rotator.model import Account, AccountId, Finding, HomeName, Meaning, Signal, Source
from rotator.opencode.database.home import DatabaseHome
from rotator.opencode.database.table import TableReader
from rotator.provider import HttpAnswer, HttpRequest
from rotator.services import accounts as ledger
from rotator.services.failover import Means, carry_out
from rotator.services.refresh import ask, begin, hold_refresh_locks, settle_pending_refreshes
from rotator.services.refresh_storing import Attempt, store_patiently
from rotator.services.rotate import plan_rotation, rotate
from rotator.services.sync import finish as settle_after
from rotator.services.sync import sync
from rotator.system.locks import watch_lock
from tests.histories.both_checks import Checked
from tests.histories.both_models import KEYS, NAMED
from tests.histories.both_processes import UNDISTURBED, Asking, Outcome, Plan, Watcher
from tests.histories.both_world import OTHERS
from tests.support.faults import Act, Crash, Seam, Step, anything, at, failing
from tests.support.live import (
    Live,
    open_live,
)
from tests.support.token_vendor import Mood

FAULTS = (errno.ENOSPC, errno.EROFS, errno.EIO)
_LIMITED = Finding(Meaning.SHORT_LIMIT, "429, rate limit")


class Ours(Checked):
    """The computer with our program on it."""

    # -- us ----------------------------------------------------------------------------------------

    def look(self) -> None:
        """Let the watcher look."""
        if self.watcher is not None:
            self._by_watcher(self.watcher.look, self._plan())

    def start(self) -> None:
        """Start a watcher."""
        if self.watcher is not None:
            return
        seam, stack, started = self._new_seam(), ExitStack(), list[Watcher]()

        def run() -> None:
            live = stack.enter_context(self._open())
            stack.enter_context(watch_lock(self.paths.watch_lock))
            reader = TableReader(self.paths.opencode_database)
            stack.callback(reader.close)
            started.append(Watcher(seam, stack, live, DatabaseHome(self.paths, reader=reader)))
            with contextlib.suppress(LiveFileError):
                settle_pending_refreshes(live.context)
            started[0].look()

        outcome = self._through(seam, run, self._plan())
        if outcome.crashed or not started:
            seam.bury(stack.close)
        else:
            self.watcher = started[0]

    def stop(self) -> None:
        """Stop the watcher."""
        while self.watcher is not None and self.watcher.asking:
            self.finish_refresh()
        if self.watcher is not None:
            self.watcher.stack.close()
            self.watcher = None

    def begin_refresh(self) -> None:
        """Let the watcher write down that it is about to refresh a login."""
        watcher = self.watcher
        accounts = [] if watcher is None else watcher.live.state.of(NAMED)
        if watcher is None or not accounts:
            return
        account = self.chance.choice(accounts)
        ends_at = account.credential.expires_at
        if ends_at is not None and self.chance.random() < 0.7:
            self._pass_time(max((ends_at - self.clock.now).total_seconds(), 121))
        if any(self._whose(one.entry) == self._of(account) for one in self.late):
            return

        def run() -> None:
            context = watcher.live.context
            held = hold_refresh_locks(context, account, patience_seconds=0)
            if held is None:
                return
            attempt: Attempt | str = ""
            try:
                settle_pending_refreshes(context)
                attempt = begin(context, account.id)
            finally:
                if isinstance(attempt, str):
                    held.release()
                else:
                    watcher.asking.append(Asking(held, attempt))

        self._by_watcher(run, self._plan(others=False))

    def finish_refresh(self) -> None:
        """Let the vendor be asked, and the watcher store what it has answered."""
        watcher = self.watcher
        if watcher is None or not watcher.asking:
            return
        asking = watcher.asking[0]
        if asking.result is None:
            asking.result = ask(self._send, asking.attempt)

        def run() -> None:
            assert asking.result is not None
            store_patiently(watcher.live.context, asking.attempt, asking.result)
            asking.held.release()
            watcher.asking.remove(asking)

        self._by_watcher(run, self._plan())

    def _of(self, account: Account) -> str:
        return self.vendor.of(account.credential).person

    def fail_over(self) -> None:
        """Let a request of what is active fail, in either home."""
        watcher = self.watcher
        if watcher is None:
            return
        home = self.chance.choice(list(HomeName))
        provider = self.chance.choice([NAMED, KEYS])
        failed = watcher.live.state.active_in(home, provider)
        if failed is None:
            return
        digest, now = failed.credential.digest, self.clock.now
        signal = Signal(
            "s", now, provider, Source.BRIDGE, digest, tried=(digest,), status=429, home=home
        )

        def run() -> None:
            means = Means(switches=watcher)
            carry_out(watcher.live.context, signal, _LIMITED, answer=lambda _: None, means=means)

        self._by_watcher(run, self._plan(), switches=True)

    def swap_in_auth_json(self) -> None:
        """Let the watcher put an account into auth.json."""
        watcher = self.watcher
        accounts = [] if watcher is None else watcher.live.state.of(NAMED)
        if watcher is not None and accounts:
            order = SwapRequest(self.chance.choice(accounts).id, "for the test", watched=True)
            self._by_watcher(lambda: void(swap(watcher.live.context, order)), self._plan())

    def rotate(self) -> None:
        """Rotate by hand."""
        provider, by_name = self.chance.choice([NAMED, NAMED, KEYS]), self.chance.random() < 0.5
        put: list[tuple[Account, bool]] = []

        def act(live: Live) -> None:
            accounts = live.state.of(provider)
            if not accounts:
                return
            alias = self.chance.choice(accounts).alias if by_name else None
            planned = plan_rotation(live.state, provider, alias, self.clock.now)
            done = rotate(live.context, planned)
            in_table = HomeName.DATABASE in done.homes and done.obstacle is None
            put.append((done.put, in_table))

        outcome = self._command(act, self._plan(), switches=True)
        slot = self.table.active(provider)
        if outcome.is_plain and put and put[0][1] and slot is not None:
            assert self._stands(slot, put[0][0]), "OpenCode 2 uses another login than was put in"

    def _stands(self, slot: str, account: Account) -> bool:
        value = self.table.rows[slot].value
        if value["type"] == "key":
            return bool(value["key"] == account.credential.secret.reveal())
        return self._whose(value) == self._of(account)

    def disable_and_enable(self) -> None:
        """Disable an account, which lets another take over, and enable it again."""

        def act(live: Live) -> None:
            accounts = live.state.of(NAMED)
            if accounts:
                account = self.chance.choice(accounts)
                ledger.disable(live.context, account)
                ledger.enable(live.context, account)

        self._command(act, self._plan(), switches=True)

    def remove(self) -> None:
        """Remove an account."""
        chosen: list[AccountId] = []

        def act(live: Live) -> None:
            accounts = live.state.of(NAMED)
            if accounts:
                account = self.chance.choice(accounts)
                self.removing = self._of(account)
                chosen.append(account.id)
                ledger.remove(live.context, account)

        self._command(act, self._plan(), switches=True)
        if self.removing is not None and chosen[0] not in self.saved().tokens:
            self.removed.add(self.removing)
            # What it kept of another login may be an account by now.
            self.seen.discard(self.removing)
            self.late = [one for one in self.late if self._whose(one.entry) != self.removing]
            self._excuse(self.removing)
        self.removing = None

    # -- how it is done ----------------------------------------------------------------------------

    def _plan(self, *, others: bool = True) -> Plan:
        kind = self.chance.choice(["", "", "crash", "fault", "other" if others else "", "locked"])
        step, in_database = self.chance.randint(1, 90), self.chance.random() < 0.6
        if in_database:
            step = self.chance.randint(1, 14)
        match kind:
            case "crash":
                return Plan(crash_at=step, in_database=in_database)
            case "fault":
                fault, lasting = self.chance.choice(FAULTS), self.chance.random() < 0.5
                return Plan(fault=fault, fault_at=self.chance.randint(1, 60), lasting=lasting)
            case "other":
                name = self.chance.choice([*OTHERS])
                if self.chance.random() < 1 / 2:
                    # That matters most of what one can do there.
                    name = self.chance.choice(["refresh_2", "log_in_2", "switch_2", "log_out_2"])
                    return Plan(other=name, other_at=1, before_writing=True)
                return Plan(other=name, other_at=step, in_database=in_database)
            case "locked":
                return Plan(locked=self.chance.choice(["writing", "alone"]))
            case _:
                return UNDISTURBED

    def _command(self, act: Callable[[Live], None], plan: Plan, *, switches: bool) -> Outcome:
        seam = self._new_seam()

        def run() -> None:
            with self._open() as live:
                sync(live.context)
                try:
                    act(live)
                finally:
                    settle_after(live.context)

        outcome = self._through(seam, run, plan, switches=switches)
        if outcome.crashed:
            seam.bury(lambda: None, alone=self.watcher is None)
        return outcome

    def _by_watcher(self, run: Callable[[], object], plan: Plan, *, switches: bool = False) -> None:
        watcher = self.watcher
        assert watcher is not None
        outcome = self._through(watcher.seam, run, plan, switches=switches)
        if outcome.crashed:
            for asking in watcher.asking:
                asking.held.release()
                self.unheard.add(self._of(asking.attempt.account))
            self.watcher = None
            watcher.seam.bury(watcher.stack.close)
        self._settle(outcome, plan)

    def _through(
        self, seam: Seam, run: Callable[[], object], plan: Plan, *, switches: bool = False
    ) -> Outcome:
        self._seam, self._outcome = seam, Outcome()
        outcome = self._outcome
        self.told.append(f"{plan}")
        with ExitStack() as stack:
            if plan.locked and self.table.is_there:
                stack.enter_context(self.table.locked(alone=plan.locked == "alone"))
                outcome.mixed = True
            try:
                with seam.watching(*self._acts(seam, plan)):
                    run()
                    outcome.done = True
            except Crash:
                outcome.crashed = True
            except RotatorError as exc:
                outcome.refused = exc
        self.counted["crashes"] += outcome.crashed
        self.counted["faults"] += outcome.faulty
        self.counted["locked"] += bool(plan.locked)
        self.counted["steps of others in ours"] += outcome.mixed and bool(plan.other)
        self.counted["switches"] += switches and outcome.done
        if not outcome.crashed:
            self._settle(outcome, plan)
        self._require_table(switches=switches)
        return outcome

    def _settle(self, outcome: Outcome, plan: Plan) -> None:
        if outcome.crashed or (outcome.faulty and plan.lasting):
            self.unheard |= self.given
        self.ended |= self.unheard
        for person in self.unheard:
            self._excuse(person)
        self.unheard.clear()
        self.given.clear()

    def _acts(self, seam: Seam, plan: Plan) -> list[Act]:
        among = _in_database if plan.in_database else anything
        among = _writing_into_database if plan.before_writing else among
        if plan.crash_at:
            return [at(plan.crash_at, seam.crash, among)]
        if plan.fault:
            return [self._fault(plan)]
        return [at(plan.other_at, self._other(plan.other), among)] if plan.other else []

    def _fault(self, plan: Plan) -> Act:
        fail = failing(plan.fault_at, plan.fault, lasting=plan.lasting)

        def act(step: Step) -> None:
            try:
                fail(step)
            except Exception:
                self._outcome.faulty = True
                raise

        return act

    def _other(self, name: str) -> Act:
        def act(_: Step) -> None:
            self._outcome.mixed = True
            self.by_others(name)

        return act

    def by_others(self, name: str) -> None:
        """Let somebody else do something; what is gone by that is no loss of ours."""
        before = self._held(self.saved())
        getattr(self, name)()
        lost = before & self._alive() - self._held(self.saved())
        self.ended |= {self.vendor.minted[access].person for access in lost}
        self._excuse_all()

    def _new_seam(self) -> Seam:
        return Seam(monotonic=lambda: self.uptime, sleep=lambda s: self._pass_time(max(s, 0.1)))

    def _open(self) -> contextlib.AbstractContextManager[Live]:
        return open_live(self.folder, clock=self.clock, registry=self.registry)

    def _send(self, request: HttpRequest) -> HttpAnswer:
        assert request.body is not None
        self._seam.step(Step("ask"))
        mine = self.vendor.minted[json.loads(request.body.reveal())["access"]]
        is_spent = self.vendor.newest[mine.login] != mine
        assert not is_spent or self.gone.get(mine.person) is not None, (
            f"a spent token of {mine.person} is sent"
        )
        before = self.vendor.newest[mine.login]
        try:
            answer = self.vendor.send(request)
        finally:
            if self.vendor.newest[mine.login] != before:
                heard = self.vendor.mood is Mood.ANSWERS
                (self.given if heard else self.unheard).add(mine.person)
                self.counted["refreshes by us"] += heard
        self._seam.step(Step("answer"))
        return answer


def _in_database(step: Step) -> bool:
    return step.path is not None and "opencode.db" in str(step.path)


def _writing_into_database(step: Step) -> bool:
    return _in_database(step) and step.words.startswith("BEGIN")


def void(_: object) -> None:
    """Take a value and return nothing."""
