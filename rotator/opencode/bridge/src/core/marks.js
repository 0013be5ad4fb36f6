// Whose request it is that comes through our fetch.

import { providerId } from "./auth-entries.js";
import { remember } from "./bounded-map.js";
import { MOST_SESSIONS } from "./bounds.js";
import { credentialsInValues } from "./credentials.js";
import { sha256 } from "./digests.js";
import { headerPairs, headerValues } from "./headers.js";
import { Mark } from "./mark.js";
import { bodyText } from "./request-facts.js";
import { tryOr } from "./try-or.js";
import { isObject, isString } from "./values.js";

/** @import { RequestFacts } from "./request-facts.js" */

/**
 * What opencode gives the hook `chat.headers`.
 * @typedef {object} HookInput
 * @property {string} sessionID
 * @property {any} [agent]
 * @property {any} [model]
 * @property {any} [provider]
 * @property {any} [message]
 */

/**
 * The newest marks of a session: of its turn, and of what is made beside it.
 * @typedef {{ turn?: Mark, aside?: Mark }} SessionMarks
 */

const CREDENTIAL_NAMES = /auth|key|token|secret|cookie/i;

// The headers in which opencode names the session; a model's own headers go before them.
const SESSION_HEADERS = ["x-session-affinity", "x-session-id"];

const SDK_AGENT = /(^|\s)ai-sdk\//;

// The SDKs that put a key into one header. Of others we do not know whether they sign it.
const PLAIN_SDKS =
  /^(@ai-sdk\/(openai|openai-compatible|anthropic|xai|github-copilot|google|mistral|groq|deepseek|cerebras|perplexity|togetherai|deepinfra)|@openrouter\/ai-sdk-provider)$/;

export const QUIET_AGENTS = ["title", "summary"]; // opencode goes on without what they say

/** The marks of this process. */
export class Marks {
  /** @type {{ slotsOf: (provider: string) => string[] }} */
  #logins;
  /** @type {Map<string, SessionMarks>} */
  #sessions = new Map(); // session -> its newest mark of a turn, and beside one
  /** @type {WeakMap<object, Mark>} */
  #announced = new WeakMap(); // what opencode gave the hook -> mark: we may be loaded twice
  /** @type {Set<string>} */
  #nameless = new Set(); // providers whose requests lose the name of the session on their way
  /** @type {Set<string>} */
  #holding = new Set(); // providers whose requests come in the context of their hook

  /** @param {{ slotsOf: (provider: string) => string[] }} logins */
  constructor(logins) {
    this.#logins = logins;
  }

  /**
   * Return the mark for a request that opencode is about to make.
   *
   * @param {HookInput} input
   * @param {any} output
   * @returns {Mark}
   */
  announce({ sessionID, agent, model, provider, message }, output) {
    const known = this.#announced.get(output);
    if (known) return known;
    const name = agent?.name ?? agent;
    // Login loaders set an apiKey too; only one from opencode.json wins over auth.json.
    const { apiKey, headers } = (provider?.source === "config" && provider.options) || {};
    const given = [headers, model?.headers]
      .flatMap((set) => Object.entries(set ?? {}))
      .filter(([key]) => CREDENTIAL_NAMES.test(key));
    const configured = [...credentialsInValues([apiKey, ...given.map(([, value]) => value)])];
    const mark = new Mark({
      provider: providerId(String(model?.providerID ?? provider?.id)),
      model: model?.id,
      session: sessionID,
      agent: name,
      message: message?.id,
      // A title and the like: made beside the turn, for the same message.
      aside: message?.agent !== undefined && message.agent !== name,
      configured: new Set(configured.map(sha256)),
      // Hooks after ours set theirs yet.
      given: () => [model?.headers, output?.headers].flatMap(headerPairs),
    });
    const sdk = [model?.api?.npm, provider?.npm].filter(isString);
    mark.isPlain = sdk.length > 0 && sdk.every((name) => PLAIN_SDKS.test(name));
    mark.isOurs = this.#logins.slotsOf(mark.provider).length > 0;
    if (!mark.isOurs) mark.leave(configured);
    this.#follow(mark);
    // What else a plug-in's hook asks in this context does not name the session, as opencode does.
    const hasOwnFetch = provider?.options?.fetch !== undefined;
    const own = Object.keys(model?.headers ?? {}).map((name) => name.toLowerCase());
    const hidesSession = SESSION_HEADERS.every((name) => own.includes(name));
    const isNameless = hidesSession || this.#nameless.has(mark.provider);
    mark.isNamed = mark.isPlain && !hasOwnFetch && !isNameless;
    if (isObject(output)) this.#announced.set(output, mark);
    return mark;
  }

  /** @param {Mark} mark */
  #follow(mark) {
    const of = this.#sessions.get(mark.session) ?? {};
    const place = QUIET_AGENTS.includes(mark.agent) ? "aside" : "turn";
    this.#drop(of[place]);
    of[place] = mark;
    remember(this.#sessions, mark.session, of, MOST_SESSIONS);
  }

  /**
   * Wait no longer for the request of a mark.
   *
   * @param {Mark | undefined} mark
   */
  #drop(mark) {
    if (mark?.isPassedBy && !mark.isHeard) this.#nameless.add(mark.provider);
  }

  /**
   * Return the provider of a session's turn that was answered, though we saw no request of it.
   *
   * @param {string} session
   */
  unseenIn(session) {
    const { turn } = this.#sessions.get(session) ?? {};
    const isUnseen = turn?.isOurs && !turn.isSpent && !turn.isHeard && !turn.isReached;
    return isUnseen ? turn.provider : null;
  }

  /**
   * Note that the turn of a session is over.
   *
   * @param {string} session
   */
  end(session) {
    const { turn, aside } = this.#sessions.get(session) ?? {};
    if (turn) turn.isSpent = true;
    [turn, aside].forEach((mark) => this.#drop(mark));
  }

  /**
   * Return the mark of the request that opencode tells of when a turn fails.
   *
   * @param {string} session
   */
  of(session) {
    const { turn, aside } = this.#sessions.get(session) ?? {};
    return turn ?? aside;
  }

  /**
   * Return the mark of the request that came in its context, or has lost it; null: it has none.
   *
   * @param {RequestFacts} seen
   * @param {Mark | undefined} inContext
   * @returns {Mark | null | undefined}
   */
  find(seen, inContext) {
    if (!inContext || inContext.isSpent || !inContext.fits(seen.headers)) return this.#lost(seen);
    if (inContext.isNamedIn(seen.headers)) this.#holding.add(inContext.provider);
    return inContext;
  }

  /**
   * Where no request of a provider comes in its context, the SDK's own is known by the session
   * that opencode names in it.
   *
   * @param {RequestFacts} seen
   * @returns {Mark | null | undefined}
   */
  #lost({ init, headers }) {
    if (!headerValues(headers, "user-agent").some((value) => SDK_AGENT.test(String(value))))
      return null;
    const of =
      headerPairs(headers)
        .map(([, value]) => this.#sessions.get(value))
        .find(Boolean) ?? {};
    /** @type {(mark: Mark | undefined) => boolean | undefined} */
    const isOpen = (mark) => mark?.isGiven && !mark.isSpent && !this.#holding.has(mark.provider);
    const open = [of.turn, of.aside].filter(isOpen);
    if (open.length < 2) return open[0] ?? null;
    // Nothing else tells a turn from the title beside it.
    const hasTools = () => JSON.parse(String(bodyText(init?.body))).tools.length > 0;
    return tryOr(hasTools, false) ? of.turn : null;
  }
}
