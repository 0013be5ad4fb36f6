// Where a login's requests go, as far as it says so.

// What of a login's metadata changes where its requests go; an address does whatever its name.
const DESTINATION_FIELDS = [
  "accountId",
  "apiBase",
  "api_base",
  "baseURL",
  "baseUrl",
  "cluster",
  "deployment",
  "deploymentId",
  "deploymentName",
  "deployment_id",
  "domain",
  "domainName",
  "endpoint",
  "enterpriseUrl",
  "gateway",
  "gatewayId",
  "host",
  "hostname",
  "hostName",
  "instance",
  "instanceUrl",
  "location",
  "project",
  "projectId",
  "project_id",
  "region",
  "resource",
  "resourceName",
  "server",
  "serverName",
  "subdomain",
  "tenant",
  "tenantId",
  "tenant_id",
  "url",
];

// Words in the name of an address that is for people, or says whose a token is.
const PAGES = [
  "aud",
  "audience",
  "avatar",
  "billing",
  "callback",
  "changelog",
  "console",
  "dashboard",
  "doc",
  "documentation",
  "docs",
  "feedback",
  "help",
  "homepage",
  "icon",
  "image",
  "iss",
  "issuer",
  "logo",
  "photo",
  "picture",
  "pricing",
  "privacy",
  "profile",
  "redirect",
  "referer",
  "referrer",
  "schema",
  "scope",
  "scopes",
  "signup",
  "support",
  "terms",
  "website",
];

// What is called so, by its last word, and has dots in it is no host.
const NO_HOSTS = [
  "author",
  "email",
  "file",
  "label",
  "login",
  "mail",
  "model",
  "name",
  "nickname",
  "owner",
  "path",
  "plan",
  "role",
  "title",
  "user",
  "username",
  "version",
];

/**
 * What names the place at one provider, of a key's metadata and of a login with tokens; elsewhere
 * it says whose the login is, or nothing.
 *
 * @type {Record<string, string[]>}
 */
const PLACES_OF_PROVIDER = {
  azure: ["accountId"],
  "snowflake-cortex": ["account", "accountId"],
};

/**
 * Where a request goes without the field, which opencode's loader adds at an entry's first use.
 *
 * @type {Record<string, string>}
 */
const DEFAULT_PLACES = { instanceUrl: "https://gitlab.com" };

const WORD = /[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])/g;
const ADDRESS = /^https?:\/\/[!-~]+$/i;
const HOST =
  /^(?:localhost|(?:[0-9]{1,3}\.){3}[0-9]{1,3}|(?:[a-z0-9-]+\.)+[a-z]{2,})(?::[0-9]{1,5})?(?:\/[!-~]*)?$/i;

/**
 * Tell whether that is where requests go, and not a page, a person or a version.
 *
 * @param {string} name
 * @param {string} text
 */
function isAddress(name, text) {
  const words = (name.match(WORD) ?? []).map((word) => word.toLowerCase());
  if (words.some((word) => PAGES.includes(word))) return false;
  const isHost = HOST.test(text.trim()) && !NO_HOSTS.includes(words.at(-1) ?? "");
  return isHost || ADDRESS.test(text.trim());
}

/**
 * Return a place as it is written where it is written in one way alone.
 *
 * @param {string} text
 */
function plain(text) {
  const place = text.trim().replace(/\/+$/, "");
  if (!ADDRESS.test(place) && !HOST.test(place)) return place;
  return place.replace(/^(?:https?:\/\/)?[^/?#]*/i, (host) => host.toLowerCase());
}

/**
 * Where a request is sent depends on this: only a login of the same may take another's place.
 *
 * @param {string} provider
 * @param {any} entry
 */
export function destinationOf(provider, { type, accountId, enterpriseUrl = null, metadata }) {
  const own = PLACES_OF_PROVIDER[provider] ?? [];
  const told = type === "api" ? metadata : type === "oauth" && accountId && { accountId };
  /** @type {(name: string, value: string) => boolean} */
  const isPlace = (name, value) =>
    own.includes(name) ||
    (type === "api" && (DESTINATION_FIELDS.includes(name) || isAddress(name, value)));
  /** @type {[string, string][]} */
  const described = Object.entries(told || {});
  const places = described
    .filter(([name, value]) => isPlace(name, value))
    .map(([name, value]) => /** @type {[string, string]} */ ([name, plain(value)]))
    .filter(([name, place]) => place !== DEFAULT_PLACES[name]);
  const site = enterpriseUrl && plain(enterpriseUrl).replace(/^https:\/\//, "");
  return JSON.stringify([type, places.sort(), type === "wellknown" ? null : site]);
}
