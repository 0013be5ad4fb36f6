// What opencode's TUI is told of us: a command, a key, a place in the sidebar.

const COMMAND = "rotator.dashboard";

/**
 * Register the command, its key and what draws the sidebar.
 * @param {any} api
 * @param {{ key: string, draw: () => unknown, open: () => unknown }} ours
 */
export function register(api, { key, draw, open }) {
  const names = { name: COMMAND, namespace: "palette", slashName: "rotator" };
  const more = { slashAliases: ["balancer"], title: "Open Balancer Dashboard" };
  const description = {
    category: "Rotator",
    desc: "Accounts, what is left of them, and priorities",
  };
  const command = { ...names, ...more, ...description, run: () => void open() };
  const bindings = key === "none" ? [] : [{ key, cmd: COMMAND }];
  api.keymap.registerLayer({ commands: [command], bindings });
  api.slots.register({ order: 150, slots: { sidebar_content: draw } });
}
