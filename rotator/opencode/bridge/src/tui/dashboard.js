// The dashboard, full screen inside opencode.

import { tryOr } from "../core/try-or.js";
import { programOf, run } from "./program.js";

/** @import { ChildProcess } from "node:child_process" */

const TOAST_MS = 10_000;
const INTERRUPTED = 130; // Ctrl+C leaves it, too

export class Dashboard {
  /** @type {any} */
  #api;
  /** @type {string[]} */
  #program;
  #isOpen = false;
  /** @type {ChildProcess | null} */
  #child = null;

  /**
   * @param {any} api
   * @param {unknown} options
   */
  constructor(api, options) {
    this.#api = api;
    this.#program = programOf(options);
  }

  get isOpen() {
    return this.#isOpen;
  }

  /** Give the terminal to our dashboard, and take it back when that has ended. */
  open = async () => {
    if (this.#isOpen) return;
    this.#isOpen = true;
    const { renderer } = this.#api;
    let failure = "";
    try {
      renderer.suspend();
      try {
        const words = ["dashboard", "--no-suspend"];
        const { code } = await run(
          this.#program,
          words,
          "inherit",
          (child) => (this.#child = child),
        );
        if (code && code !== INTERRUPTED) failure = `it ended with ${code}`;
      } finally {
        tryOr(() => renderer.currentRenderBuffer?.clear?.());
        renderer.resume();
        renderer.requestRender();
      }
    } catch (error) {
      failure = String(error?.message ?? error);
    }
    this.#isOpen = false;
    this.#child = null;
    if (failure) this.say("The dashboard could not be opened", failure, "error");
  };

  /** End it with the opencode that it is open in. */
  close = () => tryOr(() => this.#child?.kill());

  /**
   * Put an account into auth.json, as `rotator rotate` does it.
   *
   * @param {string} provider
   * @param {string} alias
   */
  activate = async (provider, alias) => {
    const words = ["rotate", "--json", "--", provider, alias];
    try {
      const { code, printed } = await run(this.#program, words, ["ignore", "pipe", "ignore"]);
      if (code === 0) return this.say("", `${provider}/${alias} is live now`, "success");
      const failure = tryOr(() => JSON.parse(printed).error.message, `it ended with ${code}`);
      this.say(`${provider}/${alias} was not activated`, failure, "error");
    } catch (error) {
      this.say(`${provider}/${alias} was not activated`, String(error?.message ?? error), "error");
    }
  };

  /**
   * @param {string} title
   * @param {string} message
   * @param {string} variant
   */
  say(title, message, variant) {
    const toast = { message, variant, duration: TOAST_MS };
    tryOr(() => this.#api.ui.toast(title ? { title, ...toast } : toast));
  }
}
