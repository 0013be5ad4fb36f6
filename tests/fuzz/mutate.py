"""Changes bytes at random, the same ones for the same seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random

# What breaks parsers more often than chance would find it.
_MEAN = (
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b'"', b"\\", b"\\u", b"\\ud800", b"\n", b"\r", b"\x1b[2J"),
    *(b"{", b"}", b"[", b"]", b",", b":", b"=", b"null", b"true", b"NaN", b"Infinity", b"-"),
    *(b"1e400", b"9" * 400, b"[" * 2_000, b"{}", b'"a":1,', b"CANARY", b"\xe2\x80\xae"),
)
_MOST_AT_ONCE = 4
_LONGEST_CUT = 40


def mutated(sources: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Yield `count` contents, each one of `sources` with one to four changes."""
    chance = Random(seed)  # noqa: S311  # no secret: the same bytes every time
    for _ in range(count):
        content = chance.choice(sources)
        for _ in range(chance.randint(1, _MOST_AT_ONCE)):
            content = chance.choice(_WAYS)(content, sources, chance)
        yield content


Way = Callable[[bytes, Sequence[bytes], Random], bytes]


def _flip(content: bytes, _: Sequence[bytes], chance: Random) -> bytes:
    if not content:
        return content
    at = chance.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]


def _cut(content: bytes, _: Sequence[bytes], chance: Random) -> bytes:
    at = chance.randint(0, len(content))
    return content[:at] + content[at + chance.randint(1, _LONGEST_CUT) :]


def _tear(content: bytes, _: Sequence[bytes], chance: Random) -> bytes:
    return content[: chance.randint(0, len(content))]


def _insert(content: bytes, _: Sequence[bytes], chance: Random) -> bytes:
    at = chance.randint(0, len(content))
    new = chance.choice(_MEAN) if chance.random() < 0.8 else chance.randbytes(3)
    return content[:at] + new + content[at:]


def _duplicate(content: bytes, _: Sequence[bytes], chance: Random) -> bytes:
    start, end = sorted(chance.randint(0, len(content)) for _ in range(2))
    return content[:end] + content[start:end] + content[end:]


def _splice(content: bytes, sources: Sequence[bytes], chance: Random) -> bytes:
    other = chance.choice(sources)
    return content[: chance.randint(0, len(content))] + other[chance.randint(0, len(other)) :]


# A single bit is changed most often: the rest stays what a parser likes.
_WAYS: tuple[Way, ...] = (_flip, _flip, _cut, _tear, _insert, _insert, _duplicate, _splice)
