/** Who runs the server, before the console; and devices that ask the server what they are to have. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, type Locator, type Page } from 'playwright/test'
import { shared } from './host.ts'
import { startServer } from './server.ts'

export const CREDENTIAL = 'the-credential-of-an-operator-in-a-test'

/** A server with an operator, on a copy of the demo population. */
export async function startWithOperator() {
  const folder = await mkdtemp(join(tmpdir(), 'kindred-e2e-operator-'))
  const file = join(folder, 'credential')
  await writeFile(file, CREDENTIAL)
  const { data } = await shared('prepared')
  const server = await startServer({ like: data, from: ['--admin-credential-file', file] })
  const remove = async () => {
    await server.remove()
    await rm(folder, { recursive: true })
  }
  return { url: server.url, remove }
}

/** Asks a route of the API, and fails where it refuses. */
export async function ask(url: string, credential: string | null, body?: object): Promise<never> {
  const response = await fetch(url, {
    method: body ? 'POST' : 'GET',
    headers: {
      'content-type': 'application/json',
      ...(credential !== null && { authorization: `Bearer ${credential}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`)
  return (await response.json()) as never
}

export type View = 'Releases' | 'Tasks' | 'Devices' | 'Experiments' | 'Health' | 'Ledger'

/** The console by what one sees of it. */
export class Operator {
  readonly page: Page
  readonly url: string
  constructor(page: Page, url: string) {
    this.page = page
    this.url = url
  }

  async open(at = '/console'): Promise<void> {
    await this.page.goto(`${this.url}${at}`)
  }

  async signIn(credential = CREDENTIAL, who = 'Ada'): Promise<void> {
    await this.page.getByLabel('Your name').fill(who)
    await this.page.getByLabel('Admin credential').fill(credential)
    await this.page.getByRole('button', { name: 'Sign in' }).click()
  }

  async goTo(view: View): Promise<void> {
    await this.page.getByRole('navigation').getByRole('link', { name: view }).click()
    await expect(this.title).toHaveText(view)
  }

  get title(): Locator {
    return this.page.getByRole('heading', { level: 1 })
  }

  /** What is asked before a change. */
  get dialog(): Locator {
    return this.page.getByRole('dialog')
  }

  /** The numbers of the dry run, as the dialog has them. */
  get trial(): Locator {
    return this.dialog.getByTestId('trial')
  }

  /** What was done last. */
  get said(): Locator {
    return this.page.getByTestId('said')
  }

  /** The release of a version that stands. */
  release(task: string, version: number): Locator {
    return this.page
      .getByRole('listitem')
      .filter({ has: this.page.getByRole('heading', { name: `${task} v${version}` }) })
      .filter({ has: this.page.getByRole('button', { name: 'Roll back' }) })
  }

  /** Says why, and yes. */
  async confirm(yes: string, why: string): Promise<void> {
    await this.dialog.getByLabel('Why?').fill(why)
    await this.dialog.getByRole('button', { name: yes }).click()
    await expect(this.said).toBeFocused()
  }

  /** Presses Tab until something of that name has the focus. */
  async tabTo(name: string | RegExp): Promise<void> {
    const isIt = (one: string) => (typeof name === 'string' ? one === name : name.test(one))
    // What is still being loaded Tab cannot come to.
    const there = async () => (await this.names('a, button, input, select, textarea, summary')).some(isIt)
    await expect.poll(there, `${name} is there`).toBe(true)
    const passed: string[] = []
    for (let presses = 0; presses < 120; presses++) {
      await this.page.keyboard.press('Tab')
      const [here = ''] = await this.names(':focus')
      if (isIt(here)) return
      passed.push(here)
    }
    throw new Error(`Tab comes to no ${name}, only to ${[...new Set(passed)].join(' · ')}`)
  }

  /** What can be seen of `selector`, by its label or its text. */
  private names(selector: string): Promise<string[]> {
    return this.page.locator(selector).evaluateAll((found) =>
      found
        .filter((at) => at.checkVisibility())
        .map((at) => {
          const label = at.id ? document.querySelector(`label[for="${at.id}"]`)?.textContent : null
          return (label ?? at.textContent ?? '').replace(/\s+/g, ' ').trim()
        }),
    )
  }
}

/** A UUID version 7, by chance but for its time. */
const eventId = (at: number): string => {
  const time = at.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}`
}

/** Devices that ask the server as the runtime does. */
export async function registerDevices(url: string, count: number) {
  const devices: { device: string; credential: string }[] = []
  for (let i = 0; i < count; i++) devices.push(await ask(`${url}/api/devices`, null, {}))
  return {
    /** Each sees `exposures` items now, and clicks the first of them if its number is even. */
    async look(exposures: number): Promise<void> {
      for (const [i, { credential }] of devices.entries()) {
        const at = Date.now()
        const seen = Array.from({ length: exposures }, (_, n) => ({
          type: 'exposure',
          id: eventId(at),
          at,
          item: `i${n}`,
        }))
        const clicked = { type: 'click', id: eventId(at), at, item: 'i0', exposure: seen[0]!.id }
        await ask(`${url}/api/events`, credential, { events: i % 2 ? seen : [...seen, clicked] })
      }
    },
    /** By device: the version of the task that it is given now, null for none. */
    async versions(task: string): Promise<(number | null)[]> {
      return Promise.all(
        devices.map(async ({ credential }, i) => {
          const info = { country: i % 2 ? 'DE' : 'FR', platform: 'android' }
          const { list }: { list: string } = await ask(`${url}/api/active`, credential, info)
          const { tasks } = JSON.parse(list) as { tasks: { task: string; version: number }[] }
          return tasks.find((one) => one.task === task)?.version ?? null
        }),
      )
    },
  }
}

const draft = (name: string, learningRate: number) => ({
  ...{ name, description: 'Does next to nothing.', context: 1, hyper: { learningRate } },
  triggers: [{ on: 'visit' }],
  eligibility: { minBattery: 0.2, charging: false, onDataSaver: false, whileHidden: 'charging' },
  budget: { ms: 5000, runsPerDay: 20, duty: 0.35, modelBytes: 0, logBytes: 1024 },
  models: { reads: [], writes: [] },
})

/** Submits so many versions of a task, none of which is approved. */
export async function submitVersions(url: string, task: string, count: number): Promise<void> {
  for (let version = 1; version <= count; version++)
    await ask(`${url}/api/admin/tasks`, CREDENTIAL, {
      draft: draft(task, version / 100),
      script: `export const run = () => ${version}`,
      ...{ who: 'Grace', why: `version ${version} of it` },
    })
}

/** The same, approved, and the first of them released. */
export async function approveVersions(
  url: string,
  task: string,
  count: number,
  percent = 100,
): Promise<void> {
  const by = { who: 'Grace', why: 'read it' }
  await submitVersions(url, task, count)
  for (let version = 1; version <= count; version++)
    await ask(`${url}/api/admin/tasks/${task}/${version}`, CREDENTIAL, { action: 'approve', ...by })
  const order = { type: 'release', task, version: 1, rule: { everyone: true }, stages: [{ percent }] }
  await ask(`${url}/api/admin/releases`, CREDENTIAL, { order, ...by })
}
