// OpenCode 2's TUI under the names that opencode 1's parts have.

/** @type {(whole: any, name: string) => boolean} */
const has = (whole, name) => typeof whole?.[name] === "function";

/**
 * Return what the plugin needs of a TUI, and what ends it; what is not there is missing.
 *
 * @param {any} ctx
 */
export function adapted(ctx) {
  /** @type {(() => unknown)[]} */
  const ends = [];
  const { app, renderer, theme, keymap, ui } = ctx;
  const api = {
    app,
    renderer,
    theme: { current: theme?.text ? colours(theme.text) : null },
    lifecycle: { onDispose: (/** @type {() => unknown} */ end) => ends.push(end) },
    ui: { toast: has(ui?.toast, "show") && ((/** @type {any} */ toast) => ui.toast.show(toast)) },
    keymap: { registerLayer: has(keymap, "layer") && has(ui, "slot") && registerLayer },
    slots: { register: has(ui, "slot") && registerSlots },
  };

  /** @param {any} layer */
  function registerLayer({ commands, bindings }) {
    const told = commands.map((/** @type {any} */ command) => ({
      id: command.name,
      title: command.title,
      description: command.desc,
      group: command.category,
      palette: true,
      slash: { name: command.slashName, aliases: command.slashAliases },
      bind: bindings.find((/** @type {any} */ { cmd }) => cmd === command.name)?.key,
      run: command.run,
    }));
    // A layer of keys has to be made while something is drawn. In a session OpenCode has a command of
    // its own on Ctrl+B, which would keep the key also while it can do nothing.
    const render = () => {
      keymap.layer(() => ({ mode: "global", priority: 1, commands: told }));
      return null;
    };
    ui.slot({ append: "app", render });
  }

  /** @param {any} ours */
  function registerSlots({ slots }) {
    ui.slot({ append: "sidebar.content", render: slots.sidebar_content });
  }

  return { api, close: () => ends.splice(0).forEach((end) => end()) };
}

/**
 * Return the colours that are used, which change with the theme.
 *
 * @param {any} text
 */
function colours(text) {
  const feedback = (/** @type {string} */ kind) => text.feedback?.[kind]?.base ?? text.base;
  return {
    get text() {
      return text.base;
    },
    get textMuted() {
      return text.muted;
    },
    get success() {
      return feedback("success");
    },
    get warning() {
      return feedback("warning");
    },
    get error() {
      return feedback("error");
    },
  };
}
