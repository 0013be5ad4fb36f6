// An error of OpenCode 2 that stood in an answer, as its vendor would have said it.

/** @type {Record<string, string>} */
const VENDORS_WORDS = {
  "provider.rate-limit": "rate_limit_error",
  "provider.quota": "insufficient_quota",
};

/**
 * Return the body of a refusal that says the same.
 *
 * @param {any} error
 */
export function bodyOfError(error) {
  const { type, message } = error ?? {};
  return JSON.stringify({ error: { type: VENDORS_WORDS[type], message } });
}
