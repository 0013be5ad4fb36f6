// Files, read and written so that nobody sees half of one and nothing odd is waited for.

import fs from "node:fs";
import path from "node:path";

import { tryOr } from "../core/try-or.js";
import { randomId } from "./random.js";

const { O_RDONLY, O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOFOLLOW } = fs.constants;
const FILE_BYTES = 4 * 1024 * 1024; // a larger auth.json or state.json is none
const SMALL_FILE_BYTES = 64 * 1024;

/** @param {string} file */
export const unlink = (file) => tryOr(() => fs.unlinkSync(file));

/** @param {string} file */
export const realPath = (file) => tryOr(() => fs.realpathSync(file), path.resolve(file));

/**
 * Open a regular file and call `use` with it; whatever else has its name is not waited for.
 *
 * @template T
 * @param {string} file
 * @param {number} flags
 * @param {(opened: number, size: number) => T} use
 * @returns {T}
 */
function withFile(file, flags, use) {
  const opened = fs.openSync(file, flags | O_NONBLOCK, 0o600);
  try {
    const stat = fs.fstatSync(opened);
    if (!stat.isFile()) throw new Error("not a file");
    return use(opened, stat.size);
  } finally {
    fs.closeSync(opened);
  }
}

/**
 * Return the text of a regular file, if it is not larger than anything that we read.
 *
 * @param {string} file
 */
export function readText(file) {
  // Some devices do something when they are opened.
  if (!fs.statSync(file).isFile()) throw new Error("not a file");
  return withFile(file, O_RDONLY, (opened, size) => {
    if (size > FILE_BYTES) throw new Error("too large");
    // No more than it had: one that grows all the time would be read for ever.
    const bytes = Buffer.alloc(size);
    let length = 0;
    for (let read = 1; read > 0 && length < size; length += read)
      read = fs.readSync(opened, bytes, length, size - length, length);
    return bytes.toString("utf8", 0, length).replace(/^\uFEFF/, "");
  });
}

/**
 * Return the text of a small regular file, without keeping this thread waiting.
 *
 * @param {string} file
 */
export async function readTextLater(file) {
  if (!(await fs.promises.stat(file)).isFile()) throw new Error("not a file");
  const opened = await fs.promises.open(file, O_RDONLY | O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(SMALL_FILE_BYTES);
    const { bytesRead } = await opened.read(bytes, 0, SMALL_FILE_BYTES, 0);
    return bytes.toString("utf8", 0, bytesRead);
  } finally {
    await opened.close();
  }
}

/**
 * Add to a file that only its owner can read, and return its size; its folder has to be there.
 *
 * @param {string} file
 * @param {string} text
 */
export const append = (file, text) =>
  withFile(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, (opened, size) => {
    return size + (text ? fs.writeSync(opened, text) : 0);
  });

/**
 * Write a file that appears whole or not at all; its folder is made if it is missing.
 *
 * @param {string} file
 * @param {unknown} value
 */
export function publish(file, value) {
  publishText(file, JSON.stringify(value));
}

/**
 * Show that a file is of somebody who is still there; make it again if it was removed.
 *
 * @param {string} file
 * @param {() => unknown} make
 */
export function touch(file, make) {
  const now = new Date();
  // Not by this thread, which is opencode's.
  fs.promises.lutimes(file, now, now).catch(({ code }) => code === "ENOENT" && tryOr(make));
}

/**
 * @param {string} file
 * @param {string} text
 */
export function publishText(file, text) {
  writeBeside(file, `.${path.basename(file, ".json")}.tmp`, text, (temporary) =>
    fs.renameSync(temporary, file),
  );
}

/**
 * Do the same where nothing has that name; throws otherwise, and where names cannot be given so.
 *
 * @param {string} file
 * @param {unknown} value
 */
export function publishFirst(file, value) {
  const temporary = `.${path.basename(file, ".json")}-${randomId()}.tmp`;
  writeBeside(file, temporary, JSON.stringify(value), (written) => {
    fs.linkSync(written, file);
    unlink(written);
  });
}

/**
 * Write a whole file beside `file` and give it its name.
 *
 * @param {string} file
 * @param {string} name
 * @param {string} text
 * @param {(temporary: string) => void} give
 */
function writeBeside(file, name, text, give) {
  const temporary = path.join(path.dirname(file), name);
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  unlink(temporary); // of a process that crashed and had our pid
  try {
    fs.writeFileSync(temporary, text, { mode: 0o600, flag: "wx" });
    give(temporary);
  } catch (error) {
    unlink(temporary);
    throw error;
  }
}
