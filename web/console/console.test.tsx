import { parseHTML } from 'linkedom'
import { render } from 'preact'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Measured, RunHealth, ShownBoard, ShownRelease } from '../../shared/admin.ts'
import { AppError } from '../../shared/error.ts'
import type { Ask } from './ask.ts'
import { Console } from './console.tsx'
import { seriesOf } from './experiments/experiment.tsx'
import { failedOf, seriesOf as healthSeriesOf } from './health.tsx'
import { createConsoleSession } from './session.ts'

const NOW = Date.UTC(2026, 4, 1, 12)
const CREDENTIAL = 'the-credential-of-the-operator-is-long'

let page: ReturnType<typeof parseHTML>
let hash: string
let stored: Map<string, string>
/** What was sent, and what is answered. */
let sent: [path: string, body: unknown][]
let answers: Record<string, unknown>
let credential: string
let focused: string[]

const release = (id: number, version: number, changes: Partial<ShownRelease> = {}): ShownRelease => ({
  ...{ id, task: 'rank', version, manifest: 'm', salt: 's', percent: 100 },
  rule: { everyone: true },
  stages: [{ at: NOW - 1000, percent: 100 }],
  ...changes,
})
const board = (releases: ShownRelease[]): ShownBoard => ({
  ...{ releases, experiments: [], killed: [], entries: 2, at: NOW - 1000, devices: 8310 },
})
const askAs =
  (shown: string): Ask =>
  async (_, path, body) => {
    if (shown !== credential) throw new AppError('unauthorised', 'That is not the admin credential.')
    if (body !== undefined) sent.push([path, body])
    const found = answers[path]
    if (found === undefined) throw new AppError('not-ready', `No ${path}.`)
    return found as never
  }

