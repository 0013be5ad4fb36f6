// The libraries of opencode's TUI, of which nothing is believed unseen: requirements.js looks.
declare module "@opentui/solid";
declare module "solid-js";
