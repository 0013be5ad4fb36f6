// The headers of an answer that the watcher is told.

export const LIMIT_HEADERS =
  /^(x-ratelimit|anthropic-ratelimit|x-codex|x-quota-snapshot|x-usage-ratelimit)-/;

const GROUP_HEADERS = /^(openai-organization|anthropic-organization-id)$/; // who shares limits
const PLAIN_HEADERS = /^(retry-after(-ms)?|content-type|date|x-should-retry)$/;
export const TOLD_HEADERS = [PLAIN_HEADERS, GROUP_HEADERS, LIMIT_HEADERS];