const root = () => page.document.getElementById('app')!
/** Turns of the loop until what was begun is drawn, loads, is drawn anew and has had its effects. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await new Promise((done) => setImmediate(done))
}
const button = (name: string | RegExp) =>
  [...root().querySelectorAll('button, summary')].find(({ textContent }) =>
    typeof name === 'string' ? textContent === name : name.test(textContent ?? ''),
  ) as HTMLButtonElement
async function type(selector: string, value: string): Promise<void> {
  const input = root().querySelector(selector) as HTMLInputElement
  input.value = value
  input.dispatchEvent(new page.Event('input', { bubbles: true }))
  await settled()
}
const submit = async (form = 'form') => {
  root()
    .querySelector(form)!
    .dispatchEvent(new page.Event('submit', { bubbles: true, cancelable: true }))
  await settled()
}
const session = () =>
  createConsoleSession({
    getItem: (key) => stored.get(key) ?? null,
    setItem: (key, value) => void stored.set(key, value),
    removeItem: (key) => void stored.delete(key),
  })
async function open(at = ''): Promise<void> {
  hash = at
  render(<Console session={session()} askAs={askAs} now={() => NOW} />, root())
  await settled()
}
async function openSignedIn(at = ''): Promise<void> {
  session().begin({ who: 'Ada', credential: CREDENTIAL })
  await open(at)
}

beforeEach(() => {
  page = parseHTML('<!doctype html><html><head></head><body><div id="app"></div></body></html>')
  const { document } = page
  stored = new Map()
  sent = []
  credential = CREDENTIAL
  focused = []
  answers = {
    '/releases': board([
      release(1, 1),
      release(4, 2, { percent: 5, stages: [{ at: NOW - 10, percent: 5 }] }),
    ]),
    '/releases/reach': {
      devices: 8310,
      releases: [
        { release: 1, hit: 8310, reaches: 8310 },
        { release: 4, hit: 8310, reaches: 412 },
      ],
      given: [],
    },
    '/releases/dry-run': {
      ...{ devices: 8310, hit: 8310, reaches: 412, arms: {} },
      moves: [{ task: 'rank', from: 2, to: 1, devices: 412 }],
    },
  }
  const { HTMLElement } = page.window as unknown as { HTMLElement: { prototype: object } }
  Object.assign(HTMLElement.prototype, {
    focus(this: HTMLElement) {
      focused.push(this.textContent || this.id)
    },
    showModal(this: HTMLElement) {
      this.setAttribute('open', '')
    },
    close(this: HTMLElement) {
      if (!this.hasAttribute('open')) return
      this.removeAttribute('open')
      this.dispatchEvent(new page.Event('close'))
    },
  })
  vi.stubGlobal('window', { document })
  vi.stubGlobal('document', document)
  vi.stubGlobal('requestAnimationFrame', (act: () => void) => setImmediate(act))
  vi.stubGlobal('setTimeout', (act: () => void) => setImmediate(act))
  vi.stubGlobal('location', {
    get hash() {
      return hash
    },
  })
  vi.stubGlobal('addEventListener', () => {})
  vi.stubGlobal('removeEventListener', () => {})
})
afterEach(async () => {
  render(null, root())
  await settled()
  vi.unstubAllGlobals()
})

describe('signing in', () => {
  it('keeps who it is in this tab alone, once the server has taken the credential', async () => {
    await open()
    expect(root().querySelector('h1')?.textContent).toBe('Sign in')
    await type('#who', ' Ada ')
    await type('#credential', 'wrong')
    await submit()
    expect(root().querySelector('[role="alert"]')?.textContent).toBe('That is not the admin credential.')
    expect(stored.size).toBe(0)
    await type('#credential', CREDENTIAL)
    await submit()
    expect(root().querySelector('h1')?.textContent).toBe('Releases')
    expect(session().operator()).toEqual({ who: 'Ada', credential: CREDENTIAL })
    button(/^Sign out/).click()
    await settled()
    expect(root().querySelector('h1')?.textContent).toBe('Sign in')
    expect(stored.size).toBe(0)
  })

  it('says so where the server has no credential', async () => {
    answers = {}
    await open()
    await type('#who', 'Ada')
    await type('#credential', CREDENTIAL)
    await submit()
    expect(root().querySelector('[role="alert"]')?.textContent).toMatch(/--admin-credential-file/)
  })

  it('is due again when the server has another credential by now', async () => {
    await openSignedIn()
    credential = 'another'
    button(/Refresh/).click()
    await settled()
    expect(root().querySelector('[role="alert"]')?.textContent).toBe('That is not the admin credential.')
    expect(stored.size).toBe(0)
  })
})

describe('the first view', () => {
  it('says of each release to whom it goes and whom it reaches, the newest first', async () => {
    await openSignedIn()
    const [first, second] = [...root().querySelectorAll('.cards > li')].map((card) => card.textContent)
    expect(first).toMatch(/^rank v2 running.*Goes to 5% of all devices\..*Reaches 412 of 8,310 known devices/)
    expect(second).toMatch(/^rank v1 running.*Goes to all devices\./)
  })

  it('rolls back in two presses: the second names what happens', async () => {
    await openSignedIn()
    button(/^Roll back v2/).click()
    await settled()
    expect(sent).toEqual([['/releases/dry-run', { order: { type: 'revoke', release: 4 } }]])
    const dialog = root().querySelector('dialog')!
    expect(dialog.hasAttribute('open')).toBe(true)
    expect(dialog.textContent).toContain('Roll back rank v2?')
    expect(dialog.textContent).toContain('Would reach 412 of 8,310 known devices.')
    expect(dialog.textContent).toContain('rank: v2 → v1 on 412 devices')
    expect(focused.at(-1)).toBe('Roll back v2')
    sent = []
    answers['/releases'] = { ...board([release(1, 1)]), n: 3 }
    await submit('dialog form')
    expect(sent).toEqual([
      [
        '/releases',
        { order: { type: 'revoke', release: 4 }, who: 'Ada', why: 'Rolled back from the console' },
      ],
    ])
    expect(dialog.hasAttribute('open')).toBe(false)
    expect(focused.at(-1)).toBe('Done. It is line 3 of the ledger.')
    expect(root().querySelectorAll('.cards > li')).toHaveLength(1)
  })

  it('changes nothing where nobody says yes, or no reason is given', async () => {
    await openSignedIn()
    button(/^Pause.*release 4$/).click()
    await settled()
    expect(focused.at(-1)).toBe('why')
    sent = []
    await submit('dialog form')
    button('Cancel').click()
    await settled()
    expect(sent).toEqual([])
    expect(root().querySelector('dialog')!.hasAttribute('open')).toBe(false)
  })

  it('says what the server says against it, and asks on', async () => {
    await openSignedIn()
    button(/^Roll back v2/).click()
    await settled()
    delete answers['/releases']
    await submit('dialog form')
    const dialog = root().querySelector('dialog')!
    expect(dialog.querySelector('[role="alert"]')?.textContent).toBe('No /releases.')
    expect(dialog.hasAttribute('open')).toBe(true)
  })
})

describe('the forms', () => {
  beforeEach(() => {
    const by = { who: 'Ada', why: 'first', at: NOW, commit: 'c' }
    const version = (name: string, version: number, approved = true) => ({ name, version, approved, ...by })
    answers['/tasks'] = {
      approvedUntil: NOW,
      versions: [version('rank', 3, false), version('rank', 2), version('rank', 1), version('filter', 4)],
    }
  })
  /** What a form would have done. */
  const tried = async () => {
    sent = []
    await submit('.form')
    return sent
  }
  async function byRule(): Promise<void> {
    const choice = root().querySelector('[name="rule-by"][value="rule"]')!
    choice.dispatchEvent(new page.Event('change', { bubbles: true }))
    await settled()
  }
  const options = (id: string) =>
    [...root().querySelectorAll(`#${id} option`)].map(({ textContent }) => textContent)

  it('of a release proposes what is approved of the task, by the rule', async () => {
    await openSignedIn('#/release/rank/2')
    expect(options('task')).toEqual(['filter', 'rank'])
    expect(options('version')).toEqual(['v2', 'v1'])
    await byRule()
    await type('#rule-text', '{"language": ["de"]}')
    await type('#until', '2026-06-01T00:00')
    const until = new Date('2026-06-01T00:00').getTime()
    const order = { type: 'release', task: 'rank', version: 2, rule: { language: ['de'] } }
    expect(await tried()).toEqual([
      ['/releases/dry-run', { order: { ...order, stages: [{ percent: 5 }], until } }],
    ])
  })

  it('of an experiment proposes the newest version against none, for whoever the rule hits', async () => {
    await openSignedIn('#/experiments/new')
    await type('#seed', 'pepper')
    const arms = [
      { name: 'v4', task: { version: 4 }, percent: 45 },
      { name: 'control', task: null, percent: 45 },
    ]
    const order = { type: 'experiment', task: 'filter', seed: 'pepper', holdout: 10, arms }
    expect(await tried()).toEqual([['/releases/dry-run', { order: { ...order, rule: { everyone: true } } }]])
  })

  it.each(['#/release', '#/experiments/new'])(
    'propose nothing by a rule that does not fit: %s',
    async (at) => {
      await openSignedIn(at)
      await byRule()
      await type('#rule-text', '{"language": "de"')
      expect(await tried()).toEqual([])
      expect(focused.at(-1)).toBe('{"language": "de"')
      expect(root().querySelector('#rule-text-wrong')).not.toBeNull()
    },
  )

  it.each(['#/release', '#/experiments/new'])('are not there while nothing is approved: %s', async (at) => {
    answers['/tasks'] = { approvedUntil: NOW, versions: [] }
    await openSignedIn(at)
    expect(root().querySelector('form:has(#task)')).toBeNull()
    expect(root().textContent).toContain('No version is approved.')
  })
})

