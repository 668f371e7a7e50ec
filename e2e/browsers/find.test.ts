import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { ensure, find } from './find.js'
import type { Machine } from './machine.js'

/** A machine with these browsers; whatever `installs` says appears when a command that contains its key is run. */
function machineWith(
  browsers: Record<string, string | undefined>,
  rest: Partial<Machine> & { installs?: Record<string, [path: string, version: string]> } = {},
) {
  const ran: string[] = []
  const said: string[] = []
  const { installs = {}, ...changes } = rest
  const machine: Machine = {
    env: { PATH: '/usr/local/bin:/usr/bin' },
    platform: 'linux',
    isRoot: false,
    exists: (path) => String(path) in browsers,
    playwrights: () => '/cache/chromium/chrome',
    versionOf: (path) => browsers[path],
    run(command) {
      ran.push(command.join(' '))
      const found = Object.entries(installs).find(([key]) => command.join(' ').includes(key))
      if (found) browsers[found[1][0]] = found[1][1]
      return found !== undefined || command.includes('update')
    },
    say: (text) => said.push(text),
    ...changes,
  }
  return { machine, ran, said }
}

const OWN = { '/cache/chromium/chrome': 'Chromium 150' }
const SYSTEM = { '/usr/bin/google-chrome': 'Google Chrome 149' }

test('KINDRED_CHROMIUM comes first, then Playwright\u2019s own, then the system\u2019s', () => {
  const browsers = { '/opt/mine': 'Chromium 148', ...OWN, ...SYSTEM }
  const named = { PATH: '/usr/bin', KINDRED_CHROMIUM: '/opt/mine' }
  expect(find('chromium', machineWith(browsers, { env: named }).machine)?.executablePath).toBe('/opt/mine')
  expect(find('chromium', machineWith({ ...OWN, ...SYSTEM }).machine)?.executablePath).toBe(
    '/cache/chromium/chrome',
  )
  expect(find('chromium', machineWith({ ...SYSTEM }).machine)).toEqual({
    executablePath: '/usr/bin/google-chrome',
    version: 'Google Chrome 149',
    from: 'the system',
  })
})

test('a KINDRED_CHROMIUM that does not start is an error, not a reason to take another', () => {
  const { machine } = machineWith({ ...OWN }, { env: { KINDRED_CHROMIUM: '/opt/gone' } })
  expect(() => find('chromium', machine)).toThrow('KINDRED_CHROMIUM names /opt/gone')
})

test('a stub that does not start is passed over', () => {
  const { machine } = machineWith({ '/usr/bin/chromium-browser': undefined, ...SYSTEM })
  expect(find('chromium', machine)?.executablePath).toBe('/usr/bin/google-chrome')
})

test('macOS and Windows keep theirs elsewhere', () => {
  const mac = '/Users/a/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'
  const onMac = machineWith({ [mac]: 'Google Chrome 150' }, { platform: 'darwin', env: { HOME: '/Users/a' } })
  expect(find('chromium', onMac.machine)?.executablePath).toBe(mac)
  const windows = 'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe'
  const env = { PROGRAMFILES: 'C:\\Program Files' }
  const onWindows = machineWith({ [windows]: 'version unknown' }, { platform: 'win32', env })
  expect(find('chromium', onWindows.machine)?.executablePath).toBe(windows)
})

test('where there is none, Playwright may download its own', () => {
  const { machine, ran } = machineWith(
    {},
    { installs: { 'cli.js install chromium': ['/cache/chromium/chrome', 'C'] } },
  )
  expect(ensure('chromium', machine)?.from).toBe('Playwright')
  expect(ran).toHaveLength(1)
})

test('where that fails, root on Debian has apt-get, and others are told what to do', () => {
  const installs = { 'apt-get install': ['/usr/bin/chromium', 'Chromium 150'] } as const
  const debian = machineWith(
    { '/usr/bin/apt-get': undefined },
    { isRoot: true, installs: { ...installs } as never },
  )
  expect(ensure('chromium', debian.machine)?.executablePath).toBe('/usr/bin/chromium')
  expect(debian.ran.slice(1)).toEqual([
    'apt-get update',
    'apt-get install -y --no-install-recommends chromium',
  ])
  const user = machineWith({ '/usr/bin/apt-get': undefined })
  expect(() => ensure('chromium', user.machine)).toThrow(/set KINDRED_CHROMIUM to the path of one\.$/)
  expect(user.ran.join()).not.toContain('apt-get')
})

