// For which login's place a request was built.

/**
 * Return the type of a destination, and the texts by which it names its place.
 *
 * @param {string} destination
 */
function readDestination(destination) {
  /** @type {[string, [string, string][], string | null]} */
  const [type, described, enterpriseUrl] = JSON.parse(destination);
  const texts = [...described.map(([, text]) => text), enterpriseUrl ?? ""]
    .map((text) => text.toLowerCase().replace(/^\w+:\/\//, "").replace(/\/+$/, ""))
    .filter(Boolean);
  return { type, texts };
}

/**
 * Tell whether an address has the text in it, as a whole.
 *
 * @param {string} address
 * @param {string} text
 */
function names(address, text) {
  const escaped = text.replace(/[^\w]/g, "\\$&");
  return new RegExp(`(?<![\\w-])${escaped}(?![\\w-])`).test(address);
}

/**
 * Return the destination of the login for which a request was built that carries tokens for
 * `carried`; null where that is not certain. opencode reads tokens anew for each request, and
 * their place when it begins. A key is fixed together with its place.
 *
 * @param {URL} url
 * @param {string} carried
 * @param {string[]} seen destinations of all logins that auth.json has held
 * @param {string[]} begun those that it held when opencode may have built the request
 * @returns {string | null}
 */
export function builtFor(url, carried, seen, begun) {
  const { type } = readDestination(carried);
  if (type !== "oauth") return null;
  const address = (url.host + url.pathname).toLowerCase();
  /** @type {(destination: string) => string[] | null} */
  const textsOf = (destination) => {
    const told = readDestination(destination);
    return told.type === type ? told.texts : null;
  };
  const named = seen.filter((destination) => {
    const texts = textsOf(destination);
    return texts?.length && texts.every((text) => names(address, text));
  });
  // Who names no place has it where no other one is named.
  const possible = named.length
    ? named
    : begun.filter((destination) => textsOf(destination)?.length === 0);
  return possible.length === 1 ? possible[0] : null;
}
