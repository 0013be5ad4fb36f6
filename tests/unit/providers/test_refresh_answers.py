"""Every documented answer to a refresh gives what it is expected to, and nobody reads it wrong."""

from __future__ import annotations

import traceback
from datetime import datetime, timedelta

import pytest

from rotator.errors import UnexpectedAnswer
from rotator.provider import DeadLogin, HttpAnswer, Refresher, Tokens
from rotator.secret import Secret
from tests.support.builders import HOUR, NOW, a_jwt, oauth
from tests.support.token_answers import Documented, documented_refreshes, refreshers

NOT_FOUND = (
    '{"type":"error","error":{"type":"invalid_request_error",'
    '"message":"Refresh token not found or invalid"}}'
)
# An account that was closed is told so with a status of its own.
CLOSED = "suspended or closed"
DEAD = [one for one in documented_refreshes() if "dead" in one.expected]
EACH = pytest.mark.parametrize("one", documented_refreshes(), ids=lambda one: one.name)
VENDORS = sorted(refreshers())
ASKED = [vendor for vendor in VENDORS if vendor != "google"]


def read(vendor: str, answer: HttpAnswer, now: datetime = NOW) -> Tokens | DeadLogin | str:
    """Return what an answer gave, or the sentence that says why it gave nothing."""
    try:
        return refreshers()[vendor].read_refresh(oauth(), answer, now)
    except UnexpectedAnswer as exc:
        unexpected = exc
    assert "CANARY" not in "".join(traceback.format_exception(unexpected))
    assert unexpected.__context__ is None
    return unexpected.message


def answered(vendor: str, text: str, status: int = 200) -> Tokens | DeadLogin | str:
    return read(vendor, HttpAnswer(status, {}, Secret(text)))


def tokens(vendor: str, text: str) -> Tokens:
    found = answered(vendor, text)
    assert isinstance(found, Tokens), found
    return found


@EACH
def test_a_documented_answer_gives_what_is_expected(one: Documented) -> None:
    found = read(one.vendor, one.answer, one.now)

    match found:
        case Tokens(access, expires_at, refresh):
            told = {
                "access": access.reveal(),
                "refresh": refresh and refresh.reveal(),
                "expires_at": expires_at.isoformat().replace("+00:00", "Z"),
            }
            assert one.expected == {"tokens": told}
        case DeadLogin(reason):
            assert one.expected["dead"] in reason
        case why:
            assert one.expected["unexpected"] in why


@pytest.mark.parametrize("vendor", VENDORS)
def test_another_vendor_s_answer_is_read_with_the_same_care(vendor: str) -> None:
    found = [(one, read(vendor, one.answer, one.now)) for one in documented_refreshes()]

    assert all(one.answer.status == 200 for one, gave in found if isinstance(gave, Tokens))
    assert all(
        one.answer.status in {400, 401, 403} for one, gave in found if isinstance(gave, DeadLogin)
    )
    assert "CANARY" not in repr([gave for _, gave in found])


def test_every_module_that_refreshes_has_documented_answers() -> None:
    assert {one.vendor for one in documented_refreshes()} == set(VENDORS)


@pytest.mark.parametrize("vendor", ASKED)
def test_the_cases_that_every_vendor_can_meet_are_all_there(vendor: str) -> None:
    cases = {one.case for one in documented_refreshes() if one.vendor == vendor}

    assert cases >= {
        *("normal", "numbers-as-strings", "missing-access-token", "empty-access-token"),
        *("without-refresh-token", "invalid-client", "403-cloudflare", "429", "500"),
        *("empty", "truncated", "error-inside"),
    }


@EACH
def test_a_documented_answer_says_where_it_is_from_and_how_sure_that_is(one: Documented) -> None:
    assert one.source.startswith("https://")
    assert one.certainty in {"H", "M", "L"}


# -- a dead login --------------------------------------------------------------------------------


@pytest.mark.parametrize("one", DEAD, ids=lambda one: one.name)
@pytest.mark.parametrize("status", [200, 302, 402, 403, 404, 408, 429, 500, 502, 503, 529])
def test_no_login_is_dead_by_a_code_with_another_status(one: Documented, status: int) -> None:
    if status == 403 and one.expected["dead"].startswith(CLOSED):
        return

    found = answered(one.vendor, one.answer.body.reveal(), status)

    assert isinstance(found, str)
    assert f"status {status} " in found


