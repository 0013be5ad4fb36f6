"""Every provider module keeps to the contract with every documented case of its vendor."""

from __future__ import annotations

import pytest

from rotator.provider import UsageReader
from rotator.testing import UsageCase, rules_for
from rotator.testing.conformance import Rule
from tests.support.usage_cases import AnyCase, cases, module_of, modules

TRIALS = [
    pytest.param(case, rule, id=f"{case}: {name}")
    for case in cases()
    for name, rule in rules_for(case).items()
]


@pytest.mark.parametrize(("case", "rule"), TRIALS)
def test_a_module_keeps_to_the_contract(case: AnyCase, rule: Rule) -> None:
    assert list(rule(module_of(case.provider), case)) == []


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_documented_case_is_of_a_module_that_can_read_it(case: AnyCase) -> None:
    module = module_of(case.provider)

    # Headers and errors of those without a module are the generic one's.
    assert case.provider in modules() or case.kind != "usage"
    assert isinstance(module, UsageReader) or not isinstance(case, UsageCase)
