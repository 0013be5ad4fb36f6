// The lines in opencode's sidebar, drawn with the library that the TUI has.

import { isString } from "../../core/values.js";
import { accountStatus, balancingStatus, truncate } from "./words.js";

/** @import { Account, Glance, Provider } from "./glance.js" */

/**
 * What the sidebar shows, and what a click does.
 * @typedef {object} Shown
 * @property {() => Glance | false | null} glance
 * @property {() => number} now
 * @property {{ open: () => unknown, activate: (provider: string, alias: string) => unknown }} dashboard
 * @property {string} key
 * @property {(why: string) => void} switchOff
 */

const MOST_ACCOUNTS = 8; // of one provider; the dashboard has the others
const WIDTH = 36; // what opencode's sidebar leaves

/**
 * Returns what draws the sidebar from `glance()`, as of the minute `now()`.
 *
 * @param {any} api
 * @param {any} solid
 * @param {Shown} shown
 * @returns {() => unknown}
 */
export function sidebar(api, solid, { glance, now, dashboard, key, switchOff }) {
  const { createElement, insert, insertNode, setProp } = solid;

  /**
   * @param {string} kind
   * @param {Record<string, unknown>} properties
   * @param {...any} children
   */
  function element(kind, properties, ...children) {
    const made = createElement(kind);
    for (const [name, value] of Object.entries(properties)) setProp(made, name, value);
    for (const child of children)
      if (isString(child)) insert(made, child);
      else insertNode(made, child);
    return made;
  }

  /** @type {(words: string, fg: unknown, more?: Record<string, unknown>) => unknown} */
  const text = (words, fg, more = {}) => element("text", { fg, wrapMode: "none", ...more }, words);
  /** @type {(more: Record<string, unknown>, ...children: unknown[]) => unknown} */
  const row = (more, ...children) =>
    element("box", { flexDirection: "row", justifyContent: "space-between", ...more }, ...children);

  /**
   * @param {Provider} provider
   * @param {Account} account
   * @param {Record<string, unknown>} theme
   */
  function accountRow(provider, account, theme) {
    const [words, colour] = accountStatus(account, now());
    const isActive = account.active === true;
    const name = truncate(`${isActive ? "●" : "○"} ${account.alias}`, WIDTH - words.length - 1);
    const activate = isActive
      ? {}
      : { onMouseUp: () => void dashboard.activate(provider.id, account.alias) };
    const left = text(name, isActive ? theme.text : theme.textMuted);
    return row(activate, left, text(words, theme[colour]));
  }

  /**
   * @param {Provider} provider
   * @param {Record<string, unknown>} theme
   */
  function providerRows(provider, theme) {
    const shown = provider.accounts.slice(0, MOST_ACCOUNTS);
    const left = provider.accounts.length - shown.length + provider.more;
    const more = left > 0 ? [text(`  and ${left} more`, theme.textMuted)] : [];
    const rows = shown.map((account) => accountRow(provider, account, theme));
    return [text(truncate(provider.id, WIDTH), theme.textMuted), ...rows, ...more];
  }

  function rows() {
    const theme = api.theme.current;
    const latest = glance();
    const word = balancingStatus(latest);
    const colour = word === "on" ? theme.success : theme.warning;
    const title = element("text", { fg: theme.text }, element("b", {}, "Balancing"));
    const button = text("[ dashboard ]", theme.text, { onMouseUp: () => void dashboard.open() });
    return [
      row({}, title, text(word, colour)),
      row({}, button, text(key, theme.textMuted)),
      ...(latest ? latest.providers : []).flatMap((provider) => providerRows(provider, theme)),
    ];
  }

  // It is called again and again, by whoever draws the screen: nothing may be thrown there.
  function safeRows() {
    try {
      return rows();
    } catch (error) {
      switchOff(`the sidebar cannot be drawn: ${error?.message ?? error}`);
      return [];
    }
  }

  return () => {
    try {
      const box = createElement("box");
      insert(box, safeRows);
      return box;
    } catch (error) {
      switchOff(`the sidebar cannot be drawn: ${error?.message ?? error}`);
      return null;
    }
  };
}
