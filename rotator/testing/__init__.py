"""What a provider module has to keep to, as a suite that anybody can run against their own.

`read_cases` reads documented answers of a vendor from a folder, and `broken_rules` takes
a module and a case and gives a sentence for each rule that is broken. No test library is
needed; docs/providers.md shows how they are used with pytest.
"""

from rotator.testing.cases import (
    BadCase,
    Case,
    ErrorCase,
    HeaderCase,
    IdentityCase,
    LoginCase,
    Step,
    UsageCase,
    read_case,
    read_cases,
)
from rotator.testing.conformance import RULES, broken_rules, can_try, rules_for
from rotator.testing.driving import MOST_REQUESTS, NeedlessRequest, Outcome, drive

__all__ = [
    "MOST_REQUESTS",
    "RULES",
    "BadCase",
    "Case",
    "ErrorCase",
    "HeaderCase",
    "IdentityCase",
    "LoginCase",
    "NeedlessRequest",
    "Outcome",
    "Step",
    "UsageCase",
    "broken_rules",
    "can_try",
    "drive",
    "read_case",
    "read_cases",
    "rules_for",
]
