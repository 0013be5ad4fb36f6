// Which requests ask for tokens: a login that is exchanged, a refresh token that buys others.

import { isObject, isString } from "./values.js";

export const TOKEN_METHODS = ["POST", "PUT", "GET"];
export const TOKEN_PATH = /token|auth|login|refresh|exchange|session/i;
export const LOGIN_WORDS = /device_?code|auth(orization)?_?code|\bcode\b/i;
const CODE_NAMES = ["code", "authCode", "auth_code", "authorizationCode", "authorization_code"];

const BESIDE_CODES = [
  ...["code_verifier", "codeVerifier", "verifier", "state"],
  ...["client_id", "clientId", "redirect_uri", "redirectUri"],
];

/** @type {unknown[]} */
const LOGIN_GRANTS = ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"];

// Whoever asks a model may say anything. (`input` and `request` are tRPC's too.)
const ASKING_FIELDS = /^(model|modelId|messages|contents|prompt|instances|chat_history)$/;
// OpenID Connect Core 3.1.2.1: `prompt` says there what a person shall be asked, in words of a list.
const PROMPT_OF_LOGIN = /^(none|login|consent|select_account|create)( (login|consent|select_account|create))*$/;

/**
 * Tell whether the fields of a request ask a model.
 *
 * @param {Record<string, any>} fields
 */
export const asksModel = (fields) =>
  Object.entries(fields).some(
    ([name, value]) =>
      ASKING_FIELDS.test(name) && !(name === "prompt" && PROMPT_OF_LOGIN.test(String(value))),
  );

/**
 * Tell whether somebody exchanges what a login gave him for tokens.
 *
 * @param {Record<string, any>} fields
 * @returns {boolean}
 */
export function isLoginExchange(fields) {
  const places = [fields, ...Object.values(fields).filter(isObject)];
  /** @type {(...names: string[]) => string | undefined} */
  const find = (...names) =>
    names
      .flatMap((name) => places.map((place) => place[name]))
      .find((value) => isString(value) && value);
  const isCode = find(...CODE_NAMES) && find(...BESIDE_CODES);
  const isDevice = find("device_code", "deviceCode");
  const grant = find("grant_type", "grantType");
  if (/refresh/i.test(grant ?? "")) return false;
  return Boolean(LOGIN_GRANTS.includes(grant) || isCode || isDevice);
}