@pytest.mark.parametrize("vendor", ASKED)
@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>invalid_grant</html>",
        '"invalid_grant"',
        '["invalid_grant"]',
        '{"error": null}',
        '{"error": ["invalid_grant"]}',
        '{"error": {"message": "invalid_grant"}}',
        '{"error": {"code": ["invalid_grant"], "type": {}}}',
        '{"error": "invalid_client"}',
        '{"error": "invalid_grant_type"}',
        '{"error": "unsupported_grant_type"}',
        '{"error_description": "invalid_grant"}',
        '{"reason": "invalid_grant"}',
        '{"errors": [{"code": "invalid_grant"}]}',
        '{"error": "invalid_grant"',
    ],
)
def test_no_login_is_dead_by_a_status_or_by_loose_words(
    vendor: str, status: int, body: str
) -> None:
    assert isinstance(answered(vendor, body, status), str)


# G: what people were answered about logins that were dead, and what is like it.


@pytest.mark.parametrize(
    ("vendor", "status", "body", "why"),
    [
        pytest.param(vendor, status, body, why, id=name)
        for name, vendor, status, body, why in (
            ("G1", "openai", 401, '{"error": {"code": "app_session_terminated"}}', "ended"),
            ("G2", "openai", 401, '{"error": {"code": "token_expired"}}', "has expired"),
            ("G3", "openai", 400, '{"error": {"code": "invalid_refresh_token"}}', "not accepted"),
            ("G4", "openai", 403, '{"error": {"code": "account_deactivated"}}', CLOSED),
            (
                "G5",
                "anthropic",
                400,
                NOT_FOUND,
                "not accepted any more",
            ),
            (
                "G6",
                "xai",
                403,
                '{"code": "permission-denied", "error": "Your account has been suspended"}',
                CLOSED,
            ),
        )
    ],
)
def test_what_a_dead_login_is_answered_needs_a_login(
    vendor: str, status: int, body: str, why: str
) -> None:
    found = answered(vendor, body, status)

    assert isinstance(found, DeadLogin)
    assert why in found.reason


@pytest.mark.parametrize("vendor", ASKED)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, '{"code": "invalid_grant"}'),
        (400, '{"error": {"code": "refresh_token_reused"}}'),
        (401, '{"error": {"code": "refresh_token_invalidated"}}'),
        (401, '{"error": "token_expired"}'),
        (400, '{"error": {"type": "token_invalidated"}}'),
        (401, '{"code": "token_revoked"}'),
        (401, '{"detail": {"code": "session_expired"}}'),
        (400, '{"error_code": "session_terminated"}'),
        (400, '{"detail": {"code": "invalid_grant"}}'),
        (400, '{"error": {"type": "invalid_grant"}}'),
        (401, '{"error": {"error": {"code": "refresh_token_expired"}}}'),
        (400, '{"error": {"code": 400, "type": "invalid_refresh_token"}}'),
        (400, '{"error": "invalid_request", "error_description": "Refresh token expired"}'),
        (400, '{"error": "invalid_request", "error_description": "Unknown refresh token"}'),
        (401, '{"error": "invalid_token", "error_description": "The refresh_token is invalid."}'),
        (401, '{"error": "unauthorized", "message": "The token has been revoked"}'),
        (401, '{"error": {"type": "authentication_error", "message": "Login expired"}}'),
        (401, '{"detail": "Your session was terminated", "code": "unauthorized"}'),
        (400, '{"error": "invalid_request", "message": "The refresh token is malformed"}'),
        (403, '{"code": "No permission for the caller", "error": "Your account was suspended"}'),
        (403, '{"error": {"type": "account_suspended"}}'),
        (403, '{"code": "USER_BANNED", "message": "no"}'),
        (403, '{"error": "access_denied", "error_description": "Account suspended"}'),
        (403, '{"error": "forbidden", "message": "This user was permanently banned."}'),
        (403, '{"detail": {"code": "x", "message": "The workspace has been deleted."}}'),
        (401, '{"error": {"code": "account_deactivated"}}'),
        (403, '{"error": "blocked-user", "message": "User is blocked"}'),
        (403, '{"error": {"code": "account_blocked"}}'),
        (400, '{"error": {"code": "organization_is_blocked", "message": "no"}}'),
        (403, '{"error": "Your account has been suspended"}'),
        (403, '{"message": "This organization has been disabled."}'),
        (401, '{"detail": "The user was deactivated"}'),
        (400, '{"error": "INVALID_GRANT"}'),
        (401, '{"error": {"code": "refresh_token_not_found"}}'),
        (400, '{"error": {"code": "Refresh_Token_Reused"}}'),
        (400, '{"error": {"type": "x", "message": "The refresh token is not recognized"}}'),
        (401, '{"error": "x", "message": "That refresh token does not exist"}'),
        (400, '{"error": "x", "error_description": "refresh_token superseded"}'),
        (403, '{"error": {"message": "User is blocked", "code": 7}}'),
        (401, '{"code": "x", "message": "This organization has been blocked."}'),
    ],
)
def test_it_is_known_in_other_places_and_other_words_too(
    vendor: str, status: int, body: str
) -> None:
    assert isinstance(answered(vendor, body, status), DeadLogin)


