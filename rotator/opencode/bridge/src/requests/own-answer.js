// An answer that no vendor gave.

import { randomId } from "../system/random.js";

/** @import { Question } from "../core/protocols.js" */

/**
 * Return an answer with that text; null: with nothing, after which opencode goes on.
 *
 * @param {Question} question
 * @param {string | null} text
 */
export function buildAnswer({ make, asked }, text) {
  const { whole, stream } = make(`rotator_${randomId()}`, String(asked.model ?? ""), text);
  const isStream = asked.stream === true;
  const headers = { "content-type": isStream ? "text/event-stream" : "application/json" };
  return new Response(isStream ? stream : JSON.stringify(whole), { headers });
}
