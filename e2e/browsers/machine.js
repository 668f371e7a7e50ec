/** The machine that the browsers are looked for on, and put on. Plain JavaScript: it runs before anything else does. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright'

/** What is asked of the machine; tests give another. */
export const thisMachine = {
  env: /** @type {Readonly<Record<string, string | undefined>>} */ (process.env),
  platform: /** @type {string} */ (process.platform),
  isRoot: process.getuid?.() === 0,
  exists: existsSync,
  playwrights: () => chromium.executablePath(),
  /** Its version, or undefined where it does not start (Ubuntu's package can be a stub that points to a snap). */
  versionOf(/** @type {string} */ path) {
    // On Windows a browser has no --version: it would open a window.
    if (process.platform === 'win32') return 'version unknown'
    try {
      return execFileSync(path, ['--version'], { timeout: 20_000, stdio: ['ignore', 'pipe', 'ignore'] })
        .toString()
        .trim()
    } catch {
      return undefined
    }
  },
  /** Whether a command ended well; its output goes to standard error. */
  run(/** @type {[string, ...string[]]} */ [command, ...args], /** @type {number} */ timeoutMs) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    return spawnSync(command, args, { env, timeout: timeoutMs, stdio: ['ignore', 2, 2] }).status === 0
  },
  say: (/** @type {string} */ text) => console.log(text),
}
/** @typedef {typeof thisMachine} Machine */

/** Where a program of one of these names would be, in the order of PATH. */
export function onPath(/** @type {Machine} */ { env }, /** @type {readonly string[]} */ ...names) {
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean)
  return names.flatMap((name) => folders.map((folder) => join(folder, name)))
}

/** Whether apt-get may install here. */
export const hasApt = (/** @type {Machine} */ { platform, isRoot, exists }) =>
  platform === 'linux' && isRoot && exists('/usr/bin/apt-get')
