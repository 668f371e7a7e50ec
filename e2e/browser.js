/**
 * Finds the Chromium that the browser tests run in: `findChromium()`. Run as a program, `node e2e/browser.js`, it also
 * gets one where there is none, and says which it is; with `--dry-run` it only says what it would do.
 *
 * Plain JavaScript, for it runs before anything else does.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright'

/**
 * @typedef {{ executablePath: string, version: string, from: string }} Found
 * @typedef {{ name: string, why: string, commands: [string, ...string[]][], timeoutMs: number }} Way
 */

/** What is asked of the machine; tests give another. */
export const thisMachine = {
  env: /** @type {Readonly<Record<string, string | undefined>>} */ (process.env),
  platform: /** @type {string} */ (process.platform),
  isRoot: process.getuid?.() === 0,
  exists: existsSync,
  playwrights: () => chromium.executablePath(),
  /** Its version, or undefined where it does not start (Ubuntu's package can be a stub that points to a snap). */
  versionOf(/** @type {string} */ path) {
    // On Windows Chrome has no --version: it would open a window.
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

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/**
 * The Chromium to use, whoever installed it, or `executablePath: undefined` where there is none. KINDRED_CHROMIUM comes
 * first, then Playwright's own, then the system's. Throws where KINDRED_CHROMIUM names something that does not start.
 * @returns {Found | { executablePath: undefined }}
 */
export function findChromium(/** @type {Machine} */ machine = thisMachine) {
  const named = machine.env.KINDRED_CHROMIUM
  if (named) {
    const found = tryOut(machine, named, 'KINDRED_CHROMIUM')
    if (found) return found
    throw new Error(`KINDRED_CHROMIUM names ${named}, which does not start as a Chromium.`)
  }
  const own = tryOut(machine, machine.playwrights(), 'Playwright')
  if (own) return own
  for (const path of systemPaths(machine)) {
    const found = tryOut(machine, path, 'the system')
    if (found) return found
  }
  return { executablePath: undefined }
}

/**
 * As `findChromium`, but gets one where there is none. Throws with what a person can do where nothing helps.
 * @returns {Found | undefined} undefined in a dry run that found none
 */
export function ensureChromium(/** @type {Machine} */ machine = thisMachine, { dryRun = false } = {}) {
  const found = findChromium(machine)
  if (found.executablePath !== undefined) return found
  for (const { name, why, commands, timeoutMs } of waysToGetOne(machine)) {
    const lines = commands.map((command) => command.join(' ')).join(' && ')
    machine.say(`No Chromium is here; ${dryRun ? 'would try' : 'trying'} ${name} (${why}): ${lines}`)
    if (dryRun) continue
    if (!commands.every((command) => machine.run(command, timeoutMs))) continue
    const installed = findChromium(machine)
    if (installed.executablePath !== undefined) return installed
  }
  if (dryRun) return undefined
  throw new Error(
    'The browser tests need a Chromium, and none could be found or installed. Install Chromium or Chrome ' +
      '(`npx playwright install --with-deps chromium`, or the package `chromium` of your system), or set ' +
      'KINDRED_CHROMIUM to the path of one.',
  )
}

/** @returns {Found | undefined} */
function tryOut(
  /** @type {Machine} */ machine,
  /** @type {string} */ executablePath,
  /** @type {string} */ from,
) {
  if (!executablePath || !machine.exists(executablePath)) return undefined
  const version = machine.versionOf(executablePath)
  return version === undefined ? undefined : { executablePath, version, from }
}

/** @returns {string[]} */
function systemPaths(/** @type {Machine} */ { env, platform }) {
  if (platform === 'win32')
    return [env.PROGRAMFILES, env['PROGRAMFILES(X86)'], env.LOCALAPPDATA].flatMap((folder) =>
      folder ? ['Google\\Chrome', 'Chromium'].map((app) => `${folder}\\${app}\\Application\\chrome.exe`) : [],
    )
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean)
  const onPath = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))
  if (platform !== 'darwin') return onPath
  const applications = ['/Applications', ...(env.HOME ? [join(env.HOME, 'Applications')] : [])]
  const bundles = ['Chromium', 'Google Chrome'].flatMap((name) =>
    applications.map((folder) => join(folder, `${name}.app`, 'Contents', 'MacOS', name)),
  )
  return [...onPath, ...bundles]
}

/** @returns {Way[]} */
function waysToGetOne(/** @type {Machine} */ { platform, isRoot, exists }) {
  const cli = join(dirname(createRequire(import.meta.url).resolve('playwright/package.json')), 'cli.js')
  /** @type {Way} */
  const playwright = {
    name: 'Playwright',
    why: 'it downloads its own, five minutes at most',
    commands: [[process.execPath, cli, 'install', 'chromium']],
    timeoutMs: 5 * 60_000,
  }
  if (platform !== 'linux' || !isRoot || !exists('/usr/bin/apt-get')) return [playwright]
  /** @type {Way} */
  const apt = {
    name: 'apt-get',
    why: 'this is a Debian or Ubuntu, and you are root',
    commands: [
      ['apt-get', 'update'],
      ['apt-get', 'install', '-y', '--no-install-recommends', 'chromium'],
    ],
    timeoutMs: 10 * 60_000,
  }
  return [playwright, apt]
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const found = ensureChromium(thisMachine, { dryRun: process.argv.includes('--dry-run') })
    if (found)
      console.log(`The browser tests run in ${found.version} (${found.executablePath}, from ${found.from}).`)
  } catch (error) {
    console.error(/** @type {Error} */ (error).message)
    process.exitCode = 1
  }
}
