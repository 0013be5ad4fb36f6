// One login put in the place of another in the headers of a request.

import { splitScheme, withPieces } from "./credentials.js";
import { editHeaders, headerValues, REMOVED } from "./headers.js";
import { isString } from "./values.js";

/**
 * @import { HeaderForm } from "./headers.js"
 * @import { Entry, CarriedLogin } from "./auth-entries.js"
 */

/**
 * Put `entry` where `old` stands, and its account id where the old one's stands.
 *
 * @param {HeaderForm} headers
 * @param {URL} url
 * @param {CarriedLogin} old
 * @param {Entry} entry
 */
export function replaceLogin(headers, url, old, entry) {
  /** @type {(name: string, value: any) => any} */
  const change = (name, value) => {
    if (!isString(value)) return value;
    const { scheme, rest } = splitScheme(value);
    if (value === old.secret) return entry.secret;
    if (rest === old.secret) return scheme + entry.secret;
    const isPiece = entry.type === "wellknown" && withPieces([value, rest]).has(old.secret);
    if (isPiece) return value.replace(old.secret, () => entry.secret);
    // A header of such a name that holds something else was set by the user.
    const isOurs = entry.type === "oauth" && name.endsWith("account-id");
    if (isOurs && (!old.seen || old.seen.accountId === value)) return entry.accountId ?? REMOVED;
    return value;
  };
  const changed = editHeaders(headers, change);
  // opencode's own OpenAI login sends this whenever there is one: the old login had none.
  const name = "ChatGPT-Account-Id";
  const isCodex = entry.type === "oauth" && url.pathname.endsWith("/codex/responses");
  if (!isCodex || !entry.accountId || headerValues(changed, name.toLowerCase()).length)
    return changed;
  if (changed instanceof Headers) changed.set(name, entry.accountId);
  else if (Array.isArray(changed)) changed.push([name, entry.accountId]);
  else changed[name] = entry.accountId;
  return changed;
}
