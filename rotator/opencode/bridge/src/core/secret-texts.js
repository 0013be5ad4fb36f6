// The texts of secrets, as people paste them and as a header can hold them.

// White space, controls and format marks: what a copy from a web page brings along unseen. The
// watcher has the same.
const UNSEEN =
  "[\\x00-\\x20\\x7f-\\xa0\\xad\\u061c\\u1680\\u180e\\u2000-\\u200f\\u2028-\\u202f" +
  "\\u205f-\\u206f\\u3000\\ufeff\\ufff9-\\ufffb]";
const PADDING = new RegExp(`^${UNSEEN}+|${UNSEEN}+$`, "g");

/**
 * Return a secret's text without white space, and what else nobody sees, at its ends.
 *
 * @param {string} text
 */
export const unpadded = (text) => text.replace(PADDING, "");

/**
 * Return the ways in which a secret may be spelt: as it is written, as fetch sends it, as it is.
 *
 * @param {string} text
 */
export const spellings = (text) => [
  ...new Set([text, text.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, ""), unpadded(text)]),
];

/**
 * Tell whether a secret can stand in a header; fetch throws otherwise, and shows it in its error.
 *
 * @param {string} text
 */
export const isSendable = (text) => /^[\x20-\x7e\xa0-\xff]+$/.test(text);
