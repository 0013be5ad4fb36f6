"""From which variables of its environment an opencode takes a provider's key.

opencode has their names in its list of models, which it fetches into its cache. What it has built
in is known here as well, for where there is no such file; both count. Names alone are read here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from rotator.system.regular_files import head

_LARGEST = 32 * 1024 * 1024
_IS_KEY = re.compile(r"(?:KEY|KEY_ID|TOKEN|PAT|SECRET|CREDENTIALS)$")
# Beside a key some vendors' lists name a place.
_IS_PLACE = re.compile(
    r"_(?:HOST|ACCOUNT|ACCOUNT_ID|GATEWAY_ID|RESOURCE_NAME|REGION|PROJECT|LOCATION|PROJECT_ID"
    r"|PRODUCT_ID|BASE_URL|ENDPOINT)$"
)
# Built into 1.18.33, where a name does not begin as its provider's id does.
_BUILT_IN = """
ABLIT_KEY abliteration-ai
AI_GATEWAY_API_KEY vercel
ALIBABA_CODING_PLAN_API_KEY alibaba-coding-plan-cn
ALIBABA_TOKEN_PLAN_API_KEY alibaba-token-plan-cn
ARK_API_KEY volcengine
ARK_CODING_PLAN_API_KEY volcengine-coding-plan
CLINE_API_KEY cline-pass
CORAL_API_KEY coralbricks
DASHSCOPE_API_KEY alibaba alibaba-cn
FIREWORKS_API_KEY fireworks-ai
GEMINI_API_KEY google
GITHUB_TOKEN github-copilot
HF_TOKEN huggingface
IFLOW_API_KEY iflowcn
IOINTELLIGENCE_API_KEY io-net
KIMI_API_KEY kimi-code-plan-cn kimi-code-plan-global
KUAE_API_KEY kuae-cloud-coding-plan
LLMGATEWAY_API_KEY llmgateway-providers
MINIMAX_API_KEY minimax-cn minimax-cn-coding-plan minimax-coding-plan
MODEL_ORACLE_API_KEY model-oracle-ai
MOONSHOT_API_KEY moonshotai moonshotai-cn
NOVITA_API_KEY novita-ai
OLLAMA_API_KEY ollama-cloud
OPENCODE_API_KEY opencode-go
PERPLEXITY_API_KEY perplexity-agent
PRIVATEMODE_API_KEY privatemode-ai
QIHANG_API_KEY qihang-ai
QINIU_API_KEY qiniu-ai
REGOLO_API_KEY regolo-ai
SCNET_API_KEY scnet-token-plan
SCX_API_KEY scx-ai
STEPFUN_API_KEY stepfun-ai stepfun-ai-step-plan stepfun-step-plan
THEGRID_API_KEY the-grid-ai
TINKER_API_KEY thinkingmachines
TOGETHER_API_KEY togetherai
WAFER_API_KEY wafer.ai
XIAOMI_API_KEY xiaomi-token-plan-ams xiaomi-token-plan-cn xiaomi-token-plan-sgp
ZHIPU_API_KEY zai zai-coding-plan zhipuai zhipuai-coding-plan
"""
_OF_AWS = (
    *("AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"),
    *("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_OF_GOOGLE_CLOUD = (
    *("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_VERTEX_API_KEY", "GOOGLE_VERTEX_PROJECT"),
    *("GOOGLE_CLOUD_PROJECT", "GCP_PROJECT", "GCLOUD_PROJECT"),
)
# What opencode's own code for a provider, or its SDK, looks at before auth.json (1.18.33).
_BEFORE_LOGINS: Mapping[str, tuple[str, ...]] = {
    "cloudflare-ai-gateway": ("CLOUDFLARE_API_TOKEN", "CF_AIG_TOKEN"),
    "cloudflare-workers-ai": ("CLOUDFLARE_API_KEY",),
    "google-vertex": _OF_GOOGLE_CLOUD,
    "google-vertex-anthropic": _OF_GOOGLE_CLOUD,
    "sap-ai-core": ("AICORE_SERVICE_KEY",),
    "snowflake-cortex": ("SNOWFLAKE_CORTEX_TOKEN", "SNOWFLAKE_CORTEX_PAT"),
}
# And what it looks at only where auth.json has no key: Bedrock's goes to the SDK as its apiKey,
# which that takes before any variable, though opencode itself looks at the variables first.
_WITHOUT_KEY: Mapping[str, tuple[str, ...]] = {"amazon-bedrock": _OF_AWS}


def before_logins(provider: str) -> tuple[str, ...]:
    """Return the variables whose key goes before any login of the provider."""
    return _BEFORE_LOGINS.get(provider, ())


def variables_of(provider: str, environ: Mapping[str, str]) -> list[str]:
    """Return the variables in that environment from which opencode may take the provider's key."""
    names = [*before_logins(provider), *_WITHOUT_KEY.get(provider, ())]
    names += _built_in().get(provider, ())
    for path in _lists(environ):
        names += _listed(path).get(provider, ())
    begin = re.sub(r"\W", "_", provider.upper()) + "_"
    names += sorted(name for name in environ if name.startswith(begin) and _IS_KEY.search(name))
    return [name for name in dict.fromkeys(names) if environ.get(name)]


@lru_cache(maxsize=1)
def _built_in() -> Mapping[str, list[str]]:
    variables: dict[str, list[str]] = {}
    for line in _BUILT_IN.split("\n"):
        name, *providers = line.split() or [""]
        for provider in providers:
            variables.setdefault(provider, []).append(name)
    return variables


def _lists(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the lists of models that such an opencode may have read."""
    if named := environ.get("OPENCODE_MODELS_PATH"):
        yield Path(named)
    cache = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or "/") / ".cache"
    # From another address than the usual one it gets a name of its own.
    yield from sorted((Path(cache) / "opencode").glob("models*.json"))


def _listed(path: Path) -> Mapping[str, tuple[str, ...]]:
    try:
        facts = path.stat()
    except OSError:
        return {}
    return _read(path, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=8)
def _read(path: Path, _time: int, _size: int) -> Mapping[str, tuple[str, ...]]:
    try:
        listed = json.loads(head(path, _LARGEST) or b"")
    except (ValueError, RecursionError):
        return {}
    told = listed.items() if isinstance(listed, dict) else ()
    return {key: tuple(_names(entry)) for key, entry in told if isinstance(entry, dict)}


def _names(vendor: Mapping[str, Any]) -> Iterator[str]:
    names = vendor.get("env")
    for name in names if isinstance(names, list) else ():
        if isinstance(name, str) and not _IS_PLACE.search(name):
            yield name
