"""A vendor whose refresh tokens work once, and who revokes a family when one is sent again.

Its tokens are opaque: only it can say whose they are. Beside it a plug-in for opencode that logs
in and refreshes as the public ones do, and a module of ours that asks the vendor for the owner.
"""

from __future__ import annotations

import itertools
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.provider_answers import Answer, refusal
from tests.support.provider_request import Request
from tests.support.vendor import Asked, Vendor

PROVIDER, MODEL, HOST = "acme", "acme/m1", "acme.example"
# A plug-in refreshes what has less than five minutes left; what has none cannot be asked about.
LIVES_SECONDS = (0, 30, 200)


@dataclass
class Family:
    """What grew from one login of a person."""

    person: str
    access: list[str] = field(default_factory=list)
    refresh: list[str] = field(default_factory=list)
    revoked: bool = False


class FamilyVendor:
    """Logs people in by a code that is their name, and answers for whoever holds a token."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self.families: list[Family] = []
        self.refreshes = 0

    def serve(self, provider: LoopbackProvider, vendor: Vendor) -> None:
        """Answer on the loopback provider, and questions for an owner at the vendor's host."""
        provider.answer(self._token, path="/oauth/token")
        provider.answer(self._model)
        vendor.answer(HOST, "/me", self._me)

    def is_newest(self, refresh: str) -> bool:
        """Tell whether a refresh token works still."""
        found = self._of(refresh)
        return found is not None and not found.revoked and found.refresh[-1] == refresh

    def owner(self, token: str) -> str | None:
        """Return whose token it is."""
        found = self._of(token)
        return None if found is None else found.person

    def _of(self, token: str | None) -> Family | None:
        return next((f for f in self.families if token in {*f.access, *f.refresh}), None)

    def _token(self, request: Request) -> Answer:
        fields = request.body
        with self._lock:
            if fields["grant_type"] == "authorization_code":
                family = Family(fields["code"])
                self.families.append(family)
                return self._grant(family, max(LIVES_SECONDS))
            sent = self._of(fields["refresh_token"])
            if sent is None or sent.revoked:
                return refusal(400, {"error": "invalid_grant"})
            if sent.refresh[-1] != fields["refresh_token"]:
                sent.revoked = True
                return refusal(400, {"error": "invalid_grant", "reason": "reused"})
            self.refreshes += 1
            return self._grant(sent, self._random.choice(LIVES_SECONDS))

    def _grant(self, family: Family, seconds: int) -> Answer:
        number = next(self._numbers)
        family.access.append(f"ACC-CANARY-{number}")
        family.refresh.append(f"REF-CANARY-{number}")
        given = {"access_token": family.access[-1], "refresh_token": family.refresh[-1]}
        return Answer(body={**given, "expires_in": seconds, "token_type": "Bearer"})

    def _model(self, request: Request) -> Answer | None:
        with self._lock:
            family = self._of(request.credential)
            works = family is not None and not family.revoked
        return None if works else refusal(401)

    def _me(self, asked: Asked) -> Answer:
        with self._lock:
            family = self._of(asked.credential)
        if family is None or family.revoked:
            return refusal(401)
        return Answer(body={"id": family.person})


@dataclass(frozen=True)
class FamilyHousehold(Household):
    """A household with the vendor's module installed, as a package of somebody else's."""

    vendor: Vendor

    def env(self) -> dict[str, str]:
        """Return the whole environment of every process of this household."""
        packages = {"PYTHONPATH": str(self.home / "packages")}
        return super().env() | self.vendor.environment | packages

    def move_in(self, url: str) -> None:
        """Configure opencode, its plug-in and our module."""
        script = self.home / "acme.js"
        script.write_text(_PLUGIN.replace("URL", json.dumps(url)))
        block = {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": f"{url}/v1"},
            "models": {"m1": {}},
        }
        more = {"model": MODEL, "small_model": MODEL, "plugin": [script.as_uri()]}
        self.configure(url, provider={PROVIDER: block}, **more)
        install_module(self.home / "packages")


def install_module(packages: Path) -> None:
    """Put the vendor's module into a folder of packages, as an installer does."""
    information = packages / "acme_rotator-1.0.dist-info"
    information.mkdir(parents=True)
    (packages / "acme_rotator.py").write_text(_MODULE)
    (information / "METADATA").write_text("Name: acme_rotator\nVersion: 1.0\n")
    announced = "[opencode_rotator.providers]\nacme = acme_rotator\n"
    (information / "entry_points.txt").write_text(announced)


_MODULE = """\
import json

from rotator.errors import LoginRejected, UnexpectedAnswer
from rotator.model import Identity
from rotator.provider import HttpRequest
from rotator.secret import Secret


class Acme:
    ids = ("acme",)
    rotates_tokens = True
    asks_only_in_doubt = False

    def identify(self, credential):
        return Identity()

    def identity_obstacle(self, credential):
        return None

    def read_identity(self, credential, now):
        bearer = Secret("Bearer " + credential.secret.reveal())
        answer = yield HttpRequest("GET", "https://acme.example/me", {"authorization": bearer})
        if answer.status == 401:
            raise LoginRejected("acme does not accept it")
        if answer.status != 200:
            raise UnexpectedAnswer("acme says nothing")
        person = json.loads(answer.body.reveal())["id"]
        return Identity(key="user/" + person, label=person + "@acme.example")


PROVIDERS = (Acme(),)
"""

# One refresh at a time for each token, as the public ones do; five minutes before the end.
_PLUGIN = """\
const post = async (fields) => {
  const answer = await fetch(URL + "/oauth/token", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client_id: "acme-client", ...fields }),
  })
  if (!answer.ok) throw new Error(`acme's token endpoint says ${answer.status}`)
  const given = await answer.json()
  return {
    type: "oauth",
    access: given.access_token,
    refresh: given.refresh_token,
    expires: Date.now() + given.expires_in * 1000,
  }
}
const underWay = new Map()
export const Acme = async ({ client }) => ({
  auth: {
    provider: "acme",
    methods: [{
      type: "oauth",
      label: "acme",
      authorize: async () => ({
        url: URL + "/authorize",
        instructions: "Paste the code.",
        method: "code",
        callback: async (code) => {
          const tokens = await post({ grant_type: "authorization_code", code })
          return { ...tokens, type: "success" }
        },
      }),
    }],
    loader: async (entry) => ({
      apiKey: "",
      fetch: async (input, init) => {
        let login = await entry()
        if (login.expires < Date.now() + 300_000) {
          const { refresh } = login
          const renew = async () => {
            const tokens = await post({ grant_type: "refresh_token", refresh_token: refresh })
            await client.auth.set({ path: { id: "acme" }, body: tokens })
            return tokens
          }
          if (!underWay.has(refresh)) {
            underWay.set(refresh, renew().finally(() => underWay.delete(refresh)))
          }
          login = await underWay.get(refresh)
        }
        const headers = new Headers(init.headers)
        headers.set("authorization", `Bearer ${login.access}`)
        return fetch(input, { ...init, headers })
      },
    }),
  },
})
"""
