// A turn of OpenCode 2 that goes on with another provider: its own retry asks that one.

import { isRoute, modelName, modelOfRoute } from "../core/models.js";
import { noop } from "../core/try-or.js";

/**
 * @import { Model } from "../core/models.js"
 * @import { Call } from "../requests/call.js"
 * @import { Verdict } from "../watcher/exchange.js"
 * @import { WatcherState } from "../watcher/watcher-state.js"
 * @import { Sessions } from "./sessions.js"
 */

/** Gives sessions another model, and gives them their own back. */
export class OtherModels {
  /** @type {WatcherState} */
  #watcher;
  /** @type {Sessions} */
  #sessions;

  /**
   * @param {WatcherState} watcher
   * @param {Sessions} sessions
   */
  constructor(watcher, sessions) {
    this.#watcher = watcher;
    this.#sessions = sessions;
  }

  /**
   * Nothing is answered in a vendor's place: OpenCode gets the refusal, and then asks what to do.
   *
   * @param {Call} call
   * @param {Verdict} verdict
   */
  async instead(call, verdict) {
    await this.go(call, verdict);
    return null;
  }

  /**
   * Note where a turn shall go on; a title is no turn.
   *
   * @param {Call} call
   * @param {Verdict} verdict
   */
  async go({ mark }, { to }) {
    if (mark.aside || !isRoute(to)) return false;
    this.#sessions.session(mark.session).to = to;
    return true;
  }

  show = noop;

  /**
   * Let a turn that is about to end or to be tried again go on where the watcher has said.
   *
   * @param {any} ctx
   * @param {any} event
   */
  async change(ctx, { sessionID, model }) {
    const known = this.#sessions.session(sessionID);
    const { to } = known;
    known.to = null;
    if (!isRoute(to) || to.provider === model.providerID || known.left.has(to.provider)) return false;
    const next = modelOfRoute(to);
    if (!(await this.#set(ctx, sessionID, next))) return false;
    known.left.add(model.providerID);
    const from = known.switched?.from ?? { providerID: model.providerID, modelID: model.id };
    known.switched = { from, to: next };
    return true;
  }

  /**
   * Before a new message: a provider with nobody left is not asked first, and a session that we
   * have taken elsewhere goes back once its own can answer again.
   *
   * @param {any} ctx
   * @param {any} event
   */
  async choose(ctx, { sessionID }) {
    const known = this.#sessions.session(sessionID);
    known.left.clear();
    known.again.clear();
    if (!this.#watcher.isAlive() || !this.#watcher.routing.length) return;
    const { model = (await ctx.model.default()).data } = await ctx.session.get({ sessionID });
    if (!model) return;
    const now = { providerID: model.providerID, modelID: model.id };
    const { switched } = known;
    if (switched && modelName(now) !== modelName(switched.to)) known.switched = null;
    else if (switched && this.#ready(switched.from) === true) {
      await this.#set(ctx, sessionID, switched.from);
      known.switched = null;
      return;
    }
    if (this.#ready(now) !== false) return;
    const next = this.#watcher.routing
      .filter(({ instead }) => instead?.[modelName(now)] !== null)
      .map((route) => ({ ...route, model: route.instead?.[modelName(now)] ?? route.model }))
      .map(modelOfRoute)
      .find((other) => this.#ready(other) === true);
    if (!next || !(await this.#set(ctx, sessionID, next))) return;
    known.switched = { from: known.switched?.from ?? now, to: next };
  }

  /**
   * @param {Model} model
   * @returns {boolean | undefined}
   */
  #ready(model) {
    const ready = this.#watcher.second(model.providerID)?.ready;
    return ready === true && this.#watcher.state?.spent.has(modelName(model)) ? false : ready;
  }

  /**
   * Give a session a model that OpenCode has; false where it has it not.
   *
   * @param {any} ctx
   * @param {string} sessionID
   * @param {Model} model
   */
  async #set(ctx, sessionID, { providerID, modelID }) {
    const { data } = await ctx.model.list();
    const isThere = data.some(
      (/** @type {any} */ one) => one.providerID === providerID && one.id === modelID,
    );
    if (isThere) await ctx.session.switchModel({ sessionID, model: { providerID, id: modelID } });
    return isThere;
  }
}
