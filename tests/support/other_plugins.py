"""Other people's plug-ins of opencode, each of which does something to `globalThis.fetch`.

Every fetch of theirs notes the headers that it saw, which the driver tells (`facts`).
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

_SEES = """
const others = (globalThis.others ??= []);
const note = (input, init) =>
  others.push([...new Headers(init?.headers ?? input?.headers).keys()]);
const over = (below) =>
  async function (input, init) {
    note(input, init);
    return below(input, init);
  };
"""

KEPT_AT_IMPORT = """
const kept = globalThis.fetch;
export const Kept = async () => {
  globalThis.fetch = over(kept);
  return {};
};
"""
SET_AT_IMPORT = """
globalThis.fetch = over(globalThis.fetch);
export const Early = async () => ({});
"""
SET_AT_START = """
export const Start = async () => {
  globalThis.fetch = over(globalThis.fetch);
  return {};
};
"""
# Notes what it gets beside the two that everybody knows.
TAKES_MORE = """
export const More = async () => {
  const below = globalThis.fetch;
  globalThis.fetch = (input, init, ...more) => {
    others.push(more);
    return below(input, init);
  };
  return {};
};
"""
SET_IN_HOOK = """
let isSet = false;
export const Later = async () => ({
  "chat.headers": async () => {
    if (isSet) return;
    isSet = true;
    globalThis.fetch = over(globalThis.fetch);
  },
});
"""
SET_AT_EVERY_REQUEST = """
export const Always = async () => ({
  "chat.headers": async () => {
    globalThis.fetch = over(globalThis.fetch);
  },
});
"""
# Knows its own fetch by a word on it, which it writes there once it is in its place.
SET_UNLESS_NOTED = """
export const Noted = async () => ({
  "chat.headers": async () => {
    if (globalThis.fetch.isNoted) return;
    const mine = over(globalThis.fetch);
    globalThis.fetch = mine;
    mine.isNoted = true;
  },
});
"""
_GUARD = """
let below;
const mine = over((...given) => SEND);
export const Guard = async () => ({
  "chat.headers": async () => {
    if (globalThis.fetch === mine) return;
    below = globalThis.fetch;
    PUT;
  },
});
"""
_ASSIGNS = "globalThis.fetch = mine"
_DEFINES = (
    'Object.defineProperty(globalThis, "fetch",'
    " { value: mine, configurable: true, writable: true })"
)
# Each puts its own fetch wherever it does not find it, over the one that it finds there.
_SENDS, _FROM_QUEUE = "below(...given)", "queue.runInAsyncScope(below, null, ...given)"
_QUEUE = """
import { AsyncResource } from "node:async_hooks";
const queue = new AsyncResource("queue");
"""
GUARDS = {
    "notes": SET_UNLESS_NOTED,
    "assigns": _GUARD.replace("SEND", _SENDS).replace("PUT", _ASSIGNS),
    "defines": _GUARD.replace("SEND", _SENDS).replace("PUT", _DEFINES),
    "assigns what has a queue of its own": (
        _QUEUE + _GUARD.replace("SEND", _FROM_QUEUE).replace("PUT", _ASSIGNS)
    ),
}
HANDS_ON = """
export const HandsOn = async () => {
  const found = globalThis.fetch;
  globalThis.fetch = over(found);
  globalThis.fetch = found;
  globalThis.fetch = found;
  globalThis.fetch = over(found);
  return {};
};
"""
BINDS = """
export const Binds = async () => {
  const found = globalThis.fetch;
  note();
  globalThis.fetch = found.bind(globalThis);
  return {};
};
"""
DEFINED = """
export const Defined = async () => {
  const value = over(globalThis.fetch);
  Object.defineProperty(globalThis, "fetch", { value, configurable: true, writable: false });
  return {};
};
"""
DEFINED_WITH_GETTER = """
export const Getter = async () => {
  const value = over(globalThis.fetch);
  Object.defineProperty(globalThis, "fetch", { get: () => value, configurable: true });
  return {};
};
"""
DEFINED_FOR_GOOD = """
export const Fixed = async () => {
  const value = over(globalThis.fetch);
  Object.defineProperty(globalThis, "fetch", { value, configurable: false, writable: false });
  return {};
};
"""
THROWS = """
export const Throws = async () => {
  globalThis.fetch = () => {
    note();
    throw new Error("thrown by another plug-in");
  };
  return {};
};
"""
REJECTS = """
export const Rejects = async () => {
  globalThis.fetch = async () => {
    note();
    throw new Error("thrown by another plug-in");
  };
  return {};
};
"""
# Whatever it gets, it sends a key of its own.
POOL = """
export const Pool = async () => {
  const found = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    note(input, init);
    const headers = new Headers(init?.headers ?? input?.headers);
    headers.set("authorization", "Bearer POOL-CANARY");
    return found(input, { ...init, headers });
  };
  return {};
};
"""
_POOL_FETCH = """
const native = globalThis.fetch;
export const Pool = async () => {
  const found = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    note(input, init);
    const headers = new Headers(init?.headers ?? input?.headers);
    const own = headers.get("authorization");
    headers.set("authorization", "Bearer POOL-CANARY");
    SEND
  };
  return {};
};
"""
# How such a one sends it through a fetch of ours, where it can be seen.
POOLS = {
    "as it came": "return found(input, { ...init, headers });",
    "to another path": (
        'return found(String(input).replace("chat/completions", "ask"), { ...init, headers });'
    ),
    "to another path with a cookie": """
      headers.delete("authorization");
      headers.set("cookie", "pool=POOL-CANARY");
      return found(String(input).replace("chat/completions", "ask"), { ...init, headers });
    """,
    "beside the login": """
      headers.set("x-original-authorization", own);
      return found(input, { ...init, headers });
    """,
    "in the address": """
      headers.set("authorization", own);
      return found(`${input}?key=POOL-CANARY`, { ...init, headers });
    """,
    "from a queue": """
      return queue.runInAsyncScope(found, null, input, { ...init, headers });
    """,
    "from a queue, with another body": """
      const body = JSON.stringify({ ...JSON.parse(init.body), model: "other" });
      return queue.runInAsyncScope(found, null, input, { ...init, headers, body });
    """,
    "from a queue, with another signal": """
      const { signal } = new AbortController();
      return queue.runInAsyncScope(found, null, input, { ...init, headers, signal });
    """,
}
# And where it cannot.
UNSEEN_POOLS = {
    "with a fetch from before": "return native(input, { ...init, headers });",
    "with nothing sent": """
      return new Response("limited", { status: 429, headers: { "retry-after": "60" } });
    """,
}
# Of these the address of the answer tells, whichever fetch they ask.
ADDRESSED = {
    "in the address": "return FETCH(`${input}?key=POOL-CANARY`, init);",
    "at a place of its own": (
        'return FETCH(String(input).replace("chat/completions", "pool/ask"), init);'
    ),
}
# Asks once with what it got, where it can be seen, and hands on what another question brought.
ASKS_TWICE = """
const native = globalThis.fetch;
export const Twice = async () => {
  const found = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    note(input, init);
    await (await found(input, init)).text();
    return native(input, { ...init, headers: { authorization: "Bearer POOL-CANARY" } });
  };
  return {};
};
"""
# Hands a refusal on as an object that only looks like an answer.
LIKENESS = """
export const Alike = async () => {
  const found = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    note(input, init);
    const answer = await found(input, init);
    const { ok, status, statusText, headers, body, url } = answer;
    if (ok) return answer;
    const text = () => new Response(body).text();
    return HAS_BODY
      ? { ok, status, statusText, headers, body, url, text }
      : { ok, status, headers: Object.fromEntries(headers), text };
  };
  return {};
};
"""
_QUEUE_ABOVE = """
import { AsyncResource } from "node:async_hooks";
const queue = new AsyncResource("queue");
"""


def pool(send: str) -> str:
    """Return the source of one that sends a key of its own in that way."""
    return _QUEUE_ABOVE + _POOL_FETCH.replace("SEND", send)


# Sends what it got, after it has asked something else of the same vendor in between.
ASKS_FIRST = """
export const AsksFirst = async () => {
  const found = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    note(input, init);
    const { origin } = new URL(input);
    await (await found(`${origin}/v1/ready`, { method: "POST", body: "{}" })).text();
    return found(input, init);
  };
  return {};
};
"""
# Keeps the context of the first request that it saw, as a timer does that was set then, and
# refreshes a token in it when it is told to.
BACKGROUND = """
import { AsyncResource } from "node:async_hooks";
let first = null;
export const Background = async () => {
  const found = globalThis.fetch;
  globalThis.fetch = (input, init) => {
    note(input, init);
    first ??= new AsyncResource("first");
    return found(input, init);
  };
  return {
    event: async ({ event }) => {
      const { url, headers, body } = event.properties;
      const send = () => fetch(url, { method: "POST", headers, body });
      if (event.type === "refresh") await (await first.runInAsyncScope(send)).text();
    },
  };
};
"""
PUTS_BACK = """
export const PutsBack = async () => ({
  "chat.headers": async () => {
    const found = globalThis.fetch;
    globalThis.fetch = found;
    if (globalThis.fetch !== found) note(); // it is another one now
  },
});
"""

OUTERMOST = {
    "kept at import, set at start": KEPT_AT_IMPORT,
    "set at import": SET_AT_IMPORT,
    "set at start": SET_AT_START,
    "set in a hook": SET_IN_HOOK,
    "set at every request": SET_AT_EVERY_REQUEST,
    "set unless noted": SET_UNLESS_NOTED,
    "hands ours on": HANDS_ON,
    "binds ours": BINDS,
    "defined unwritable": DEFINED,
    "defined with a getter": DEFINED_WITH_GETTER,
    "asks something first": ASKS_FIRST,
}
# Who is imported first, and who is started first.
ORDERS = list(product([("ours", "theirs"), ("theirs", "ours")], [(0, 1), (1, 0)]))


def plugin(folder: Path, source: str, name: str = "other-canary.mjs") -> str:
    """Write a plug-in into a file; return its path."""
    file = folder / name
    file.write_text(_SEES + source)
    return str(file)
