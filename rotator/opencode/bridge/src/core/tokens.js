// Which texts in an answer are tokens.

/** @import { NamedText } from "./token-texts.js" */

export const SHORTEST_TOKEN = 12; // what is shorter may be any word
const LONGEST_TOKEN = 16 * 1024;
export const REFRESH_NAMES = ["refresh_token", "refreshToken"];
const TOKEN_NAMES = ["access_token", "accessToken", ...REFRESH_NAMES];
const LIKE_TOKEN_NAMES = /^[\w.-]{0,40}(token|access|refresh|jwt|session)[\w.-]{0,40}$/i;

// OAuth's name and those that vendors have for it (AWS, Firebase, Bluesky).
const REFRESH_NAME = /^refresh([_-]?(token|jwt))?$/i;

// What stands beside a token and is the same in the answers to many.
const BESIDE_TOKENS =
  /(type|scope|ur[il]|endpoint|hint|kind|status)s?$|expir|tokeni[sz]|_(at|in)$|[a-z](At|In)$/;

/** @param {string} text */
export const isPlainToken = (text) =>
  text.length >= SHORTEST_TOKEN && text.length <= LONGEST_TOKEN && !/\s/.test(text);

/**
 * Return the tokens in an answer as [name, text], those of the usual names first.
 *
 * @param {NamedText[]} texts
 * @returns {NamedText[]}
 */
export function tokensIn(texts) {
  /** @type {(text: NamedText) => boolean} */
  const isUsual = ([name]) => TOKEN_NAMES.includes(name);
  /** @type {(text: NamedText) => boolean} */
  const isLike = ([name, text]) =>
    LIKE_TOKEN_NAMES.test(name) && !isBesideTokens(name) && isPlainToken(text.trim());
  const usual = texts.filter((named) => isUsual(named) && named[1]);
  const tokens = [...usual, ...texts.filter((named) => !isUsual(named) && isLike(named))];
  return tokens.flatMap(([name, text]) => [...new Set([text, text.trim()])].map((t) => [name, t]));
}

/**
 * Tell whether it is the name of a refresh token, and not of what is said about one.
 *
 * @param {[name: string, ...unknown[]]} named
 */
export const isRefreshName = ([name]) => REFRESH_NAME.test(name);

/** @param {string} name */
const isBesideTokens = (name) =>
  BESIDE_TOKENS.test(name) || (/refresh/i.test(name) && !isRefreshName([name]));
