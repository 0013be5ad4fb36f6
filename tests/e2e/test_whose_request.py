"""Whose request failed: what the log is evidence of, and what is not (cases B1, B2, B10)."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from tests.e2e.scenes import A, B, C, api, install_bridge, log_in, login, of_kind, states
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.other_plugins import plugin
from tests.support.provider_answers import Answer, StreamError, streamed
from tests.support.rotator_process import rotator, status, watcher
from tests.support.waiting import wait_until

HOUR = {"retry-after": "3600"}
SOON = {"retry-after-ms": "300"}
OWN, BROKE = "KEY-CANARY-OWN", "KEY-CANARY-BROKE"
POOL = """
import { readFileSync } from "node:fs";
const key = readFileSync(new URL("./stock-canary.txt", import.meta.url), "utf8").trim();
export const Pool = async () => {
  const before = globalThis.fetch;
  globalThis.fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    const isOurs = String(input?.url ?? input).includes("/pool/");
    if (isOurs) headers.set("authorization", `Bearer ${key}`);
    return before(input, { ...init, headers });
  };
  return {};
};
"""
HOOK = """
const key = process.env.OWN_KEY;
export const Hook = async () => ({ "chat.headers": async (input, output) => {
  if (/^ho/.test(input.model.providerID)) output.headers["authorization"] = `Bearer ${key}`;
} });
"""
CONFIGURES = """
export const Configures = async () => ({ config: async (config) => {
  config.provider.configured.options.apiKey = process.env.OWN_KEY;
} });
"""


def replaced(name: str, how: str) -> str:
    """Return a plug-in that sets a key of its own in requests to that provider's address."""
    return f"""
const key = process.env.OWN_KEY;
export const Replaces = async () => {{
  const before = globalThis.fetch;
  const mine = (input, init) => {{
    const headers = new Headers(init?.headers);
    const isOurs = String(input?.url ?? input).includes("/{name}/");
    if (isOurs) headers.set("authorization", `Bearer ${{key}}`);
    return before(input, {{ ...init, headers }});
  }};
  {how};
  return {{}};
}};
"""


LOADER = """
export const Loader = async () => ({ auth: { provider: "NAME", methods: [],
  loader: async (getAuth) => ({ apiKey: (await getAuth()).key }) } });
"""


def more_providers(house: Household, **options: dict[str, Any]) -> None:
    """Let opencode know these providers beside `mock`, with options of their own."""
    file = house.config_folder / "opencode.json"
    config = json.loads(file.read_text())
    mock = config["provider"]["mock"]
    for name, own in options.items():
        config["provider"][name] = {**mock, "options": {**mock["options"], **own}}
    file.write_text(json.dumps(config))


def administered(house: Household, provider: str) -> dict[str, str]:
    """Let the administrator's configuration give a key; return the environment that names it."""
    file = house.home / "managed" / "opencode.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"provider": {provider: {"options": {"apiKey": OWN}}}}))
    return {"OPENCODE_TEST_MANAGED_CONFIG_DIR": str(file.parent)}


def fail(server: Server, provider: str, model: str = "m1") -> None:
    """Let a request of that provider fail as often as opencode tries it within its turn.

    Nothing is waited for: a turn that no attempt can mend may be over at once.
    """
    server.prompt_async(server.create_session(), "hi", model=f"{provider}/{model}")


def told(house: Household, provider: str) -> list[str]:
    """Return the problems told of a provider."""
    return [one["why"] for one in of_kind(house, "problem") if one["provider"] == provider]


def is_blamed(house: Household, provider: str) -> bool:
    """Tell whether an account of that provider rests."""
    return "cooling" in states(house, provider)


