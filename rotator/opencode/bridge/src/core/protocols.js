// The wire protocols of model requests: what is asked in one, and an answer of our own. For each
// protocol that we know there is an answer that says nothing and ends the step, or one text.

import { tryOr } from "./try-or.js";
import { isObject, isString } from "./values.js";

/**
 * Makes an answer of our own: as a whole, and as a stream.
 * @callback MakeAnswer
 * @param {string} id
 * @param {string} model
 * @param {string | null} text null: say nothing, after which opencode goes on
 * @returns {{ whole: object, stream: string }}
 */

/**
 * A request to a model, and how it is answered.
 * @typedef {{ make: MakeAnswer, asked: Record<string, any> }} Question
 */

const NO_TOKENS = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };

const NO_WORDS = { input_tokens: 0, output_tokens: 0 };

/** @param {{ type: string }} value */
const sseEvent = (value) => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;

/**
 * Each gets an id, a model and a text; without a text opencode shall go on with another step.
 *
 * @type {Record<string, MakeAnswer>}
 */
const ANSWERS = {
  "/chat/completions": (id, model, text) => {
    const base = { id, created: 0, model };
    const finish_reason = text === null ? "tool_calls" : "stop";
    const message = { role: "assistant", content: text ?? "" };
    const chunk = { ...base, object: "chat.completion.chunk", usage: NO_TOKENS };
    const part = { ...chunk, choices: [{ index: 0, delta: message, finish_reason }] };
    const choices = [{ index: 0, message, finish_reason }];
    return {
      whole: { ...base, object: "chat.completion", choices, usage: NO_TOKENS },
      stream: `data: ${JSON.stringify(part)}\n\ndata: [DONE]\n\n`,
    };
  },
  "/responses": (id, model, text) => {
    const content = [{ type: "output_text", text, annotations: [] }];
    const item = { id: `${id}_text`, type: "message", role: "assistant", status: "completed" };
    const output = text ? [{ ...item, content }] : [];
    const base = { id, object: "response", created_at: 0, model, error: null };
    const usage = { ...NO_WORDS, total_tokens: 0 };
    const done = { status: "completed", incomplete_details: null, output, usage };
    const begun = { status: "in_progress", incomplete_details: null, output: [], usage: null };
    const place = { item_id: item.id, output_index: 0, content_index: 0 };
    const events = [
      { type: "response.created", response: { ...base, ...begun } },
      ...output.flatMap((spoken) => [
        { type: "response.output_item.added", output_index: 0, item: { ...item, content: [] } },
        { type: "response.output_text.delta", ...place, delta: text },
        { type: "response.output_item.done", output_index: 0, item: spoken },
      ]),
      { type: "response.completed", response: { ...base, ...done } },
    ].map((event, number) => ({ ...event, sequence_number: number }));
    return { whole: { ...base, ...done }, stream: events.map(sseEvent).join("") };
  },
  "/messages": (id, model, text) => {
    const base = { id, type: "message", role: "assistant", model };
    const end = { stop_reason: text === null ? "tool_use" : "end_turn", stop_sequence: null };
    const begun = { content: [], stop_reason: null, stop_sequence: null, usage: NO_WORDS };
    const content = text ? [{ type: "text", text }] : [];
    const events = [
      { type: "message_start", message: { ...base, ...begun } },
      ...content.flatMap((block) => [
        { type: "content_block_start", index: 0, content_block: { ...block, text: "" } },
        { type: "content_block_delta", index: 0, delta: { type: "text_delta", text } },
        { type: "content_block_stop", index: 0 },
      ]),
      { type: "message_delta", delta: end, usage: { output_tokens: 0 } },
      { type: "message_stop" },
    ];
    const whole = { ...base, content, ...end, usage: NO_WORDS };
    return { whole, stream: events.map(sseEvent).join("") };
  },
};

/**
 * A request to a model, as far as its protocol has to be known; null where we do not know it.
 *
 * @param {string} path
 * @param {string | null} text
 * @returns {Question | null}
 */
export function parseQuestion(path, text) {
  const [, make] = Object.entries(ANSWERS).find(([end]) => path.endsWith(end)) ?? [];
  const asked = tryOr(() => JSON.parse(String(text)), null);
  return make && isObject(asked) ? { make, asked } : null;
}

/**
 * Return as one text what a request says beside its instructions, without pictures.
 *
 * @param {Question} question
 * @returns {string}
 */
export function conversationText({ asked }) {
  /** @type {(parts: any[]) => string} */
  const inParts = (parts) => parts.map(({ text }) => text).join("\n");
  /** @type {(item: any) => string} */
  const textIn = (item) => {
    if (isString(item?.content)) return item.content;
    const isPlain =
      Array.isArray(item?.content) &&
      item.content.every((/** @type {any} */ part) => isString(part?.text));
    return isPlain ? inParts(item.content) : JSON.stringify(item, withoutPictures);
  };
  const items = asked.messages ?? asked.input ?? [];
  if (isString(items)) return items;
  const spoken = items.filter(
    (/** @type {any} */ item) => !["system", "developer"].includes(item?.role),
  );
  return spoken.map(textIn).join("\n\n");
}

/** @type {(key: string, value: any) => any} */
const withoutPictures = (_, value) => (isString(value) && value.startsWith("data:") ? "" : value);