@pytest.mark.parametrize("vendor", ASKED)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, '{"error": "blocked-user", "message": "Temporarily blocked, try again later"}'),
        (403, '{"error": "blocked", "message": "The request was blocked"}'),
        (403, "<html><title>Your account has been suspended</title></html>"),
        (403, ""),
        (403, '{"error": {"code": "permission_denied", "message": "Not allowed from here"}}'),
        (403, '{"error": {"code": "access_denied", "message": "Your account is not suspended"}}'),
        (403, '{"code": "x", "message": "Your account is temporarily suspended"}'),
        (403, '{"code": "x", "message": "This account was disabled, try again in an hour"}'),
        (403, '{"code": "x", "message": "The API for this user agent has been disabled"}'),
        (403, '{"code": "x", "message": "The user is temporarily blocked"}'),
        (400, '{"error": {"code": "x", "message": "OAuth app for this account is disabled"}}'),
        (403, '{"error": "invalid_grant"}'),
        (403, '{"error": {"code": "token_expired"}}'),
        (429, '{"error": {"code": "refresh_token_reused"}}'),
        (401, '{"error": "invalid_client", "code": "token_revoked"}'),
        (403, '{"code": "x", "message": "Refresh token expired"}'),
        (401, '{"error": "invalid_client", "error_description": "Refresh token revoked"}'),
        (400, '{"error": "unauthorized_client", "code": "invalid_grant"}'),
        (400, '{"error": "server_error", "error_description": "The token has expired"}'),
        (400, '{"error": {"type": "rate_limit_error", "message": "Refresh token used too often"}}'),
        (400, '{"error": "invalid_request", "error_description": "refresh_token is required"}'),
        (400, '{"error": "invalid_request", "message": "Invalid \'refresh_token\': too short"}'),
        (400, '{"error": "invalid_request", "error_description": "Client secret expired"}'),
        (429, '{"error": "invalid_grant"}'),
        (500, '{"error": {"code": "account_suspended"}}'),
        (401, '{"error_description": "Refresh token expired"}'),
        (400, '{"error": "Your account has been suspended"}'),
        (403, '{"error": "Your account has not been suspended"}'),
        (403, '{"error": "Your account has been suspended, try again in an hour"}'),
        (403, '{"reason": "Your account has been suspended"}'),
        (401, '{"error": {"error": {"error": {"error": {"code": "invalid_grant"}}}}}'),
    ],
)
def test_what_may_be_anybody_s_fault_costs_no_login(vendor: str, status: int, body: str) -> None:
    assert isinstance(answered(vendor, body, status), str)


# -- when the new token ends ---------------------------------------------------------------------


