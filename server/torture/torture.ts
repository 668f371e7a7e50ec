/** One run: a seed, some browsers, a server, and whatever may go wrong between them. */
import { NOON, type World } from '../../worker/testing/world.ts'
import { type Browser, createBrowser, type Plant, type Sim, type Tab } from './browser.ts'
import { createFaults, type Fault } from './faults.ts'
import type { Invariant } from './invariants.ts'
import { enterRealm } from './realm.ts'
import { createSchedule } from './schedule.ts'
import { createServer, createTaskReleases, HOUR } from './server.ts'
import { warmUp } from './trainer.ts'
import { createUser, type User } from './user.ts'

export interface Violation {
  readonly seed: number
  readonly invariant: Invariant
  readonly message: string
  /** The newest lines of the trace. */
  readonly trace: readonly string[]
}

export interface Outcome {
  readonly seed: number
  readonly faults: ReadonlyMap<Fault, number>
  /** The first invariant that did not hold; the run ended there. */
  readonly violation: Violation | undefined
  readonly steps: number
  readonly virtualMs: number
  /** Of all that happened: the same for the same seed. */
  readonly digest: string
}

export interface RunOptions {
  readonly seed: number
  readonly releases: readonly World[]
  readonly plant?: Plant
  /** Hears each line of the trace. */
  readonly watch?: (line: string) => void
}

/** After this a run is over, whatever its users would still do. */
const LONGEST = 6 * 24 * HOUR
const MINUTE = 60_000
/** What everything may take to come right once nothing strikes any more. */
const CALM = 6 * HOUR

/** Made once in a process. */
let made: ReturnType<typeof createTaskReleases> | undefined
function releasesOfTasks(): ReturnType<typeof createTaskReleases> {
  made ??= createTaskReleases()
  return made
}

export async function torture({ seed, releases, plant = {}, watch }: RunOptions): Promise<Outcome> {
  const tasks = await releasesOfTasks()
  await warmUp(
    tasks.flat().map(({ manifest, files }) => ({ sha256: manifest.script.sha256, bytes: files.script })),
  )
  const schedule = createSchedule(seed, NOON, { watch })
  const realm = enterRealm(schedule)
  const { random } = schedule
  const faults = createFaults(random)
  const server = createServer(schedule, releases, tasks, seed)
  let violation: Violation | undefined
  const sim: Sim = {
    schedule,
    faults,
    server,
    plant,
    fail(invariant, message) {
      if (violation) return
      schedule.trace(`✗ ${invariant}: ${message}`)
      violation = { seed, invariant, message, trace: [...schedule.lines()] }
    },
  }
  const failed = () => {
    const [unheard] = [...schedule.thrown, ...realm.unhandled]
    if (unheard !== undefined) sim.fail('failures', `nobody heard of ${describe(unheard)}`)
    if (server.failures.length > 0) sim.fail('failures', `the server: ${server.failures[0]}`)
    return violation !== undefined
  }
  try {
    const people = Array.from({ length: 1 + random.below(2) + random.below(2) }, (_, n) => {
      const browser = createBrowser(sim, `b${n + 1}`)
      return { browser, user: createUser(sim, browser, { visits: 2 + random.below(4), taste: n % 6 }) }
    })
    for (const { user } of people) user.begin()
    await schedule.run(NOON + LONGEST, () => failed() || people.every(({ user }) => user.done))
    if (!violation) await calmDown(sim, people, failed)
    failed()
  } finally {
    realm.leave()
  }
  const { steps } = schedule
  return {
    seed,
    faults: faults.counts,
    violation,
    steps,
    virtualMs: schedule.now() - NOON,
    digest: schedule.digest(),
  }
}

/** Nothing strikes any more: each browser must serve without the network, and then bring everything to the server. */
async function calmDown(
  sim: Sim,
  people: readonly { browser: Browser; user: User }[],
  failed: () => boolean,
): Promise<void> {
  const { schedule, faults, fail } = sim
  /** Opens a tab, and waits until it has started. */
  const opened = async (browser: Browser): Promise<Tab> => {
    let tab: Tab | undefined
    schedule.at(0, undefined, '', () => {
      tab = browser.open()
    })
    await schedule.run(schedule.now() + MINUTE, () => failed() || tab?.started === true)
    return tab!
  }
  /** Whether `work` comes to its end within `ms`, and well. */
  const within = async (ms: number, work: () => Promise<boolean>): Promise<boolean> => {
    let ended: boolean | undefined
    schedule.at(0, undefined, '', () => {
      void work().then((well) => {
        ended = well
      })
    })
    await schedule.run(schedule.now() + ms, () => failed() || ended !== undefined)
    return ended === true
  }
  faults.heal()
  for (const { browser, user } of people) {
    browser.killAll(false)
    browser.setLink('down')
    // Whatever was under way in the machine comes to its end.
    await schedule.run(schedule.now() + 5000, failed)
    const can = browser.models.canServe()
    const tab = await opened(browser)
    const served = await within(MINUTE, () => user.rank(tab))
    if (failed()) return
    if (can && !served) fail('serves-offline', `${browser.name} does not rank from what it has stored`)
    browser.setLink('up')
  }
  const waiting = () =>
    people.some(
      ({ browser }) =>
        browser.storage.rows('outbox').length > 0 || browser.events.owing() || !browser.models.canServe(),
    )
  await schedule.run(schedule.now() + CALM, () => failed() || !waiting())
  if (failed()) return
  for (const { browser, user } of people) {
    const [tab] = browser.tabs
    // What it has just downloaded it may not have taken up yet.
    const ranks = async () => {
      while (!(await user.rank(tab!)))
        await new Promise<void>((resolve) => void schedule.at(1000, tab, '', resolve))
      return true
    }
    if (!(await within(5 * MINUTE, ranks)))
      fail('serves-offline', `${browser.name} does not rank, though all is well`)
    browser.events.finish()
    const closed = () => browser.close(tab!).then(() => true)
    if (!(await within(HOUR, closed))) fail('settles', `${tab!.name} cannot be closed`)
    if (failed()) return
  }
}

const describe = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error)