describe('the other views', () => {
  it('show what a version has over another', async () => {
    answers['/tasks/rank/2/from/1'] = {
      manifest: [{ path: 'hyper.epochs', before: 1, after: 2 }],
      script: [
        { change: 'removed', text: 'one' },
        { change: 'added', text: 'two' },
      ],
      model: 'same',
    }
    await openSignedIn('#/tasks/rank/2/from/1')
    expect(root().querySelector('tbody tr')?.textContent).toBe('hyper.epochs12')
    expect([...root().querySelectorAll('pre > span')].map(({ textContent }) => textContent)).toEqual([
      '− removed:  one\n',
      '+ added:  two\n',
    ])
  })

  it('approve a version with a reason', async () => {
    const by = { who: 'Ada', why: 'first', at: NOW, commit: 'c' }
    answers['/tasks'] = {
      approvedUntil: NOW,
      versions: [{ name: 'rank', version: 1, approved: false, ...by }],
    }
    answers['/tasks/rank/1'] = { name: 'rank', version: 1, approved: true, ...by }
    await openSignedIn('#/tasks/rank')
    button(/^Approve/).click()
    await settled()
    await type('#why', 'read it')
    await submit('dialog form')
    expect(sent).toEqual([['/tasks/rank/1', { action: 'approve', who: 'Ada', why: 'read it' }]])
  })

  it('show the newest hundred lines of the ledger, and the way to older ones', async () => {
    const entry = (n: number) => ({
      ...{ n, at: NOW, who: 'Ada', why: `reason ${n}`, before: null },
      change: { type: 'pause', release: 1 },
    })
    answers['/releases'] = { ...board([]), entries: 150 }
    answers['/ledger/51'] = { entries: Array.from({ length: 100 }, (_, i) => entry(51 + i)) }
    answers['/ledger/1'] = { entries: Array.from({ length: 100 }, (_, i) => entry(1 + i)) }
    const numbers = () => [...root().querySelectorAll('.ledger li')].map((line) => line.getAttribute('value'))
    await openSignedIn('#/ledger')
    expect([numbers()[0], numbers().at(-1), numbers().length]).toEqual(['150', '51', 100])
    expect(root().querySelector('a[href="#/ledger/50"]')?.textContent).toBe('Older')
    render(null, root())
    await open('#/ledger/50')
    expect([numbers()[0], numbers().at(-1)]).toEqual(['50', '1'])
    expect(root().querySelector('a[href^="#/ledger/"]')).toBeNull()
  })
})

