// Which provider serves a session.

import { providerId } from "../core/auth-entries.js";
import { remember } from "../core/bounded-map.js";
import { MOST_SESSIONS } from "../core/bounds.js";
import { isOffered, isRoute, modelName, modelOfRoute, parseModel } from "../core/models.js";
import { oneLine } from "../core/one-line.js";
import { noop } from "../core/try-or.js";
import { isObject, isString } from "../core/values.js";
import { recentModel, unwrap } from "../opencode/client.js";
import { PROCESS_KIND } from "../opencode/process.js";
import { abortable, withTimeout } from "../system/timing.js";

/**
 * @import { Mark } from "../core/mark.js"
 * @import { Model, Route } from "../core/models.js"
 * @import { Client } from "../opencode/client.js"
 * @import { WatcherState } from "../watcher/watcher-state.js"
 */

/**
 * What is known of a session.
 * @typedef {object} Session
 * @property {Set<string>} left providers that its turn has left
 * @property {Set<string>} ours names of models that we set in it
 * @property {Client} [client]
 * @property {Model} [last] what serves it
 * @property {string} [message] the newest that was given its provider
 * @property {string} [line] what we told in it of the last reroute
 * @property {boolean} [isChild] a sub-agent's
 * @property {boolean} [isOurs] we made it
 */

const ROUTING_MS = 2000; // a message is not held up for longer to find its provider
const RECENT_MESSAGES = 20;

/** Gives each new message its provider, and remembers who serves which session. */
export class Routing {
  /** @type {WatcherState} */
  #watcher;
  #recent = recentModel(process.env); // later ones are choices of the user
  /** @type {Map<string, Session>} */
  #sessions = new Map(); // id -> {client, last, message, line, left, ours}
  /** @type {Set<string>} */
  #carried = new Set(); // what the session before this one had of us, if it ended with that
  // The TUI begins a session with the model of the one before; other clients name what they mean.
  #isTui = PROCESS_KIND === "tui";

  /** @param {WatcherState} watcher */
  constructor(watcher) {
    this.#watcher = watcher;
  }

