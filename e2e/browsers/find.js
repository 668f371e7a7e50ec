/**
 * Finds the browsers that the tests run in, and gets those that are missing where it may. Plain JavaScript, for it runs
 * before anything else does.
 */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { hasApt, onPath, thisMachine } from './machine.js'

/**
 * @typedef {import('./machine.js').Machine} Machine
 * @typedef {'chromium' | 'firefox' | 'webkit'} Kind
 * @typedef {{ executablePath: string, version: string, from: string, driver?: string, display?: string }} Found
 *   `driver` and `display`: WebKitGTK only, its WebDriver and its X server
 * @typedef {{ name: string, why: string, commands: [string, ...string[]][], timeoutMs: number }} Way
 * @typedef {object} Browser
 * @property {string} name
 * @property {string} variable environment variable that names one
 * @property {string} advice what a person can do where it is missing
 * @property {string[]} packages of Debian
 * @property {(machine: Machine) => string[]} paths where it may lie, the best first
 * @property {(machine: Machine) => Pick<Found, 'driver' | 'display'> | undefined} [companions] what it cannot be driven without
 */

/** @type {Record<Kind, Browser>} */
export const browsers = {
  chromium: {
    name: 'Chromium',
    variable: 'KINDRED_CHROMIUM',
    advice:
      'Install Chromium or Chrome (`npx playwright install --with-deps chromium`, or the package `chromium` of your system)',
    packages: ['chromium'],
    paths: (machine) => [
      machine.playwrights(),
      ...installed(machine, {
        names: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
        bundles: ['Chromium', 'Google Chrome'],
        windows: ['Google\\Chrome\\Application\\chrome.exe', 'Chromium\\Application\\chrome.exe'],
      }),
    ],
  },
  firefox: {
    name: 'Firefox',
    variable: 'KINDRED_FIREFOX',
    advice: 'Install Firefox 129 or newer (the package `firefox-esr` or `firefox` of your system)',
    packages: ['firefox-esr'],
    paths: (machine) =>
      installed(machine, {
        names: ['firefox-esr', 'firefox'],
        bundles: ['Firefox'],
        windows: ['Mozilla Firefox\\firefox.exe'],
      }),
  },
  webkit: {
    name: 'WebKitGTK',
    variable: 'KINDRED_WEBKIT',
    advice: 'Install WebKitGTK’s driver and Xvfb (Debian’s packages `webkit2gtk-driver` and `xvfb`)',
    packages: ['webkit2gtk-driver', 'xvfb'],
    paths: ({ platform }) =>
      platform === 'linux'
        ? ['lib/x86_64-linux-gnu', 'lib/aarch64-linux-gnu', 'libexec', 'lib'].map(
            (folder) => `/usr/${folder}/webkit2gtk-4.1/MiniBrowser`,
          )
        : [],
    companions(machine) {
      const driver = onPath(machine, 'WebKitWebDriver').find((path) => machine.exists(path))
      const display = onPath(machine, 'Xvfb').find((path) => machine.exists(path))
      return driver && display ? { driver, display } : undefined
    },
  },
}

/**
 * The browser to use, whoever installed it, or undefined where there is none. The environment variable comes first.
 * Throws where that names something that does not start.
 * @returns {Found | undefined}
 */
export function find(/** @type {Kind} */ kind, /** @type {Machine} */ machine = thisMachine) {
  const { name, variable, paths } = browsers[kind]
  const named = machine.env[variable]
  if (named) {
    const found = tryOut(kind, machine, named, variable)
    if (found) return found
    throw new Error(`${variable} names ${named}, which does not start as a ${name}.`)
  }
  for (const path of paths(machine)) {
    const from = kind === 'chromium' && path === machine.playwrights() ? 'Playwright' : 'the system'
    const found = tryOut(kind, machine, path, from)
    if (found) return found
  }
  return undefined
}

/**
 * As `find`, but gets the browser where there is none. Throws with what a person can do where nothing helps and the tests
 * cannot do without it.
 * @returns {Found | undefined} undefined in a dry run that found none, and where the tests can do without
 */
