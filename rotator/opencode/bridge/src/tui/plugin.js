// opencode-rotator dashboard plugin 0.1.0 (for opencode's TUI, put here by `rotator bridge install`)
//
// It opens `rotator dashboard` full screen inside opencode, shows in the sidebar which account
// works and what is left of it, and tells of what the watcher did. What it shows is in
// glance.json, which the watcher publishes without any secret; what it changes is changed by our
// own program as a child. With a TUI that it does not know it registers nothing, and says why in
// a note that `rotator doctor` reads.

import { begin } from "./begin.js";

export default { id: "opencode-rotator", tui: begin };
