// A mark: what opencode has announced of a request, which says whose the request is.

import { sha256 } from "./digests.js";
import { pairsOf } from "./headers.js";

/** One model request that opencode has announced, and what became of it. */
export class Mark {
  isSpent = false; // a model has answered: what goes on in this context is none of ours
  isHeard = false; // its request came through our fetch
  isPassedBy = false; // another one did that does not name the session
  isGiven = false; // it stands in the context of its hook
  isReached = false; // something came through our fetch in that context
  slot = null;
  credential = null; // the digest that its request carried last, if that is a login of ours
  key = "unseen"; // else whose it was

  constructor(fields) {
    Object.assign(this, fields);
  }

  isNamedIn = (headers) => pairsOf(headers).some(([, value]) => value === this.session);

  /** Tell whether a request may be its own, which names the session where nothing hinders that. */
  fits = (headers) => !this.isNamed || this.isNamedIn(headers);

  /** Its request carried a login of ours. */
  take({ isForeign, slot, carried }) {
    if (isForeign) return this.leave();
    this.isHeard = true;
    this.slot = slot;
    this.credential = carried.digest;
    this.key = null;
  }

  /** Its request carries what is none of ours. */
  leave(secrets = []) {
    this.isHeard = true;
    this.credential = null;
    const isConfigured = [...secrets].some((secret) => this.configured.has(sha256(secret)));
    this.key = isConfigured ? "configured" : "unknown";
  }
}
