"""Lists that get, lose or move a member: each comment stays with what it is about."""

from __future__ import annotations

import tomllib

import pytest

from rotator.settings.toml_edit import add_entry, drop, drop_entry, put, reorder

LIST = """\
# Who serves.
priority = [ # in this order
    # these are paid, [all] of them

    # the best, {really}
    { provider = "a", model = "x # y, ]" }, # plan, monthly
    { provider = "b" },
    #
    ## cheap
    { provider = "c" } # by use
    # nobody else
] # end
[hooks]
"""


def providers(text: str) -> str:
    return "".join(one["provider"] for one in tomllib.loads(text)["priority"])


def test_a_list_in_lines_keeps_each_comment_with_its_line() -> None:
    assert (
        reorder(LIST, "priority", [2, 0, 1])
        == """\
# Who serves.
priority = [ # in this order
    #
    ## cheap
    { provider = "c" }, # by use
    # these are paid, [all] of them

    # the best, {really}
    { provider = "a", model = "x # y, ]" }, # plan, monthly
    { provider = "b" }
    # nobody else
] # end
[hooks]
"""
    )


def test_an_order_that_is_there_already_changes_no_byte() -> None:
    assert reorder(LIST, "priority", [0, 1, 2]) == LIST


def test_a_line_that_goes_takes_its_own_comments_alone() -> None:
    first, last = drop_entry(LIST, "priority", 0), drop_entry(LIST, "priority", 2)

    assert (providers(first), providers(last)) == ("bc", "ab")
    assert "these are paid" in first
    assert "the best" not in first
    assert "monthly" not in first
    assert "cheap" not in last
    assert "by use" not in last
    assert "# nobody else\n] # end" in last


def test_above_an_empty_line_a_comment_outlives_the_last_line_too() -> None:
    text = "priority = [\n  # all\n\n  # one\n  { provider = 'a' }\n]\n"

    assert drop_entry(text, "priority", 0) == "priority = [\n  # all\n\n]\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[]", '[{ provider = "z" }]'),
        ("[{provider='a'}]", "[{provider='a'}, { provider = \"z\" }]"),
        ("[\n{provider='a'}\n, ]", "[\n{provider='a'},\n{ provider = \"z\" },\n]"),
        ("[\n]", '[\n  { provider = "z" },\n]'),
        ("[\n\t{provider='a'}\n\t]", "[\n\t{provider='a'},\n\t{ provider = \"z\" }\n\t]"),
        (
            "[ {provider='a'} # A\n, {provider='b'} ]",
            "[\n  {provider='a'}, # A\n  {provider='b'},\n  { provider = \"z\" }\n]",
        ),
        (
            "[\r\n  {provider='a'}, # A\r\n]",
            "[\r\n  {provider='a'}, # A\r\n  { provider = \"z\" },\r\n]",
        ),
    ],
)
def test_a_new_one_comes_last(before: str, after: str) -> None:
    end = "\r\n" if "\r" in before else "\n"
    text = f"priority = {before}{end}"

    assert add_entry(text, "priority", [("provider", '"z"')]) == f"priority = {after}{end}"


def test_a_list_without_lines_stays_in_one() -> None:
    text = "priority = [{provider='a'}, {provider='b'}] # why\n"

    assert (
        reorder(text, "priority", [1, 0]) == "priority = [{provider='b'}, {provider='a'}] # why\n"
    )
    assert drop_entry(text, "priority", 0) == "priority = [{provider='b'}] # why\n"


def test_inside_of_an_entry_only_that_entry_is_written_anew() -> None:
    text = "priority = [\n  {provider='a'}, # A\n      {provider='b', model='m'} # B\n]\n"

    more = put(text, ("priority", 0, "model"), '"n"')
    less = drop(text, ("priority", 1, "model"))

    assert more == text.replace("{provider='a'}", "{provider = 'a', model = \"n\"}")
    assert less == text.replace("{provider='b', model='m'}", "{provider = 'b'}")
