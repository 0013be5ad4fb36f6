// No secret in what is told of an answer.

import { sha256 } from "./digests.js";
import { tryOr } from "./try-or.js";

/**
 * Replace each secret in `text` by its fingerprint, also one that was cut off at the end.
 *
 * @param {string} text
 * @param {string[]} secrets
 * @returns {string}
 */
export function redact(text, secrets) {
  const worthIt = secrets.filter((secret) => secret.length >= 4); // "x" would be everywhere
  for (const secret of worthIt.sort((a, b) => b.length - a.length)) {
    const fingerprint = sha256(secret).slice(0, 8);
    const quoted = JSON.stringify(secret).slice(1, -1);
    // Half of a letter can stand in no address.
    const inAddress = tryOr(() => encodeURIComponent(secret), secret);
    const escaped = [quoted.replaceAll("/", "\\/"), inAddress];
    for (const form of [secret, quoted, ...escaped]) text = text.replaceAll(form, fingerprint);
    let length = secret.length - 1;
    while (length >= 8 && !text.endsWith(secret.slice(0, length))) length -= 1;
    if (length >= 8) text = text.slice(0, -length) + fingerprint;
  }
  return text;
}
