"""Coverage's tracer is there for what tests and their fixtures do, not for pytest's own work.

A thread that is traced takes twice as long for whatever it does, and around a short test that is
mostly pytest. So the tracer rests in the tests' thread, and works for the body of a test and for
fixtures and their ends; while tests are collected it works for a module of ours that is loaded.
What a test starts in other threads and processes is traced as ever.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator, Iterator
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import Any
from unittest import mock

import pytest

from tests.support.unmeasured_tests import MARK

_TRACER = pytest.StashKey[Any]()
_HAS_OPENED = pytest.StashKey[bool]()
# Fixtures of pytest and its plug-ins, and those of every test: nothing of the program runs there.
_PYTESTS = ("_pytest.", "pytest_", "xdist.", "anyio.", "hypothesis.", "_hypothesis")
# What is measured; pytest loads the tests themselves in a way of its own.
_MEASURED = ("rotator", "providers")
_GUARDS = {
    f"tests.support.{name}"
    for name in ("canary", "forked_command", "home", "leaks", "network", "quiet")
}


def runs_nothing_of_ours(module: str) -> bool:
    """Tell whether the fixtures of a module run nothing of the program."""
    return module in _GUARDS or module.startswith(_PYTESTS)


def _rest(config: pytest.Config) -> None:
    """Take the tracer out of this thread, and keep it."""
    if (tracer := sys.gettrace()) is not None:
        config.stash[_TRACER] = tracer
        sys.settrace(None)


@contextlib.contextmanager
def _at_work(config: pytest.Config) -> Iterator[None]:
    """Let the tracer work in this thread while the block runs, if there is one."""
    if sys.gettrace() is None and (tracer := config.stash.get(_TRACER, None)) is not None:
        sys.settrace(tracer)
    try:
        yield
    finally:
        _rest(config)


@contextlib.contextmanager
def measured_modules(tracer: Any) -> Iterator[None]:
    """Let a tracer work in this thread while a module is loaded that is measured."""
    load = SourceFileLoader.exec_module

    def exec_module(loader: SourceFileLoader, module: ModuleType) -> None:
        is_measured = module.__name__.partition(".")[0] in _MEASURED
        before = sys.gettrace()
        sys.settrace(tracer if is_measured else None)
        try:
            load(loader, module)
        finally:
            sys.settrace(before)

    with mock.patch.object(SourceFileLoader, "exec_module", exec_module):
        yield


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Let the tracer rest while tests are found: their assertions are rewritten, cases are made."""
    tracer = sys.gettrace()
    if tracer is None:
        return (yield)
    _rest(session.config)
    try:
        with measured_modules(tracer):
            return (yield)
    finally:
        sys.settrace(tracer)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Let the tracer rest; where others run the tests, it has nothing to do here at all."""
    before = sys.gettrace()
    _rest(session.config)
    try:
        return (yield)
    finally:
        sys.settrace(before)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Trace what a fixture does, unless it is nothing of ours."""
    if runs_nothing_of_ours(fixturedef.func.__module__):
        return (yield)
    request.config.stash[_HAS_OPENED] = True
    with _at_work(request.config):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Rest again after a test that is not measured: pytest-cov has gone on with measuring."""
    try:
        yield
    finally:
        _rest(item.config)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Trace the body of a test."""
    if pyfuncitem.get_closest_marker(MARK) is not None:
        return (yield)
    with _at_work(pyfuncitem.config):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    """Trace the ends of fixtures, of the test's own and of those that several tests have used."""
    has_opened = item.config.stash.get(_HAS_OPENED, False)
    if not has_opened and nextitem is not None and nextitem.path == item.path:
        return (yield)
    item.config.stash[_HAS_OPENED] = False
    with _at_work(item.config):
        return (yield)
