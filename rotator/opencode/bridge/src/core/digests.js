// The names of secrets in every file: a digest tells whether two are the same, and no more.

import { createHash } from "node:crypto";

/** @param {string} text */
export const sha256 = (text) => createHash("sha256").update(text).digest("hex");
