// The headers of an answer that the watcher is told.

// As in end_names.py, which reads by these names what is let through.
export const LIMIT_HEADERS =
  /^(?:(?:x-)?rate-?limit(?:-|$)|anthropic-ratelimit-|x-codex-|x-quota-|x-usage-ratelimit-)/;
const WINDOW_HEADERS =
  /^x-[\w-]{1,40}-(?:primary|secondary)-(?:used-percent|reset-at|reset-after-seconds)$/;
const END_HEADERS =
  /^(?:[\w-]{1,60}-)?(?:retry-after|reset)(?:-(?:after|at|in|time))?(?:-(?:ms|seconds))?$/;

const GROUP_HEADERS = /^(openai-organization|anthropic-organization-id)$/; // who shares limits
const PLAIN_HEADERS = /^(content-type|date|x-should-retry)$/;
export const TOLD_HEADERS = [
  PLAIN_HEADERS,
  GROUP_HEADERS,
  LIMIT_HEADERS,
  WINDOW_HEADERS,
  END_HEADERS,
];
