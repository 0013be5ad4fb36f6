// What the command line and the environment say of the opencode that we are in.

/** @typedef {"run" | "serve" | "tui"} Kind */

/** @type {Record<string, Kind>} */
const KINDS = { run: "run", serve: "serve", web: "serve", acp: "serve" };

export const AUTH_CONTENT = "OPENCODE_AUTH_CONTENT";
const WEBSOCKETS = "OPENCODE_EXPERIMENTAL_WEBSOCKETS";
/** The provider whose requests go through a WebSocket, which no fetch sees (1.18.33). */
const WEBSOCKET_PROVIDER = "openai";

/**
 * Return what this opencode is by its command line; rotator has the same rules.
 *
 * @param {string[]} argv
 * @returns {Kind}
 */
export function processKind(argv) {
  const [command, what] = commandsOf(argv.slice(2));
  if (command === "github" && what === "run") return "run";
  return Object.hasOwn(KINDS, command) ? KINDS[command] : "tui";
}

/**
 * Tell whether an opencode is an OpenCode 2 by its command line (2.0.15; 1.x has `src/index.js`).
 *
 * @param {string[]} argv
 */
export const isSecondProgram = (argv) => /\/\$bunfs\/root\/opencode$/.test(argv[1] ?? "");

/**
 * Return the words that are neither options nor their values, as opencode tells them apart.
 *
 * @param {string[]} words
 */
function commandsOf(words) {
  const found = [];
  // What follows a lone `--` is no option and no command.
  const end = words.indexOf("--");
  const options = end < 0 ? words : words.slice(0, end);
  for (let i = 0; i < options.length; i += 1) {
    const [word, next] = [options[i], options[i + 1] ?? ""];
    if (!word.startsWith("-") || word === "-" || isNumber(word)) found.push(word);
    else if (/^(-h|--help|-v|--version|--print-?[lL]ogs|--pure)$/.test(word))
      i += Number(["true", "false"].includes(next));
    else if (!/^(--no-.*|--[^=]+=.*|-[^-]*\w\W.*|-\w*[A-Za-z]\d+)$/s.test(word))
      i += Number(!next.startsWith("-") || isNumber(next));
  }
  return found;
}

/** @param {string} word */
function isNumber(word) {
  return /^-(\d+(\.\d+)?|\.\d+)$/.test(word);
}

/**
 * Return the variable for which we leave requests alone: all of this process, or those that go
 * through a WebSocket.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function asideFor(env) {
  // The logins come from the environment then, and auth.json says nothing.
  if (hasOwnLogins(env[AUTH_CONTENT])) return AUTH_CONTENT;
  return /^(|0|false|no|off|n)$/i.test(env[WEBSOCKETS] ?? "") ? null : WEBSOCKETS;
}

/**
 * Return whether opencode takes its logins from that text: any JSON. It goes on with auth.json
 * where it is none; rotator judges in the same way.
 *
 * @param {string | undefined} text
 */
function hasOwnLogins(text) {
  if (!text) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Return whether a provider's requests leave through a WebSocket.
 *
 * @param {string | undefined} provider
 * @param {string | undefined} userAgent opencode's own, with its version
 * @param {string | null} aside the variable for which we leave requests alone
 */
export function usesWebSocket(provider, userAgent, aside) {
  // Builds from a branch use the WebSocket by default; their version says so.
  const isBranch = /^opencode\/(local|0\.0\.0-)/.test(String(userAgent));
  return provider === WEBSOCKET_PROVIDER && (isBranch || aside === WEBSOCKETS);
}