@pytest.mark.parametrize("vendor", ASKED)
@pytest.mark.parametrize(
    ("told", "lifetime"),
    [
        ("3600", HOUR),
        ("7200.5", timedelta(seconds=7200.5)),
        ('"7200"', 2 * HOUR),
        ('"7200.5"', timedelta(seconds=7200.5)),
        ("1", timedelta(seconds=1)),
    ],
)
def test_a_token_lives_as_long_as_the_vendor_says(
    vendor: str, told: str, lifetime: timedelta
) -> None:
    found = tokens(vendor, f'{{"access_token": "ACC-CANARY", "expires_in": {told}}}')

    assert found.expires_at == NOW + lifetime


ODD = [
    *("null", "true", "false", "0", "0.5", "-1", "-3600", "NaN", "Infinity", "-Infinity"),
    *("1e400", "1e15", "9" * 400, '""', '"soon"', '"-60"', '"1e3"', '"٦٠"', '"6_0"'),
    *("[]", "{}", "[3600]"),
]


@pytest.mark.parametrize("vendor", ASKED)
@pytest.mark.parametrize("told", ODD)
def test_an_odd_lifetime_does_not_cost_the_tokens(vendor: str, told: str) -> None:
    """The old refresh token is spent by now: what came is all that is left of the login."""
    text = f'{{"access_token": "ACC-CANARY", "refresh_token": "REF-CANARY", "expires_in": {told}}}'

    found = tokens(vendor, text)

    assert found == Tokens(Secret("ACC-CANARY"), NOW + HOUR, Secret("REF-CANARY"))


@pytest.mark.parametrize("vendor", ASKED)
@pytest.mark.parametrize("told", ["null", "-1", "1e400"])
def test_without_a_lifetime_the_token_itself_is_asked(vendor: str, told: str) -> None:
    access = a_jwt({"exp": (NOW + 9 * HOUR).timestamp()})

    found = tokens(vendor, f'{{"access_token": "{access}", "expires_in": {told}}}')

    assert found.expires_at == NOW + 9 * HOUR


@pytest.mark.parametrize("vendor", ASKED)
@pytest.mark.parametrize("exp", [None, True, "soon", -1, 0, 1, NOW.timestamp(), 1e18, 10**400])
def test_a_token_that_does_not_know_its_end_is_taken_to_live_an_hour(
    vendor: str, exp: object
) -> None:
    found = tokens(vendor, f'{{"access_token": "{a_jwt({"exp": exp})}"}}')

    assert found.expires_at == NOW + HOUR


@pytest.mark.parametrize("vendor", ASKED)
def test_the_vendor_s_word_goes_before_the_token_s(vendor: str) -> None:
    access = a_jwt({"exp": (NOW + 9 * HOUR).timestamp()})

    found = tokens(vendor, f'{{"access_token": "{access}", "expires_in": 60}}')

    assert found.expires_at == NOW + timedelta(seconds=60)


# -- the tokens ----------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", ASKED)
@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
@pytest.mark.parametrize(
    "value", ["7", "true", "[]", "{}", '" "', '"a b"', '"\\u00e9"', '"\\ud800"']
)
def test_a_token_that_no_header_could_carry_is_named_and_not_taken(
    vendor: str, name: str, value: str
) -> None:
    fields = {"access_token": '"ACC-CANARY"'} | {name: value}
    members = ", ".join(f'"{key}": {text}' for key, text in fields.items())

    found = answered(vendor, f"{{{members}}}")

    assert found == f"the vendor's answer has the status 200 and no usable {name}"


@pytest.mark.parametrize("vendor", ASKED)
@pytest.mark.parametrize("status", [200, 400, 401])
@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"error": NaN'])
def test_a_body_that_cannot_be_parsed_is_no_object(vendor: str, status: int, text: str) -> None:
    assert isinstance(answered(vendor, text, status), str)


def test_tokens_that_come_are_taken_whatever_stands_beside_them() -> None:
    found = tokens("openai", '{"access_token": "ACC-CANARY", "error": "odd", "expires_in": 60}')

    assert found.access == Secret("ACC-CANARY")


def test_google_was_never_asked() -> None:
    assert answered("google", '{"access_token": "a"}') == "Google was not asked for new tokens"


def test_every_one_of_our_modules_can_refresh_or_says_why_not() -> None:
    assert VENDORS == ["anthropic", "google", "openai", "xai"]
    assert all(isinstance(one, Refresher) for one in refreshers().values())