def test_b1_without_the_bridge_a_key_from_elsewhere_blames_nobody_and_a_login_is_blamed(
    house: Household, provider: LoopbackProvider
) -> None:
    # From the user's file, a project's by the environment, a project's by a file, a header.
    more_providers(
        house,
        glob={"apiKey": OWN},
        head={"headers": {"Authorization": f"Bearer {BROKE}"}},
        same={"apiKey": A},
        plain={},
        env={},
        file={},
        managed={},
    )
    (house.project / "key-canary.txt").write_text(f"{OWN}\n")
    own = {"env": "{env:OWN_KEY}", "file": "{file:./key-canary.txt}"}
    written = {name: {"options": {"apiKey": text}} for name, text in own.items()}
    (house.project / "opencode.jsonc").write_text(f"// ours\n{json.dumps({'provider': written})}")
    managed = administered(house, "managed")
    provider.limit(OWN, headers=SOON)
    provider.limit(BROKE, status=402, body={"error": {"message": "Insufficient balance"}})
    provider.limit(A, headers=SOON)
    from_elsewhere = ("glob", "head", "env", "file", "managed")

    with watcher(house):
        for name in (*from_elsewhere, "same", "plain"):
            log_in(house, name, api(B), api(A))
        with serve(house, OWN_KEY=OWN, **managed) as server:
            for name in (*from_elsewhere, "same", "plain"):
                fail(server, name)
            for name in from_elsewhere:
                wait_until(partial(told, house, name), 30, f"the word about {name}")
            for name in ("same", "plain"):
                wait_until(partial(is_blamed, house, name), 30, f"{name} to be blamed")
            problems = status(house)["problems"]
            explained = rotator(house, "explain", "glob").stdout
            # Of one that has ended nobody can see the environment any more.
            stands, live = [states(house, name) for name in from_elsewhere], house.read_auth()

    assert stands == [["ready", "ready"]] * len(from_elsewhere)
    for name in from_elsewhere:
        assert live[name] == api(A)
        assert len(told(house, name)) == 1
    config = house.config_folder / "opencode.json"
    assert told(house, "glob")[0].startswith(f"glob: {config} gives a key of its own")
    assert told(house, "env")[0].startswith(f"env: {house.project / 'opencode.jsonc'} gives")
    of_administrator = house.home / "managed" / "opencode.json"
    assert told(house, "managed")[0].startswith(f"managed: {of_administrator} gives")
    assert told(house, "glob")[0] in problems
    assert told(house, "glob")[0] in explained
    assert not [one for one in problems if one.startswith("plain:")]


def test_b1_without_the_bridge_a_vendor_s_own_variable_blames_no_login_with_tokens(
    house: Household, provider: LoopbackProvider
) -> None:
    # The SDK takes the one, and opencode the other, whose name its list of models has.
    more_providers(house, listed={})
    config = json.loads((house.config_folder / "opencode.json").read_text())
    config["provider"]["anthropic"] = {"options": {"baseURL": f"{provider.url}/v1"}}
    (house.config_folder / "opencode.json").write_text(json.dumps(config))
    models = json.loads(house.models_file.read_text())
    models["listed"] = {**models["xai"], "id": "listed", "env": ["OWN_OF_MINE"]}
    house.models_file.write_text(json.dumps(models))
    provider.limit(OWN, headers=SOON)
    variables = {"anthropic": "ANTHROPIC_API_KEY", "listed": "OWN_OF_MINE"}

    with watcher(house):
        for name in variables:
            log_in(house, name, login(f"{name}-B"), login(f"{name}-A"))
        with serve(house, **dict.fromkeys(variables.values(), OWN)) as server:
            fail(server, "anthropic", "claude-sonnet-5")
            fail(server, "listed")
            for name in variables:
                wait_until(partial(told, house, name), 30, f"the word about {name}")

    assert set(provider.keys) == {OWN}
    for name, variable in variables.items():
        assert told(house, name)[0].startswith(f"{name}: the variable {variable} gives")
        assert states(house, name) == ["ready", "ready"]
        assert house.read_auth()[name]["access"] == f"ACC-CANARY-{name}-A"


def test_b1_without_the_bridge_a_well_known_login_s_configuration_blames_nobody(
    house: Household, provider: LoopbackProvider
) -> None:
    more_providers(house, remote={})
    brought = {"provider": {"remote": {"options": {"apiKey": OWN}}}}
    provider.answer(Answer(body={"config": brought}), path="/.well-known/opencode")
    provider.limit(OWN, headers=SOON)

    with watcher(house):
        log_in(house, "remote", api(B), api(A))
        entry = {"type": "wellknown", "key": "CORP_TOKEN", "token": "TOK-CANARY-W"}
        log_in(house, provider.url, entry)
        with serve(house) as server:
            fail(server, "remote")
            wait_until(partial(told, house, "remote"), 30, "the word about the remote one")

    says = f"remote: the configuration that {provider.url} brings (it is not read here) may give"
    assert told(house, "remote")[0].startswith(says)
    assert set(provider.keys) == {OWN}
    assert states(house, "remote") == ["ready", "ready"]
    assert house.read_auth()["remote"] == api(A)