  /**
   * Return what is known of a session, newest last.
   *
   * @param {string} id
   * @returns {Session}
   */
  session(id) {
    // `ours` are the names of models that we set in this session.
    const known = this.#sessions.get(id) ?? { left: new Set(), ours: new Set() };
    remember(this.#sessions, id, known, MOST_SESSIONS);
    return known;
  }

  /**
   * Set the model of a message that opencode is about to store, if it is for us to choose.
   *
   * @param {Client} client
   * @param {{ model?: any }} input
   * @param {{ message: any, parts: any[] }} output
   */
  async choose(client, input, { message, parts }) {
    const known = this.session(message.sessionID);
    const isSeen = known.message === message.id; // we are loaded twice
    if (isSeen || parts.some((part) => known.line && part.text === known.line)) return;
    known.message = message.id;
    known.client = client;
    // What nobody typed belongs to the turn that is under way.
    if (!parts.length || !parts.every((part) => part.synthetic)) known.left = new Set();
    const wanted = parseModel(message.model);
    const isActive = wanted && this.#watcher.isAlive() && this.#watcher.routing.length;
    const chosen = isActive
      ? await withTimeout(ROUTING_MS, this.#find(client, known, input, message)).catch(() => null)
      : null;
    if (wanted && chosen && modelName(chosen) !== modelName(wanted)) {
      this.#set(known, chosen);
      message.model = { ...message.model, ...chosen };
    } else if (wanted) known.last = wanted;
    // Sub-agents are nobody's choice.
    const isLastOurs = known.last && known.ours.has(modelName(known.last));
    if (!known.isChild) this.#carried = isLastOurs ? known.ours : new Set();
  }

  /**
   * Note that the session goes on with a model that was not the user's choice.
   *
   * @param {Session} known
   * @param {Model} model
   */
  #set(known, model) {
    known.last = model;
    known.ours.add(modelName(model));
    if (!known.isChild) this.#carried = known.ours;
  }

  /**
   * @param {Client} client
   * @param {Session} known
   * @param {{ model?: any }} input
   * @param {any} message
   * @returns {Promise<Model | null>}
   */
  async #find(client, known, { model: given }, message) {
    const wanted = parseModel(message.model);
    if (!wanted) return null;
    const session = await unwrap(client.session.get({ path: { id: message.sessionID } }));
    known.isChild = Boolean(session.parentID);
    if (known.isChild) {
      return this.#watcher.hasNobodyLeft(wanted) ? this.#next(client, wanted) : wanted;
    }
    const last = known.last ?? (await this.#servedBy(client, message.sessionID));
    const own = await this.#modelOfAgent(client, message.agent);
    const isOwn = own !== null && modelName(own) === modelName(wanted);
    // In a session of its own past, what we set elsewhere was picked by the person.
    /** @type {(name: string) => boolean} */
    const isCarried = (name) => this.#isTui && !last && this.#carried.has(name);
    /** @type {(name: string) => boolean} */
    const isOurs = (name) => known.ours.has(name) || isCarried(name);
    const isPicked =
      !isOwn &&
      !isOurs(modelName(wanted)) &&
      (await this.#isPicked(client, wanted, last, given !== undefined));
    const stays = last && this.#watcher.isReady(last);
    // A turn that was rerouted would only be rerouted again.
    const isLeft = stays && known.ours.has(modelName(last)) && this.#watcher.hasNobodyLeft(wanted);
    if (isPicked && !isLeft && !this.#watcher.state?.overridesExplicit) return wanted;
    const target = stays ? last : await this.#next(client, last);
    // Inside the provider the choice is the agent's, or the user's if it was not ours before.
    const isFree = isOwn || (stays && !known.ours.has(modelName(last)));
    return target?.providerID === wanted.providerID && isFree ? wanted : target;
  }

  /**
   * Return the first model in the order of providers that can be asked now, or null.
   *
   * @param {Client} client
   * @param {Model | null | undefined} from
   * @returns {Promise<Model | null>}
   */
  async #next(client, from) {
    let known = null;
    for (const route of this.#watcher.routing) {
      const instead = from && isObject(route.instead) ? route.instead[modelName(from)] : undefined;
      // Null: nothing there is of the same standing as what the session has now.
      if (instead === null) continue;
      const model = modelOfRoute({ ...route, ...(isString(instead) ? { model: instead } : {}) });
      if (!this.#watcher.isReady(model)) continue;
      known ??= await unwrap(client.config.providers());
      if (isOffered(known, model)) return model;
    }
    return null;
  }

  /**
   * Return the model of the session's last good answer, also one of an earlier process.
   *
   * @param {Client} client
   * @param {string} id
   * @returns {Promise<Model | null>}
   */
  async #servedBy(client, id) {
    const query = { limit: RECENT_MESSAGES };
    /** @type {{ info: any }[]} */
    const messages = await unwrap(client.session.messages({ path: { id }, query }));
    const answers = messages.map(({ info }) => info).filter((info) => info.role === "assistant");
    return parseModel(answers.findLast((info) => !info.error && !info.summary));
  }

  /**
   * @param {Client} client
   * @param {string} name
   * @returns {Promise<Model | null>}
   */
  async #modelOfAgent(client, name) {
    /** @type {any[]} */
    const agents = await unwrap(client.app.agents());
    return parseModel(agents.find((agent) => agent.name === name)?.model);
  }

  /**
   * Tell whether the user picked `wanted`, which is none of ours: it is not opencode's default.
   *
   * @param {Client} client
   * @param {Model} wanted
   * @param {Model | null | undefined} last
   * @param {boolean} isGiven
   */
  async #isPicked(client, wanted, last, isGiven) {
    const name = modelName(wanted);
    if (!last && !isGiven) return false; // opencode found it by itself
    const { model } = await unwrap(client.config.get());
    if (model) return model !== name && !this.#wasOurs(name, last);
    if (this.#recent) return modelName(this.#recent) !== name && !this.#wasOurs(name, last);
    const { default: usual } = await unwrap(client.config.providers());
    return usual?.[wanted.providerID] !== wanted.modelID && !this.#wasOurs(name, last);
  }

  /**
   * Tell whether an earlier process of ours may have set it: it served the session before.
   *
   * @param {string} name
   * @param {Model | null | undefined} last
   */
  #wasOurs(name, last) {
    /** @type {(route: Route) => boolean} */
    const isListed = ({ provider, model, instead }) =>
      [model, ...Object.values(isObject(instead) ? instead : {})].some(
        (other) => `${provider}/${other}` === name,
      );
    return last && modelName(last) === name && this.#watcher.routing.some(isListed);
  }

