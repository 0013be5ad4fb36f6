// A mark: what opencode has announced of a request, which says whose the request is.

import { sha256 } from "./digests.js";
import { headerPairs } from "./headers.js";

/**
 * @import { HeaderForm } from "./headers.js"
 * @import { CarriedLogin } from "./auth-entries.js"
 */

/**
 * What opencode says of a request that it is about to make.
 * @typedef {object} Announced
 * @property {string} provider
 * @property {string | undefined} model
 * @property {string} session
 * @property {string} agent
 * @property {string | undefined} message
 * @property {boolean} aside a title and the like, made beside the turn
 * @property {Set<string>} configured digests of what opencode.json gives
 * @property {() => [string, any][]} given the headers that a model or a plug-in's hook has set
 */

/** One model request that opencode has announced, and what became of it. */
export class Mark {
  isOurs = false; // auth.json has a login that its request may carry
  isPlain = false; // its SDK puts the key into one header
  isNamed = false; // opencode names the session in its request
  isSpent = false; // a model has answered: what goes on in this context is none of ours
  isHeard = false; // its request came through our fetch
  isPassedBy = false; // another one did that does not name the session
  isGiven = false; // it stands in the context of its hook
  isReached = false; // something came through our fetch in that context
  /** @type {{ destinations: (slot: string) => string[] } | undefined} */
  built; // with which logins opencode built its request
  /** @type {string | null} */
  slot = null;
  /** @type {string | null} */
  credential = null; // the digest that its request carried last, if that is a login of ours
  /** @type {"configured" | "unknown" | "signed" | "unseen" | "elsewhere" | "unanswered" | null} */
  key = "unseen"; // else whose it was
  isUnproven = false; // somebody else may have put another credential into it

  /** @param {Announced} fields */
  constructor(fields) {
    this.provider = fields.provider;
    this.model = fields.model;
    this.session = fields.session;
    this.agent = fields.agent;
    this.message = fields.message;
    this.aside = fields.aside;
    this.configured = fields.configured;
    this.given = fields.given;
  }

  /** @param {HeaderForm} headers */
  isNamedIn = (headers) => headerPairs(headers).some(([, value]) => value === this.session);

  /**
   * Tell whether a request may be its own, which names the session where nothing hinders that.
   *
   * @param {HeaderForm} headers
   */
  fits = (headers) => !this.isNamed || this.isNamedIn(headers);

  /**
   * Its request carried a login of ours.
   *
   * @param {{
   *   isForeign: boolean,
   *   isElsewhere?: boolean,
   *   isUnproven: boolean,
   *   slot: string,
   *   carried: CarriedLogin,
   * }} call
   */
  take({ isForeign, isElsewhere, isUnproven, slot, carried }) {
    if (isForeign) {
      this.leave();
      if (isElsewhere) this.key = "elsewhere";
      return;
    }
    this.isUnproven = isUnproven;
    this.isHeard = true;
    this.slot = slot;
    this.credential = carried.digest;
    this.key = null;
  }

  /**
   * Its request carries what is none of ours.
   *
   * @param {Iterable<string>} secrets
   */
  leave(secrets = []) {
    this.isHeard = true;
    this.isUnproven = false;
    this.credential = null;
    const isConfigured = [...secrets].some((secret) => this.configured.has(sha256(secret)));
    this.key = isConfigured ? "configured" : "unknown";
  }

  /** Somebody who had its request in hand let it fail, and no vendor's answer was seen. */
  leaveUnanswered() {
    this.leave();
    this.key = "unanswered";
  }

  /** Its request is signed: whatever it carries, it is left as it is. */
  leaveSigned() {
    this.leave();
    this.key = "signed";
  }
}