export function ensure(
  /** @type {Kind} */ kind,
  /** @type {Machine} */ machine = thisMachine,
  { dryRun = false } = {},
) {
  const found = find(kind, machine)
  if (found) return found
  const { name } = browsers[kind]
  for (const way of waysToGet(kind, machine)) {
    const lines = way.commands.map((command) => command.join(' ')).join(' && ')
    machine.say(`No ${name} is here; ${dryRun ? 'would try' : 'trying'} ${way.name} (${way.why}): ${lines}`)
    if (dryRun) continue
    if (!way.commands.every((command) => machine.run(command, way.timeoutMs))) continue
    const got = find(kind, machine)
    if (got) return got
  }
  if (dryRun) return undefined
  const missing = `${name} could be neither found nor installed`
  if (isRequired(kind, machine))
    throw new Error(`The browser tests need ${name}: ${missing}. ${advice(kind)}`)
  machine.say(`SKIPPED: the tests in ${name}, for ${missing}. ${advice(kind)}`)
  return undefined
}

/** Chromium everywhere; the others where they can be had, which on continuous integration is a promise. */
export const isRequired = (
  /** @type {Kind} */ kind,
  /** @type {Machine} */ { env, platform, isRoot } = thisMachine,
) => kind === 'chromium' || (Boolean(env.CI) && env.CI !== 'false' && platform === 'linux' && isRoot)

const advice = (/** @type {Kind} */ kind) =>
  `${browsers[kind].advice}, or set ${browsers[kind].variable} to the path of one.`

/** @returns {Found | undefined} */
function tryOut(
  /** @type {Kind} */ kind,
  /** @type {Machine} */ machine,
  /** @type {string} */ executablePath,
  /** @type {string} */ from,
) {
  if (!executablePath || !machine.exists(executablePath)) return undefined
  const { companions, name } = browsers[kind]
  if (companions) {
    // MiniBrowser tells no version without a display.
    const rest = companions(machine)
    return rest && { executablePath, version: name, from, ...rest }
  }
  const version = machine.versionOf(executablePath)
  return version === undefined ? undefined : { executablePath, version, from }
}

/** @returns {string[]} */
function installed(
  /** @type {Machine} */ machine,
  /** @type {Record<'names' | 'bundles' | 'windows', string[]>} */ { names, bundles, windows },
) {
  const { env, platform } = machine
  if (platform === 'win32')
    return [env.PROGRAMFILES, env['PROGRAMFILES(X86)'], env.LOCALAPPDATA].flatMap((folder) =>
      folder ? windows.map((path) => `${folder}\\${path}`) : [],
    )
  const programs = onPath(machine, ...names)
  if (platform !== 'darwin') return programs
  const applications = ['/Applications', ...(env.HOME ? [join(env.HOME, 'Applications')] : [])]
  const executable = (/** @type {string} */ name) => (name === 'Firefox' ? 'firefox' : name)
  return [
    ...programs,
    ...bundles.flatMap((name) =>
      applications.map((folder) => join(folder, `${name}.app`, 'Contents', 'MacOS', executable(name))),
    ),
  ]
}

/** @returns {Way[]} */
function waysToGet(/** @type {Kind} */ kind, /** @type {Machine} */ machine) {
  /** @type {Way[]} */
  const ways = []
  if (kind === 'chromium') {
    const cli = join(dirname(createRequire(import.meta.url).resolve('playwright/package.json')), 'cli.js')
    ways.push({
      name: 'Playwright',
      why: 'it downloads its own, five minutes at most',
      commands: [[process.execPath, cli, 'install', 'chromium']],
      timeoutMs: 5 * 60_000,
    })
  }
  if (hasApt(machine))
    ways.push({
      name: 'apt-get',
      why: 'this is a Debian or Ubuntu, and you are root',
      commands: [
        ['apt-get', 'update'],
        ['apt-get', 'install', '-y', '--no-install-recommends', ...browsers[kind].packages],
      ],
      timeoutMs: 10 * 60_000,
    })
  return ways
}
