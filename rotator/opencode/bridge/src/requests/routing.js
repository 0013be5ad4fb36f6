// Which provider serves a session.

import { ignore } from "../core/attempt.js";
import { idOf } from "../core/auth-entries.js";
import { remember } from "../core/bounded-map.js";
import { MOST_SESSIONS } from "../core/bounds.js";
import { isOffered, isRoute, modelIn, modelOf, nameOf } from "../core/models.js";
import { oneLine } from "../core/one-line.js";
import { isObject, isText } from "../core/values.js";
import { ask, recentModel } from "../opencode/client.js";
import { KIND } from "../opencode/process.js";
import { until, within } from "../system/timing.js";

/**
 * @import { Mark } from "../core/mark.js"
 * @import { Model, Route } from "../core/models.js"
 * @import { Client } from "../opencode/client.js"
 * @import { Told } from "../watcher/state.js"
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
  /** @type {Told} */
  #told;
  #recent = recentModel(process.env); // later ones are choices of the user
  /** @type {Map<string, Session>} */
  #sessions = new Map(); // id -> {client, last, message, line, left, ours}
  /** @type {Set<string>} */
  #carried = new Set(); // what the session before this one had of us, if it ended with that
  // The TUI begins a session with the model of the one before; other clients name what they mean.
  #isTui = KIND === "tui" && !process.argv.slice(2).includes("acp");

  /** @param {Told} told */
  constructor(told) {
    this.#told = told;
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
    const wanted = modelIn(message.model);
    const isActive = wanted && this.#told.isAlive() && this.#told.routing.length;
    const chosen = isActive
      ? await within(ROUTING_MS, this.#find(client, known, input, message)).catch(() => null)
      : null;
    if (wanted && chosen && nameOf(chosen) !== nameOf(wanted)) {
      this.#set(known, chosen);
      message.model = { ...message.model, ...chosen };
    } else if (wanted) known.last = wanted;
    // Sub-agents are nobody's choice.
    const isLastOurs = known.last && known.ours.has(nameOf(known.last));
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
    known.ours.add(nameOf(model));
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
    const wanted = modelIn(message.model);
    if (!wanted) return null;
    const session = await ask(client.session.get({ path: { id: message.sessionID } }));
    known.isChild = Boolean(session.parentID);
    if (known.isChild) {
      return this.#told.hasNobodyLeft(wanted) ? this.#next(client, wanted) : wanted;
    }
    const last = known.last ?? (await this.#servedBy(client, message.sessionID));
    const own = await this.#modelOfAgent(client, message.agent);
    const isOwn = own !== null && nameOf(own) === nameOf(wanted);
    // In a session of its own past, what we set elsewhere was picked by the person.
    /** @type {(name: string) => boolean} */
    const isCarried = (name) => this.#isTui && !last && this.#carried.has(name);
    /** @type {(name: string) => boolean} */
    const isOurs = (name) => known.ours.has(name) || isCarried(name);
    const isPicked =
      !isOwn &&
      !isOurs(nameOf(wanted)) &&
      (await this.#isPicked(client, wanted, last, given !== undefined));
    const stays = last && this.#told.isReady(last);
    // A turn that was rerouted would only be rerouted again.
    const isLeft = stays && known.ours.has(nameOf(last)) && this.#told.hasNobodyLeft(wanted);
    if (isPicked && !isLeft && !this.#told.state?.overridesExplicit) return wanted;
    const target = stays ? last : await this.#next(client, last);
    // Inside the provider the choice is the agent's, or the user's if it was not ours before.
    const isFree = isOwn || (stays && !known.ours.has(nameOf(last)));
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
    for (const route of this.#told.routing) {
      const instead = from && isObject(route.instead) ? route.instead[nameOf(from)] : undefined;
      // Null: nothing there is of the same standing as what the session has now.
      if (instead === null) continue;
      const model = modelOf({ ...route, ...(isText(instead) ? { model: instead } : {}) });
      if (!this.#told.isReady(model)) continue;
      known ??= await ask(client.config.providers());
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
    const messages = await ask(client.session.messages({ path: { id }, query }));
    const answers = messages.map(({ info }) => info).filter((info) => info.role === "assistant");
    return modelIn(answers.findLast((info) => !info.error && !info.summary));
  }

  /**
   * @param {Client} client
   * @param {string} name
   * @returns {Promise<Model | null>}
   */
  async #modelOfAgent(client, name) {
    /** @type {any[]} */
    const agents = await ask(client.app.agents());
    return modelIn(agents.find((agent) => agent.name === name)?.model);
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
    const name = nameOf(wanted);
    if (!last && !isGiven) return false; // opencode found it by itself
    const { model } = await ask(client.config.get());
    if (model) return model !== name && !this.#wasOurs(name, last);
    if (this.#recent) return nameOf(this.#recent) !== name && !this.#wasOurs(name, last);
    const { default: usual } = await ask(client.config.providers());
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
        (one) => `${provider}/${one}` === name,
      );
    return last && nameOf(last) === name && this.#told.routing.some(isListed);
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
    if (idOf(to.provider) === mark.provider) return false;
    const model = modelOf(to);
    if (!isOffered(await ask(client.config.providers()), model)) return false;
    const base = await this.#lastOfUser(client, mark);
    // Responses end a step with `stop`, which an answer of a given form may not.
    if (base.format?.type === "json_schema") return false;
    const why = isText(note) && note ? oneLine(note) : `${mark.provider} has nobody left`;
    known.line = `[rotator] ${why}; going on with ${nameOf(model)}`;
    const { agent, tools, system, variant = base.model?.variant } = base;
    const parts = [{ type: "text", text: known.line, ignored: true }];
    const body = { noReply: true, agent, variant, tools, system, model, parts };
    await ask(client.session.prompt({ path: { id: mark.session }, body }));
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
    if (!client || !isRoute(to) || !text || idOf(to.provider) === mark.provider) return null;
    const model = modelOf(to);
    if (!isOffered(await ask(client.config.providers()), model)) return null;
    // As a child it is in no list of sessions and gets no title of its own.
    const made = { parentID: mark.session, title: `[rotator] ${mark.agent}` };
    const { id } = await ask(client.session.create({ body: made }));
    this.session(id).isOurs = true;
    const body = { agent: mark.agent, model, parts: [{ type: "text", text }] };
    try {
      const answer = ask(client.session.prompt({ path: { id }, body }));
      const { info, parts } = await until(abort, (done) => {
        answer.then(done, () => done({ info: { error: true }, parts: [] }));
        return () => client.session.abort({ path: { id } }).catch(ignore);
      });
      const said = parts
        .map((/** @type {any} */ part) => (part.type === "text" ? part.text : ""))
        .join("");
      return info.error || !said.trim() ? null : said;
    } finally {
      client.session.delete({ path: { id } }).catch(ignore);
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
    const messages = await ask(client.session.messages({ path: { id }, query }));
    const found = messages.findLast(({ info }) => info.role === "user");
    // Behind many steps of one turn it is further back.
    return (found ?? (await ask(client.session.message({ path: { id, messageID } })))).info;
  }
}