  /**
   * Let the turn of a failed request go on with another provider; false: it cannot.
   *
   * @param {Mark} mark
   * @param {unknown} to
   * @param {unknown} note
   */
  async reroute(mark, to, note) {
    const known = this.session(mark.session);
    const { client } = known;
    if (!client || !isRoute(to) || known.left.has(to.provider)) return false;
    if (providerId(to.provider) === mark.provider) return false;
    const model = modelOfRoute(to);
    if (!isOffered(await unwrap(client.config.providers()), model)) return false;
    const base = await this.#lastOfUser(client, mark);
    // Responses end a step with `stop`, which an answer of a given form may not.
    if (base.format?.type === "json_schema") return false;
    const why = isString(note) && note ? oneLine(note) : `${mark.provider} has nobody left`;
    known.line = `[rotator] ${why}; going on with ${modelName(model)}`;
    const { agent, tools, system, variant = base.model?.variant } = base;
    const parts = [{ type: "text", text: known.line, ignored: true }];
    const body = { noReply: true, agent, variant, tools, system, model, parts };
    await unwrap(client.session.prompt({ path: { id: mark.session }, body }));
    known.left.add(mark.provider);
    this.#set(known, model);
    return true;
  }

  /**
   * Let another provider answer what is asked beside a turn, in a session that is gone then.
   *
   * @param {Mark} mark
   * @param {unknown} to
   * @param {string} text
   * @param {AbortSignal} abort
   * @returns {Promise<string | null>}
   */
  async askElsewhere(mark, to, text, abort) {
    const { client } = this.session(mark.session);
    if (!client || !isRoute(to) || !text || providerId(to.provider) === mark.provider) return null;
    const model = modelOfRoute(to);
    if (!isOffered(await unwrap(client.config.providers()), model)) return null;
    // As a child it is in no list of sessions and gets no title of its own.
    const made = { parentID: mark.session, title: `[rotator] ${mark.agent}` };
    const { id } = await unwrap(client.session.create({ body: made }));
    this.session(id).isOurs = true;
    const body = { agent: mark.agent, model, parts: [{ type: "text", text }] };
    try {
      const answer = unwrap(client.session.prompt({ path: { id }, body }));
      const { info, parts } = await abortable(abort, (done) => {
        answer.then(done, () => done({ info: { error: true }, parts: [] }));
        return () => client.session.abort({ path: { id } }).catch(noop);
      });
      const answered = parts
        .map((/** @type {any} */ part) => (part.type === "text" ? part.text : ""))
        .join("");
      return info.error || !answered.trim() ? null : answered;
    } finally {
      client.session.delete({ path: { id } }).catch(noop);
    }
  }

  /**
   * Return the message that the turn is about: the newest of the user's.
   *
   * @param {Client} client
   * @param {Mark} mark
   * @returns {Promise<any>}
   */
  async #lastOfUser(client, { session: id, message: messageID }) {
    const query = { limit: RECENT_MESSAGES };
    /** @type {{ info: any }[]} */
    const messages = await unwrap(client.session.messages({ path: { id }, query }));
    const newest = messages.findLast(({ info }) => info.role === "user");
    // Behind many steps of one turn it is further back.
    return (newest ?? (await unwrap(client.session.message({ path: { id, messageID } })))).info;
  }
}
