// Which requests are signed: whoever signs what he sends has to send it as it is.

import { headerPairs } from "./headers.js";

/** @import { RequestFacts } from "./request-facts.js" */

// However many schemes there are: they name the signature, the signed headers, a MAC, or a digest,
// which may be made with the key.
const SIGNATURE_NAME =
  /signature|^dpop$|(^|[-_])(x?sign(ed)?|sig|mac|hmac|jws|hash|digest|checksum|proof|attestation|sha\d*|md5)($|[-_])/i;

// These are made of the body alone (RFC 9530, RFC 3230, RFC 1864).
const OF_THE_BODY = /^(content-digest|repr-digest|digest|want-.*|content-md5)$/i;

// These name a thing: no key is needed to make them, and no header is among what they are made of.
const OF_A_THING =
  /(^|[-_])(mac[-_]?addr(ess)?|(machine|device|prompt|cache|commit|git|repo|project|model|build|file)[-_](hash|digest|checksum|sha\d*|md5))($|[-_])/i;

const SIGNED_SCHEME = /^\s*(AWS4-|signature\b|sharedkey|\S*hmac)/i;

// These carry a token as it is. After any other, what has parts may have a signature among them.
const TOKEN_SCHEME = /^\s*(bearer|token|basic)\s/i;

const PARTS = /[;,&]|=\s*[^\s=]/;

/**
 * Tell whether a signature covers the headers: then they have to arrive as they are.
 *
 * @param {RequestFacts} facts
 */
export const isSigned = ({ headers, query }) =>
  [...query.keys()].some((name) => SIGNATURE_NAME.test(name)) ||
  headerPairs(headers).some(([name, value]) => {
    if (OF_THE_BODY.test(String(name)) || OF_A_THING.test(String(name))) return false;
    if (!/^authorization$/i.test(String(name))) return SIGNATURE_NAME.test(String(name));
    const hasParts = !TOKEN_SCHEME.test(value) && PARTS.test(value);
    return SIGNED_SCHEME.test(value) || hasParts;
  });
