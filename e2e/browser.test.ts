import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { ensureChromium, findChromium, type Machine } from './browser.js'

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
  expect(findChromium(machineWith(browsers, { env: named }).machine).executablePath).toBe('/opt/mine')
  expect(findChromium(machineWith({ ...OWN, ...SYSTEM }).machine).executablePath).toBe(
    '/cache/chromium/chrome',
  )
  expect(findChromium(machineWith({ ...SYSTEM }).machine)).toEqual({
    executablePath: '/usr/bin/google-chrome',
    version: 'Google Chrome 149',
    from: 'the system',
  })
})

test('a KINDRED_CHROMIUM that does not start is an error, not a reason to take another', () => {
  const { machine } = machineWith({ ...OWN }, { env: { KINDRED_CHROMIUM: '/opt/gone' } })
  expect(() => findChromium(machine)).toThrow('KINDRED_CHROMIUM names /opt/gone')
})

test('a stub that does not start is passed over', () => {
  const { machine } = machineWith({ '/usr/bin/chromium-browser': undefined, ...SYSTEM })
  expect(findChromium(machine).executablePath).toBe('/usr/bin/google-chrome')
})

test('macOS and Windows keep theirs elsewhere', () => {
  const mac = '/Users/a/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'
  const onMac = machineWith({ [mac]: 'Google Chrome 150' }, { platform: 'darwin', env: { HOME: '/Users/a' } })
  expect(findChromium(onMac.machine).executablePath).toBe(mac)
  const windows = 'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe'
  const env = { PROGRAMFILES: 'C:\\Program Files' }
  const onWindows = machineWith({ [windows]: 'version unknown' }, { platform: 'win32', env })
  expect(findChromium(onWindows.machine).executablePath).toBe(windows)
})

test('where there is none, Playwright may download its own', () => {
  const { machine, ran } = machineWith(
    {},
    { installs: { 'cli.js install chromium': ['/cache/chromium/chrome', 'C'] } },
  )
  expect(ensureChromium(machine)?.from).toBe('Playwright')
  expect(ran).toHaveLength(1)
})

test('where that fails, root on Debian has apt-get, and others are told what to do', () => {
  const installs = { 'apt-get install': ['/usr/bin/chromium', 'Chromium 150'] } as const
  const debian = machineWith(
    { '/usr/bin/apt-get': undefined },
    { isRoot: true, installs: { ...installs } as never },
  )
  expect(ensureChromium(debian.machine)?.executablePath).toBe('/usr/bin/chromium')
  expect(debian.ran.slice(1)).toEqual([
    'apt-get update',
    'apt-get install -y --no-install-recommends chromium',
  ])
  const user = machineWith({ '/usr/bin/apt-get': undefined })
  expect(() => ensureChromium(user.machine)).toThrow(/set KINDRED_CHROMIUM to the path of one\.$/)
  expect(user.ran.join()).not.toContain('apt-get')
})

test('an installed stub is no Chromium', () => {
  const installs = { 'apt-get install': ['/usr/bin/chromium', undefined] }
  const ubuntu = machineWith({ '/usr/bin/apt-get': undefined }, { isRoot: true, installs: installs as never })
  expect(() => ensureChromium(ubuntu.machine)).toThrow('none could be found or installed')
})

test('a dry run says what it would do and does nothing', () => {
  const { machine, ran, said } = machineWith({ '/usr/bin/apt-get': undefined }, { isRoot: true })
  expect(ensureChromium(machine, { dryRun: true })).toBeUndefined()
  expect(ran).toEqual([])
  expect(said).toHaveLength(2)
  expect(said[1]).toContain('would try apt-get')
})

test('as a program it ends with status 1 and one sentence where KINDRED_CHROMIUM is wrong', () => {
  const env = { ...process.env, KINDRED_CHROMIUM: '/nowhere/chrome' }
  const run = () =>
    execFileSync(process.execPath, [fileURLToPath(new URL('browser.js', import.meta.url))], {
      env,
      stdio: 'pipe',
    })
  expect(run).toThrow('KINDRED_CHROMIUM names /nowhere/chrome, which does not start as a Chromium.')
})