describe('what is drawn', () => {
  const estimate = (value: number | null) => ({
    value,
    ci95: value === null ? null : ([0, 1] as [number, number]),
  })
  const figures = (ctr: number | null) => ({
    ...{ users: 2, exposures: 4, clicks: 1, clickers: 1 },
    ...{ ctr: estimate(ctr), clicksPerUser: estimate(0.5), clickerShare: estimate(0.5) },
  })

  it('of an experiment is each arm’s metric on each day on which it has one', () => {
    const measured: Pick<Measured, 'days' | 'total'> = {
      days: [
        { day: 7, arms: { v2: figures(0.25), holdout: figures(null) } },
        { day: 9, arms: { v2: figures(0.5), holdout: figures(0.1) } },
      ],
      total: { v2: figures(0.3), holdout: figures(0.1) },
    }
    expect(seriesOf(measured, 'ctr')).toEqual([
      {
        name: 'v2',
        values: [
          { x: 7, value: 0.25, interval: [0, 1] },
          { x: 9, value: 0.5, interval: [0, 1] },
        ],
      },
      { name: 'holdout', values: [{ x: 9, value: 0.1, interval: [0, 1] }] },
    ])
  })

  it('of health is each version’s figure on each day, and the share that failed is of the runs that were not stopped', () => {
    const row = (day: number, version: number, median: number) =>
      ({ day, version, ms: { median, p95: 2 * median } }) as RunHealth['rows'][number]
    expect(
      healthSeriesOf([row(1, 2, 10), row(1, 1, 20), row(2, 2, 30)], ({ ms }) => ({
        value: ms!.median,
        interval: null,
      })),
    ).toEqual([
      { name: 'v1', values: [{ x: 1, value: 20, interval: null }] },
      {
        name: 'v2',
        values: [
          { x: 1, value: 10, interval: null },
          { x: 2, value: 30, interval: null },
        ],
      },
    ])
    const outcomes = { done: 15, refused: 1, failed: 3, late: 1, stopped: 9 }
    expect(failedOf({ runs: 20, outcomes })).toBe(0.25)
    expect(failedOf({ runs: 0, outcomes: { ...outcomes, done: 0, refused: 0, failed: 0, late: 0 } })).toBe(0)
  })
})
