/** Somebody at a simulated browser: they come and go, look, click, and now and then do what is rarely done. */
import { AppError } from '../../shared/failure.ts'
import type { CallInput, CallOutput } from '../../shared/protocol.ts'
import { key } from '../../worker/testing/world.ts'
import type { Browser, Sim, Tab } from './browser.ts'
import { HOUR } from './server.ts'

const MINUTE = 60_000
const ITEMS = 60

/** Longest that the page waits for an answer, ms of virtual time. */
const PATIENCE: Record<string, number> = { rank: 5 * MINUTE, track: 5 * MINUTE, status: 5 * MINUTE }
const LONG = 60 * MINUTE

export interface User {
  /** Begins to live. */
  begin(): void
  /** Asks for a ranking; what came of it is checked. True when it is answered. */
  rank(tab: Tab): Promise<boolean>
  readonly done: boolean
}

export function createUser(
  sim: Sim,
  browser: Browser,
  { visits, taste }: { visits: number; taste: number },
): User {
  const { schedule, faults, fail } = sim
  const { random } = schedule
  const { events, models } = browser
  let tracked = 0
  let visit = 0
  let done = false
  /** Whether the user is at the machine. */
  let here = false
  /** Tabs that have been frozen: no call of theirs need be answered in time. */
  const sleepers = new Set<Tab>()

  /** Sees to it that a call is answered, and that its failure is one of ours. */
  async function call<T>(tab: Tab, name: string, work: () => Promise<T>): Promise<T | undefined> {
    let open = true
    schedule.enter(tab)
    schedule.trace(`is asked: ${name}`)
    const look = () => {
      if (open && tab.state !== 'dead' && !sleepers.has(tab))
        fail('settles', `${name} was not answered within ${(PATIENCE[name] ?? LONG) / MINUTE} minutes`)
    }
    schedule.at(PATIENCE[name] ?? LONG, undefined, '', look)
    try {
      return await work()
    } catch (error) {
      schedule.trace(
        `${name} fails: ${error instanceof AppError ? `${error.code}, ${error.message}` : error}`,
      )
      if (!(error instanceof AppError)) fail('failures', `${name}: ${(error as Error)?.stack ?? error}`)
      return undefined
    } finally {
      open = false
    }
  }

  async function rank(tab: Tab): Promise<boolean> {
    const items = [...new Set(Array.from({ length: 6 }, () => key(random.below(ITEMS))))]
    const check = models.serving()
    const answer = await call(tab, 'rank', () => tab.device.rank({ items }))
    if (!answer) return false
    check(answer.serving)
    const { ranked } = answer as CallOutput<'rank'>
    const given = ranked.map(({ item }) => item).sort()
    if (String(given) !== String([...items].sort()) || !ranked.every(({ score }) => score >= 0 && score <= 1))
      fail('half-model', 'a ranking lacks items, or has scores that are no probabilities')
    return true
  }

  async function look(tab: Tab): Promise<void> {
    const number = ++tracked
    const [first, last] = [`${browser.name}-${number}-first`, `${browser.name}-${number}-last`]
    type Event = CallInput<'track'>['events'][number]
    const seen = Array.from({ length: 1 + random.below(6) }, (): Event[] => {
      const item = random.below(ITEMS)
      const exposure: Event = { type: 'exposure', item: key(item) }
      const likes = item % 6 === taste ? 0.8 : 0.15
      return random.next() < likes ? [exposure, { type: 'click', item: key(item) }] : [exposure]
    }).flat()
    const list: Event[] = [{ type: 'behaviour', name: first }, ...seen, { type: 'behaviour', name: last }]
    const ended = events.tracks(first, last)
    const answer = await call(tab, 'track', () => tab.device.track({ events: list }))
    ended(answer === null ? 'done' : 'failed')
  }

  async function forget(tab: Tab): Promise<void> {
    const forgotten = events.forgets()
    models.missing()
    const answer = await call(tab, 'forget', () => tab.device.forget(null))
    forgotten(answer)
    models.missing()
    browser.samples.reset()
  }

  const conditions = (): CallInput<'conditions'> => ({
    page: random.below(3) === 0 ? 'hidden' : 'visible',
    battery: random.below(2) === 0 ? null : { level: random.next(), charging: random.below(2) === 0 },
    saveData: random.below(5) === 0,
  })

  function act(tab: Tab): void {
    if (!tab.started) return
    const dice = random.next()
    if (dice < 0.45) void look(tab)
    else if (dice < 0.75) void rank(tab)
    else if (dice < 0.78) void call(tab, 'status', () => tab.device.status(null))
    else if (dice < 0.8) void call(tab, 'learn', () => tab.device.learn({ on: random.below(4) > 0 }))
    else if (dice < 0.83) void call(tab, 'conditions', () => tab.device.conditions(conditions()))
    else if (dice < 0.85) void call(tab, 'busy', () => tab.device.busy(null))
    else if (dice < 0.91) void call(tab, 'train', () => tab.device.train(null))
    else if (dice < 0.96) void call(tab, 'flush', () => tab.device.flush(null))
    else if (dice < 0.985) void call(tab, 'rollback', () => tab.device.rollback(null))
    else void forget(tab)
  }

  /** What may strike between two things that the user does. */
  function misfortune(): void {
    const [tab] = random.shuffle([...browser.tabs])
    if (faults.strikes('clock-forward', 0.05)) browser.moveClock(random.below(30) * HOUR)
    if (faults.strikes('clock-back', 0.05)) browser.moveClock(-random.below(30) * HOUR)
    if (faults.strikes('offline', 0.2)) interrupt('down')
    if (faults.strikes('portal', 0.1)) interrupt('portal')
    if (faults.strikes('evicted', 0.02)) {
      schedule.trace(`${browser.name} is evicted`)
      browser.storage.evict()
    }
    if (faults.strikes('bit-rot', 0.05)) {
      const bytes = browser.storage.rot()
      schedule.trace(`a bit of ${browser.name} rots`)
      if (bytes) models.rotten(bytes)
    }
    const [table] = random.shuffle([...browser.storage.tables])
    if (table && faults.strikes('partly-evicted', 0.04)) {
      schedule.trace(`${browser.name} loses its ${table}`)
      browser.storage.evict(table)
    }
    if (!tab) return
    if (faults.strikes('freeze', 0.2)) freeze(tab)
    // Anywhere from now on: in the middle of whatever it will be doing.
    if (faults.strikes('tab-crash', 0.2)) strike(() => tab.state !== 'dead' && browser.kill(tab))
    if (faults.strikes('browser-kill', 0.15)) strike(() => browser.killAll(false))
    if (faults.strikes('power-cut', 0.15)) strike(() => browser.killAll(true))
  }
  /** What the user, or the machine, does `ms` from now, unless all is calm by then. */
  const later = (ms: number, work: () => void) =>
    schedule.at(ms, undefined, '', () => faults.healed || work())
  const strike = (work: () => void) => later(random.below(MINUTE), work)

  function interrupt(state: 'down' | 'portal'): void {
    browser.setLink(state)
    later(random.below(2 * HOUR), () => browser.setLink('up'))
  }

  function freeze(tab: Tab): void {
    if (tab.state !== 'live') return
    schedule.trace(`${tab.name} freezes`)
    tab.state = 'frozen'
    sleepers.add(tab)
    later(random.below(3 * HOUR), () => {
      if (tab.state !== 'frozen') return
      schedule.trace(`${tab.name} wakes`)
      tab.state = 'live'
      schedule.thaw(tab)
      // It runs in the background for a while, until the browser needs its memory.
      later(random.below(3 * MINUTE), () => {
        if (!here && tab.state !== 'dead') browser.kill(tab)
      })
    })
  }

  function step(left: number): void {
    if (browser.tabs.length === 0) browser.open()
    else if (browser.tabs.length < 3 && faults.strikes('second-tab', 0.2)) browser.open()
    misfortune()
    const awake = browser.tabs.filter(({ state }) => state === 'live')
    if (awake.length > 0) act(awake[random.below(awake.length)]!)
    if (left > 0) later(random.below(45_000), () => step(left - 1))
    else later(random.below(MINUTE), leave)
  }

  /** The user goes: by closing the tab, by leaving it to be killed, or by leaving it open. */
  function leave(): void {
    here = false
    for (const tab of [...browser.tabs]) {
      const dice = random.below(4)
      if (dice === 0) browser.kill(tab)
      else if (dice === 1 && tab.state === 'live') void browser.close(tab)
      else if (dice === 2) freeze(tab)
      else if (tab.state === 'live') browser.kill(tab)
    }
    visit++
    if (visit < visits) later(random.below(6 * HOUR), come)
    else done = true
  }

  const come = () => {
    here = true
    return step(3 + random.below(8))
  }

  return {
    begin: () => void later(random.below(HOUR), come),
    rank,
    get done() {
      return done
    },
  }
}
