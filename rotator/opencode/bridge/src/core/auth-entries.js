// What an entry of auth.json holds, as far as a request needs it.

import { sha256 } from "./digests.js";
import { isObject, isText } from "./values.js";

// What of a login's metadata changes where its requests go; all else tells logins apart at most.
const DESTINATION_FIELDS = [
  "accountId",
  "baseURL",
  "baseUrl",
  "deployment",
  "endpoint",
  "enterpriseUrl",
  "gateway",
  "gatewayId",
  "host",
  "instanceUrl",
  "location",
  "project",
  "projectId",
  "region",
  "resource",
  "resourceName",
  "url",
];

export const idOf = (provider) => provider.replace(/\/+$/, ""); // as opencode writes it

/** What a request needs of an entry, or null for what opencode would not take either. */
export function parseEntry(entry) {
  const secret = entry?.[{ api: "key", oauth: "access", wellknown: "token" }[entry?.type]];
  const { type, accountId = null, enterpriseUrl = null, metadata, expires } = entry ?? {};
  const isWhole =
    [secret, accountId ?? "", enterpriseUrl ?? ""].every(isText) &&
    isObject(metadata ?? {}) &&
    Object.values(metadata ?? {}).every(isText) &&
    (type !== "oauth" || (isText(entry.refresh) && Number.isInteger(expires) && expires >= 0)) &&
    (type !== "wellknown" || isText(entry.key));
  if (!isWhole) return null;
  // Some plug-ins pack more behind the token, and leave that where they clear the entry.
  const hasToken = type === "oauth" && entry.refresh.split("|")[0].trim();
  const refresh = hasToken ? entry.refresh : "";
  if (!secret.trim() && !refresh) return null; // a plug-in's way to log out
  const places = Object.entries(metadata ?? {}).filter(([name]) =>
    DESTINATION_FIELDS.includes(name),
  );
  return {
    type,
    secret: secret.trim(), // as it arrives, for fetch trims what a header holds
    digests: [...new Set([secret, secret.trim()])].map(sha256),
    accountId,
    // Where a request is sent depends on these: only the same may take its place.
    destination: JSON.stringify([type, places.sort(), enterpriseUrl]),
    refresh,
    secrets: [...new Set([secret, secret.trim(), refresh, refresh.split("|")[0]])],
  };
}
