// Tokens that a login buys, with which its provider's SDK asks the model.

import { remember } from "../core/bounded-map.js";
import { MOST_SEEN } from "../core/bounds.js";
import { credentialsInHeaders } from "../core/credentials.js";
import { sha256 } from "../core/digests.js";
import { readFields, textsIn } from "../core/token-texts.js";
import { tokensIn } from "../core/tokens.js";
import { readBeginning } from "./answer-body.js";

/**
 * @import { HeaderForm } from "../core/headers.js"
 * @import { ClaimedLogin } from "./call.js"
 */

const JSON_TYPE = /[/+]json\b/i;

/** Which login has bought a token. */
export class BoughtTokens {
  /** @type {Map<string, { provider: string, login: ClaimedLogin }>} */
  #buyers = new Map(); // digest of a token -> who bought it

  /**
   * Remember the tokens in the answer to what a login has asked; the answer stays whole.
   *
   * @param {string} provider
   * @param {ClaimedLogin} login
   * @param {Response} response
   */
  async note(provider, login, response) {
    if (!response.ok || !JSON_TYPE.test(response.headers.get("content-type") ?? "")) return;
    const answer = readFields(new TextDecoder().decode(await readBeginning(response)));
    for (const [, token] of tokensIn(textsIn(answer)))
      remember(this.#buyers, sha256(token), { provider, login }, MOST_SEEN);
  }

  /**
   * Return the login that has bought the token in a request of the provider's, if one has.
   *
   * @param {string} provider
   * @param {HeaderForm} headers
   */
  buyerOf(provider, headers) {
    const buyers = [...credentialsInHeaders(headers)].map((text) => this.#buyers.get(sha256(text)));
    return buyers.find((buyer) => buyer?.provider === provider)?.login;
  }
}
