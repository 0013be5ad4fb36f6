// What events of opencode's say of a session.

/**
 * An event of opencode's.
 * @typedef {{ type: string, properties: any }} Event
 */

/**
 * What an event says of a session.
 * @typedef {object} Meaning
 * @property {string} session
 * @property {boolean} isOver
 * @property {boolean} isFailure
 * @property {boolean} isSent a vendor has been asked
 */

export const OVER_EVENTS = ["session.idle", "session.deleted"];

/**
 * What an event of opencode's says of a session: that it is over, that it failed.
 *
 * @param {Event} event
 * @returns {Meaning}
 */
export function interpretEvent({ type, properties }) {
  const status = type === "session.status" ? properties.status.type : null;
  const { role, sessionID, finish, error } = properties?.info ?? {};
  // A vendor has ended it; one that is stopped has no such word.
  const isAnswer = type === "message.updated" && role === "assistant" && finish && !error;
  const isRefusal = type === "session.error" && properties.error?.name === "APIError";
  return {
    session: properties?.sessionID ?? sessionID ?? properties?.info?.id,
    isOver: status === "idle" || type === "session.error" || OVER_EVENTS.includes(type),
    isFailure: status === "retry" || type === "session.error",
    isSent: status === "retry" || isRefusal || Boolean(isAnswer),
  };
}
