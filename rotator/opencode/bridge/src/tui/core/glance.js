// What stands in glance.json, of which nothing is believed unseen.

import { isObject, isText } from "../../core/values.js";
import { SCHEMA } from "./version.js";

/** What the watcher has published, or false where it is not for us. */
export function parseGlance(text) {
  const { schema, balancing, providers, events } = JSON.parse(text);
  if (schema !== SCHEMA || !Array.isArray(providers) || !Array.isArray(events)) return false;
  const known = ({ id, accounts }) => isText(id) && Array.isArray(accounts);
  return {
    balancing: balancing === true,
    providers: providers.filter((one) => isObject(one) && known(one)).map(readProvider),
    events: events.filter((one) => isObject(one) && isText(one.title) && isText(one.at)),
  };
}

function readProvider({ id, accounts, more }) {
  const named = accounts.filter((one) => isObject(one) && isText(one.alias));
  const read = named.map((one) => ({ ...one, until: Date.parse(one.until) || null }));
  return { id, accounts: read, more: Number.isInteger(more) ? more : 0 };
}
