// The calls of tools in a streamed answer, which come in pieces. One that broke off is never made:
// opencode tells the model so, and asks again at once.

/**
 * A piece of a call: more of its arguments, as JSON, or that it is whole. What is of a call only
 * if one was begun with that id says so (`isMore`), and so does its end, which may come too early.
 *
 * @typedef {object} CallPiece
 * @property {string} id
 * @property {string} [text]
 * @property {boolean} [isWhole]
 * @property {boolean} [isMore]
 * @property {boolean} [isEnd]
 */

const MOST_CALLS = 256;

/** How far the arguments of a call have come: a JSON object that closes at its last letter. */
class Arguments {
  #depth = 0;
  #isText = false;
  #isEscaped = false;
  isBegun = false;
  isWhole = false;

  /** @param {string} text */
  feed(text) {
    for (const letter of text) this.#take(letter);
  }

  /** @param {string} letter */
  #take(letter) {
    this.isBegun ||= letter.trim() !== "";
    if (this.#isEscaped) this.#isEscaped = false;
    else if (letter === "\\") this.#isEscaped = this.#isText;
    else if (letter === '"') this.#isText = !this.#isText;
    else if (!this.#isText && (letter === "{" || letter === "[")) this.#depth += 1;
    else if (!this.#isText && (letter === "}" || letter === "]")) {
      this.#depth -= 1;
      this.isWhole ||= this.#depth === 0;
    }
  }
}

/** The calls of one answer. */
export class ToolCalls {
  /** @type {Map<string, Arguments>} */
  #calls = new Map();

  /** @param {CallPiece[]} pieces */
  take(pieces) {
    for (const { id, text = "", isWhole = false, isMore, isEnd } of pieces) {
      const known = this.#calls.get(id);
      if (!known && (isMore || isEnd || this.#calls.size >= MOST_CALLS)) continue;
      const call = known ?? new Arguments();
      this.#calls.set(id, call);
      call.feed(text);
      // One that has no arguments is whole at its end.
      call.isWhole ||= isWhole || (isEnd === true && !call.isBegun);
    }
  }

  /** Whether one was begun. */
  get areThere() {
    return this.#calls.size > 0;
  }

  /** Whether one came whole: that one is made, whatever else there is. */
  get isOneWhole() {
    return [...this.#calls.values()].some(({ isWhole }) => isWhole);
  }

  /** Whether one broke off in the middle, and none came whole. */
  get areBroken() {
    return !this.isOneWhole && [...this.#calls.values()].some(({ isBegun }) => isBegun);
  }
}