test('an installed stub is no Chromium', () => {
  const installs = { 'apt-get install': ['/usr/bin/chromium', undefined] }
  const ubuntu = machineWith({ '/usr/bin/apt-get': undefined }, { isRoot: true, installs: installs as never })
  expect(() => ensure('chromium', ubuntu.machine)).toThrow('Chromium could be neither found nor installed')
})

const OTHERS = { 'firefox-esr': ['/usr/bin/firefox-esr', 'Mozilla Firefox 140'] } as const

test('Firefox: KINDRED_FIREFOX comes first, then the system\u2019s, which apt-get installs', () => {
  const browsers = { '/opt/fox': 'Mozilla Firefox 141', '/usr/bin/firefox': 'Mozilla Firefox 142' }
  const env = { PATH: '/usr/bin', KINDRED_FIREFOX: '/opt/fox' }
  expect(find('firefox', machineWith({ ...browsers }, { env }).machine)?.executablePath).toBe('/opt/fox')
  expect(find('firefox', machineWith({ ...browsers }).machine)?.executablePath).toBe('/usr/bin/firefox')
  const installs = { ...OTHERS } as never
  const debian = machineWith({ '/usr/bin/apt-get': undefined }, { isRoot: true, installs })
  expect(ensure('firefox', debian.machine)?.executablePath).toBe('/usr/bin/firefox-esr')
  expect(debian.ran.join()).not.toContain('playwright')
})

test('WebKitGTK is there when its browser, its driver and an X server are', () => {
  const parts = {
    '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser': undefined,
    '/usr/bin/WebKitWebDriver': undefined,
    '/usr/bin/Xvfb': undefined,
  }
  expect(find('webkit', machineWith({ ...parts }).machine)).toMatchObject({
    executablePath: '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser',
    driver: '/usr/bin/WebKitWebDriver',
    display: '/usr/bin/Xvfb',
  })
  for (const part of Object.keys(parts)) {
    const { [part as keyof typeof parts]: _, ...rest } = parts
    expect(find('webkit', machineWith(rest).machine), `without ${part}`).toBeUndefined()
  }
})

test('where Firefox and WebKitGTK cannot be had their tests are skipped, and that is said', () => {
  for (const kind of ['firefox', 'webkit'] as const)
    for (const rest of [
      { platform: 'darwin', isRoot: true, env: { CI: 'true' } },
      { env: { CI: 'true' } },
      {},
    ]) {
      const { machine, said } = machineWith({}, rest)
      expect(ensure(kind, machine)).toBeUndefined()
      expect(said.at(-1)).toMatch(/^SKIPPED: the tests in (Firefox|WebKitGTK), .* Install /)
    }
})

test('on continuous integration on Linux as root they are required', () => {
  for (const kind of ['firefox', 'webkit'] as const) {
    const { machine } = machineWith({}, { isRoot: true, env: { CI: 'true' } })
    expect(() => ensure(kind, machine)).toThrow(/^The browser tests need (Firefox|WebKitGTK)/)
  }
})

test('a dry run says what it would do and does nothing', () => {
  const { machine, ran, said } = machineWith({ '/usr/bin/apt-get': undefined }, { isRoot: true })
  expect(ensure('chromium', machine, { dryRun: true })).toBeUndefined()
  expect(ran).toEqual([])
  expect(said).toHaveLength(2)
  expect(said[1]).toContain('would try apt-get')
})

test('as a program it ends with status 1 and one sentence where KINDRED_CHROMIUM is wrong', () => {
  const env = { ...process.env, KINDRED_CHROMIUM: '/nowhere/chrome' }
  const run = () =>
    execFileSync(process.execPath, [fileURLToPath(new URL('../browser.js', import.meta.url))], {
      env,
      stdio: 'pipe',
    })
  expect(run).toThrow('KINDRED_CHROMIUM names /nowhere/chrome, which does not start as a Chromium.')
})