def test_b2_without_the_bridge_another_plug_in_s_key_blames_nobody(
    house: Household, provider: LoopbackProvider
) -> None:
    """However it gives that key: none of them names its provider where the key is."""
    names = ("pool", "hook", "configured", "imported", "assigned")
    more_providers(house, **{name: {"baseURL": f"{provider.url}/{name}/v1"} for name in names})
    folder = house.config_folder / "plugins"
    folder.mkdir()
    (folder / "stock-canary.txt").write_text(OWN)
    texts = {
        "pool.js": POOL,
        "hook.js": HOOK,
        "configured.js": CONFIGURES,
        "imported.js": 'export * from "../lib/pool";\n',
        "../lib/pool.ts": replaced("imported", "globalThis.fetch = mine"),
        "assigned.js": replaced("assigned", "Object.assign(globalThis, { fetch: mine })"),
    }
    (house.config_folder / "lib").mkdir()
    for name, text in texts.items():
        (folder / name).write_text(text)
    provider.limit(OWN, headers=SOON)

    with watcher(house):
        for name in names:
            log_in(house, name, api(B), api(A))
        with serve(house, OWN_KEY=OWN) as server:
            for name in names:
                fail(server, name)
            for name in names:
                wait_until(partial(told, house, name), 30, f"the word about {name}")
            problems = status(house)["problems"]

    assert set(provider.keys) == {OWN}
    for name in names:
        assert states(house, name) == ["ready", "ready"]
        assert house.read_auth()[name] == api(A)
        assert told(house, name)[0].startswith(f"{name}: the plug-in {folder}")
    every = [one["why"] for one in of_kind(house, "problem")] + problems
    assert not [one for one in every if one.startswith("restart opencode")]


def test_b1_b10_with_the_bridge_its_notes_tell_a_configured_key_from_a_login(
    house: Household, provider: LoopbackProvider
) -> None:
    install_bridge(house)
    own: dict[str, dict[str, Any]] = {"own": {"apiKey": OWN}, "broke": {"apiKey": BROKE}}
    # A login's loader hands the key of auth.json on as `apiKey`, beside a block in opencode.json.
    loaded: dict[str, dict[str, Any]] = {
        "poe": {},
        "dock": {"headers": {"x-title": "mine"}},
        "twice": {"apiKey": C},
    }
    more_providers(house, **own, **loaded)
    for name in ("poe", "dock"):
        plugin(house.config_folder / "plugin", LOADER.replace("NAME", name), f"{name}.js")
    provider.limit(OWN, headers=SOON)
    provider.limit(BROKE, status=402, body={"error": {"message": "Insufficient balance"}})
    provider.limit(C, headers=HOUR)
    provider.answer(streamed(StreamError("Rate limit reached")), key=A, title=False, times=1)

    with watcher(house):
        for name in own:
            log_in(house, name, api(B), api(A))
        log_in(house, "mock", api(B), api(A))
        for name in loaded:
            log_in(house, name, api(B), api(C))
        with serve(house) as server:
            for name in own:
                fail(server, name)
                wait_until(partial(told, house, name), 30, f"the word about the key of {name}")
            said = [
                server.prompt(server.create_session(), "hi", model=f"{name}/m1") for name in loaded
            ]
            words = ("rotate", "own", "own-1"), ("rotate", "twice", "twice-1")
            of_own, of_twice = (rotator(house, *one).stdout for one in words)
            server.prompt_async(server.create_session(), "hi")
            wait_until(lambda: is_blamed(house, "mock"), 30, "a failover because of the log")

    for name in own:
        assert told(house, name) == [
            f"{name}: a request failed with a key that opencode.json gives: nobody is blamed"
        ]
        assert states(house, name) == ["ready", "ready"]
    assert said == ["Hello from the loopback provider."] * 3
    for name in loaded:
        assert states(house, name) == ["ready", "cooling"]
        assert house.read_auth()[name] == api(B)
    config = house.config_folder / "opencode.json"
    assert of_own.endswith(f"; {config} gives own a key of its own, which no swap changes\n")
    assert of_twice.endswith(
        "; running opencodes use it from the next request on;"
        f" {config} gives twice the key of twice-2: an opencode begins with that one\n"
    )
    assert states(house, "mock") == ["ready", "cooling"]
