// Who is alive. A pid means something in its own PID namespace alone; two containers may share a
// HOME.

import fs from "node:fs";

import { tryOr } from "../core/try-or.js";
import { isString } from "../core/values.js";

const SILENT_MS = 20_000; // whoever's pid means nothing here is gone when it was silent so long

/**
 * Where our pid is valid, as the watcher names it too; null where that cannot be told.
 *
 * @type {string | null}
 */
export const PID_NAMESPACE = tryOr(() => {
  if (process.platform !== "linux") return process.platform;
  // Where /proc shows another namespace, our pid is another process's there.
  if (fs.readlinkSync("/proc/self") !== String(process.pid)) return null;
  const boot = fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  const time = tryOr(() => fs.readlinkSync("/proc/self/ns/time"));
  return [boot, fs.readlinkSync("/proc/self/ns/pid"), time].filter(isString).join(" ");
}, null);

/**
 * What the kernel says of a process: from field 3 on, which is what follows its name.
 *
 * @param {number | "self"} pid
 */
export function procStatFields(pid) {
  const line = tryOr(() => fs.readFileSync(`/proc/${pid}/stat`, "latin1"), "");
  // The name stands in brackets and may hold brackets and blanks itself.
  return line.slice(line.lastIndexOf(")") + 2).split(" ");
}

/**
 * Tell whether a file was touched lately.
 *
 * @param {string} file
 */
export const isFresh = (file, silentMs = SILENT_MS) =>
  tryOr(() => Math.abs(Date.now() - fs.statSync(file).mtimeMs) <= silentMs, false);

/**
 * Tell whether the watcher runs: by its pid alone, a stranger's process could be waited for.
 *
 * @param {{ pid: number, start_ticks?: unknown, pid_namespace?: string | null }} process_
 * @param {string} beat
 */
export function isRunning({ pid, start_ticks: ticks, pid_namespace: where }, beat) {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  // A watcher of before its pids had a place names none.
  if (where !== undefined && (where === null || where !== PID_NAMESPACE)) return isFresh(beat);
  if (process.platform !== "linux") return tryOr(() => (process.kill(pid, 0), true), false);
  const fields = procStatFields(pid);
  return fields[19] === String(ticks) && !"TtZXx".includes(fields[0]);
}
