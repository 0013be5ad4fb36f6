// What events of opencode's say of a session.

export const ENDS = ["session.idle", "session.deleted"];

/** What an event of opencode's says of a session: that it is over, that it failed. */
export function meaningOf({ type, properties }) {
  const status = type === "session.status" ? properties.status.type : null;
  const { role, sessionID, finish, error } = properties?.info ?? {};
  // A vendor has ended it; one that is stopped has no such word.
  const isAnswer = type === "message.updated" && role === "assistant" && finish && !error;
  const isRefusal = type === "session.error" && properties.error?.name === "APIError";
  return {
    session: properties?.sessionID ?? sessionID ?? properties?.info?.id,
    isOver: status === "idle" || type === "session.error" || ENDS.includes(type),
    isFailure: status === "retry" || type === "session.error",
    isSent: status === "retry" || isRefusal || Boolean(isAnswer),
  };
}
