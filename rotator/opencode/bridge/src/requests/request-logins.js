// The login that a request carries, and the one that may take its place.

import { builtFor } from "../core/built-places.js";
import { credentialsBeside, credentialsInHeaders, withPieces } from "../core/credentials.js";
import { sha256 } from "../core/digests.js";
import { replaceLogin } from "../core/login-replacement.js";
import { isSendable } from "../core/secret-texts.js";
import { sleep } from "../system/timing.js";
import { POLL_MS } from "../watcher/exchange.js";

/**
 * @import { CarriedLogin, Entry } from "../core/auth-entries.js"
 * @import { HeaderForm } from "../core/headers.js"
 * @import { Mark } from "../core/mark.js"
 * @import { Logins } from "../opencode/logins.js"
 * @import { WatcherState } from "../watcher/watcher-state.js"
 * @import { Call, ClaimedLogin } from "./call.js"
 */

const SWAP_VISIBLE_MS = 100;

/** Knows by auth.json and by the watcher which login a request carries. */
export class RequestLogins {
  /** @type {Logins} */
  #logins;
  /** @type {WatcherState} */
  #watcher;

  /**
   * @param {Logins} logins
   * @param {WatcherState} watcher
   */
  constructor(logins, watcher) {
    this.#logins = logins;
    this.#watcher = watcher;
  }

  /**
   * Tell whether a login may have stood in auth.json between two looks of ours. Tokens may, for
   * they are read at each request. A key is read when we look as well: one that only the watcher
   * knows has come from elsewhere.
   *
   * @param {string} slot
   * @param {string} digest
   */
  #mayHaveBeen = (slot, digest) =>
    this.#logins.get(slot)?.type === "oauth" &&
    this.#watcher.provider(slot)?.known.has(digest) === true;

  /**
   * Return the login in a request that is in auth.json or was, or null.
   *
   * @param {Mark} mark
   * @param {HeaderForm} headers
   * @returns {ClaimedLogin | null}
   */
  find({ provider, configured, given }, headers) {
    // A header of a model's or of a plug-in's is sent as it is, whatever auth.json holds.
    const plain = { all: credentialsInHeaders(headers), beside: credentialsBeside(headers, given()) };
    const pieces = { all: withPieces(plain.all), beside: withPieces(plain.beside) };
    for (const slot of this.#logins.slotsOf(provider)) {
      const { type, digests: live } = this.#logins.get(slot) ?? {};
      // Who brings it says where it stands, and may have more stand there.
      const { all, beside } = type === "wellknown" ? pieces : plain;
      for (const secret of all) {
        const digest = sha256(secret);
        const seen = this.#logins.seen(slot).get(digest);
        // What auth.json holds is its own, even if opencode.json gave it to the request.
        const isOurs =
          live?.includes(digest) ||
          (beside.has(secret) &&
            (seen || (!configured.has(digest) && this.#mayHaveBeen(slot, digest))));
        if (isOurs)
          return { slot, secret, seen, digest: this.#nameOf(slot, seen?.digests ?? [digest]) };
      }
    }
    return null;
  }

  /**
   * Return the digest that the watcher has for a login that has two, for its key has blanks.
   *
   * @param {string} slot
   * @param {string[]} digests
   */
  #nameOf(slot, digests) {
    const known = this.#watcher.provider(slot)?.known;
    return digests.find((digest) => known?.has(digest)) ?? digests[0];
  }

  /**
   * Give the call the login `entry`; false where the two do not belong to one destination, or no
   * header can hold it.
   *
   * @param {Call} call
   * @param {Entry | undefined} entry
   */
  useLogin(call, entry) {
    const old = call.carried;
    if (!entry || !isSendable(entry.secret)) return false;
    const digest = this.#nameOf(call.slot, entry.digests);
    if (digest === old.digest) {
      // opencode sends a key with what is around it, and fetch may throw of that.
      if (old.secret !== entry.secret) this.#put(call, entry);
      return true;
    }
    if (this.#destination(call.slot, old) !== entry.destination) return false;
    this.#put(call, entry);
    return true;
  }

  /**
   * @param {Call} call
   * @param {Entry} entry
   */
  #put(call, entry) {
    const { init, url, carried } = call;
    call.init = { ...init, headers: replaceLogin(init.headers, url, carried, entry) };
    const digest = this.#nameOf(call.slot, entry.digests);
    call.carried = { secret: entry.secret, digest, seen: entry };
  }

  /**
   * Return the destination for which a request was built that carries a login for another one;
   * null where that is not so, or not certain.
   *
   * @param {Mark} mark
   * @param {ClaimedLogin} login
   * @param {URL} url
   */
  #otherPlace({ built }, login, url) {
    const { slot } = login;
    const carried = this.#destination(slot, login);
    if (!built || !carried) return null;
    const seen = [...this.#logins.lastAt(slot).keys()];
    const place = builtFor(url, carried, seen, built.destinations(slot));
    return place === carried ? null : place;
  }

  /**
   * Tell whether a request carries a login for another place than that for which it was built.
   *
   * @param {Mark} mark
   * @param {ClaimedLogin} login
   * @param {URL} url
   */
  isMisplaced = (mark, login, url) => this.#otherPlace(mark, login, url) !== null;

  /**
   * Send no tokens to the place of another login: opencode reads them anew for each request, and
   * its address when it begins. What belongs there takes their place. Where that is not known, or
   * has run out, or the user has taken it back, the answer says nothing of any login.
   *
   * @param {Call} call
   */
  keepPlace(call) {
    const place = this.#otherPlace(call.mark, { ...call.carried, slot: call.slot }, call.url);
    if (place === null) return;
    const last = this.#logins.lastAt(call.slot).get(place);
    const isGood = isSendable(last?.secret ?? "");
    const own = last && isGood && !this.#watcher.isWithdrawn(call.slot, last.digests) ? last : null;
    if (own) this.#put(call, own);
    call.isForeign = !own || (own.expires > 0 && own.expires <= Date.now());
  }

  /**
   * @param {string} slot
   * @param {CarriedLogin} login
   */
  #destination(slot, { digest, seen }) {
    if (seen) return seen.destination;
    // state.json names only credentials of the active one's destination, and where that is we
    // know if we saw it.
    const told = this.#watcher.provider(slot);
    if (!told?.known.has(digest)) return null;
    return this.#logins.seen(slot).get(told.active)?.destination;
  }

  /**
   * Give the call the login that the watcher names; false where it has none or another place.
   *
   * @param {Call} call
   * @param {{ [more: string]: any }} verdict
   */
  async takeOver(call, { credential }) {
    if (this.#isOwn(call, credential)) return true;
    const entry = await this.#whenLive(call, credential);
    return entry !== null && this.useLogin(call, entry);
  }

  /**
   * Tell whether that is the login that the call carries, while auth.json has one for another place.
   *
   * @param {Call} call
   * @param {string} credential
   */
  #isOwn({ slot, carried }, credential) {
    if (credential !== carried.digest || this.#watcher.isWithdrawn(slot, [credential])) return false;
    const live = this.#logins.get(slot)?.destination;
    const own = this.#destination(slot, carried);
    return Boolean(live && own && live !== own);
  }

  /**
   * Return the entry with that digest as soon as auth.json holds it, which it should by now.
   *
   * @param {Call} call
   * @param {string} digest
   */
  async #whenLive(call, digest) {
    for (const end = performance.now() + SWAP_VISIBLE_MS; performance.now() < end;) {
      const entry = this.#logins.get(call.slot);
      if (entry?.digests.includes(digest)) return entry;
      await sleep(POLL_MS.first, call.signal);
    }
    return null;
  }
}
