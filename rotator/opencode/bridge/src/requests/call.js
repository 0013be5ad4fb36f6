// One request of ours, however often it is sent.

import { credentialsOf } from "../core/credentials.js";
import { without } from "../core/headers.js";
import { isModelPath } from "../core/model-requests.js";
import { isText } from "../core/values.js";
import { randomId } from "../system/random.js";
import { cross } from "./context.js";

function canRepeat(body) {
  if (isText(body ?? "") || ArrayBuffer.isView(body)) return true;
  return [ArrayBuffer, URLSearchParams, Blob, FormData].some((kind) => body instanceof kind);
}

/** A request of ours, in as many attempts as it takes. */
export class Call {
  id = randomId();
  sends = 0;
  attempt = 0; // of sending and asking, since a wait ended
  tried = new Set(); // digests
  waited = false;
  secrets = new Set();
  isForeign = false; // whoever stands between us and the network sent another credential

  constructor({ input, init, request, mark, found }) {
    this.request = request;
    this.input = input;
    this.init = init;
    this.mark = mark;
    this.slot = found.slot; // where auth.json has its login
    this.carried = found; // {secret, digest, seen}: the login that the headers hold
    this.url = new URL(this.request ? input.url : input);
    this.signal = init.signal === undefined ? this.request?.signal : init.signal;
    this.repeatable = canRepeat(init.body);
  }

  /** Send it; a body inside a Request is kept for the next time. */
  send(layer) {
    if (this.waited) this.attempt = 0; // what was refused before says nothing any more
    this.waited = false;
    this.sends += 1;
    this.attempt += 1;
    this.tried.add(this.carried.digest);
    this.secrets.add(this.carried.secret);
    const input = this.input;
    if (this.request && (this.init.body ?? null) === null) {
      try {
        this.input = input.clone();
      } catch {
        this.repeatable = false;
      }
    }
    return cross(this, () => layer(input, this.init));
  }

  /** Look at what a fetch between us and the network makes of it. */
  observe({ method, path, headers }) {
    const isIt = method === "POST" && (isModelPath(path) || path === this.url.pathname);
    if (isIt && !credentialsOf(headers).has(this.carried.secret)) this.isForeign = true;
  }

  /** Note that a wait is over: the watcher is asked anew, and may name any login again. */
  endWait() {
    this.waited = true;
    this.attempt += 1;
    this.tried.clear();
  }

  /** Return the body as text, or null if it is none. */
  async text() {
    const body = this.init.body ?? null;
    if (body === null && this.request) return this.input.clone().text();
    return isText(body) ? body : null;
  }

  setText(body) {
    this.init = { ...this.init, body, headers: without(this.init.headers, "content-length") };
  }
}
