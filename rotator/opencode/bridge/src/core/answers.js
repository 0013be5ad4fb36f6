// What the beginning of an answer says, in whatever wire protocol.

// Words of a model, or what it wants a tool for: a text that is not empty.
const SAID =
  /"(?:content|text|delta|arguments|partial_json|thinking|reasoning|reasoning_content|output_text)"\s*:\s*"[^"]/;
const FAILED =
  /"errors?"\s*:\s*(?!null|false|""|\[\]|\{\})[{["\w]|"type"\s*:\s*"(?:error|response\.failed)"|^event:\s*error/m;

/**
 * Tell whether a model has answered, by what comes first; null: neither it nor an error is there.
 *
 * @param {string} text
 */
export function hasAnswered(text) {
  const [said, failed] = [text.search(SAID), text.search(FAILED)];
  if (said < 0 && failed < 0) return null;
  return failed < 0 || (said >= 0 && said < failed);
}
