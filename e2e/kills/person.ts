/** Somebody whose browser is killed again and again: what they do, and what they were told. */
import type { Random } from '../harness/log.ts'
import type { Kill, Profile, Run, Stored } from './profile.ts'
import type { Death, Moment } from './run.ts'

/** Cards that are looked at in a hurry: enough for the device and the server to learn from. */
const FIRST_LOOKS = 24
/** A phase that is not reached in this time is not waited for any longer, ms. */
const PATIENCE_MS = 60_000
/** The longest delay from the moment that is aimed at to the kill, ms. */
const DELAY_MS: Record<Moment, number> = {
  arriving: 1000,
  tracking: 150,
  fetching: 60,
  filtering: 150,
  training: 100,
  committing: 30,
  after: 100,
}

export interface Person {
  /** Calls of `track` by their marks: how many clicks each had. */
  readonly sent: ReadonlyMap<string, number>
  /** Marks of those that the page was told are done. */
  readonly acknowledged: ReadonlySet<string>
  /** Looks around, has a round begun if the moment asks for one, and dies then; says during what. */
  dieAt(moment: Moment, kill: Kill): Promise<string>
  /** Opens the same profile again, looks at what is stored before the app does, and waits until it ranks. */
  comeBack(): Promise<Pick<Death, 'found' | 'readyMs'>>
  /** What was wrong with the models since this was last asked. */
  halfModels(): string[]
  /** Whether its round is over: another needs another day. */
  done(): boolean
  /** Has everything sent that waits. */
  deliver(): Promise<void>
  /** Its name on the server. */
  device(): string
}

export function createPerson({
  profile,
  url,
  name,
  random,
}: {
  profile: Profile
  url: string
  name: string
  random: Random
}): Person {
  const sent = new Map<string, number>()
  const acknowledged = new Set<string>()
  let wrong: string[] = []
  let items: readonly string[] = []
  let stored: Stored | null = null
  let delivered: string | undefined
  const nothing: Run = { phase: 'idle', outcomes: [] }
  let last = nothing
  const app = `${url}/?seed=${random.below(1e6)}`

  const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))
  /** What comes in a day makes one model: then there is no more to learn from. */
  const over = ({ outcomes }: Pick<Run, 'outcomes'>) =>
    outcomes.some((outcome) => outcome === 'committed' || outcome === 'kept')

  /** Sees a card, and opens it three times out of five. */
  async function look(): Promise<void> {
    const item = items[sent.size % items.length]!
    const mark = `${name}-${sent.size}`
    const clicks = random.next() < 0.6 ? 1 : 0
    sent.set(mark, clicks)
    const events = [
      { type: 'exposure', item },
      ...(clicks ? [{ type: 'click', item }] : []),
      { type: 'behaviour', name: mark },
    ]
    await profile.call('track', { events })
    acknowledged.add(mark)
  }

  /** Goes on looking until the browser is gone. */
  async function lookAround(dying: () => boolean): Promise<void> {
    try {
      for (;;) {
        await look()
        if (sent.size > FIRST_LOOKS) await pause(random.below(40))
      }
    } catch (error) {
      // What was being said when it died is not acknowledged.
      if (!dying()) throw error
    }
  }

  /** Has the device learn until it has come to `wanted`, or until there is nothing more to come to. */
  async function reach(wanted: (run: Run) => boolean): Promise<void> {
    let stop = false
    let tooLate: NodeJS.Timeout | undefined
    const reached = new Promise<void>((done) => {
      tooLate = setTimeout(done, PATIENCE_MS)
      profile.onRun((run) => {
        last = run
        if (wanted(run) || over(run)) done()
      })
    })
    const learn = async () => {
      // The server may only just have taken the clicks in: then there is nothing to learn from yet.
      while (!stop) {
        await profile.call('train').catch(() => {})
        await pause(200)
      }
    }
    void learn()
    await reached
    stop = true
    clearTimeout(tooLate)
  }

  /** The first visit of a profile. */
  async function arrive(): Promise<void> {
    const answer = await fetch(`${url}/api/task`)
    delivered = ((await answer.json()) as { model: { sha256: string } }).model.sha256
    await profile.open(app)
  }

  async function comeToRank(): Promise<number> {
    const readyMs = await profile.ranked()
    if (items.length === 0) items = await profile.cards()
    return readyMs
  }

  async function inspect(): Promise<void> {
    // A page of the same origin without the app, which would repair what it finds.
    await profile.open(`${url}/api/nothing`)
    const before = stored
    stored = await profile.stored()
    const models = new Map(stored?.models.map((model) => [model.slot, model]))
    for (const { slot, sha256, actual } of models.values())
      if (actual !== sha256) wrong.push(`${name}: ${slot} is ${actual}, its row says ${sha256}`)
    if (models.has('M') !== models.has('M0')) wrong.push(`${name}: only ${[...models.keys()].join(', ')}`)
    if (before?.models.length && !models.size) wrong.push(`${name}: its models are gone`)
    const backup = models.get('M0')?.sha256
    if (backup !== undefined && backup !== delivered) wrong.push(`${name}: M0 is ${backup}`)
    const changed = models.get('M')?.sha256 !== backup
    if (changed && !stored?.outcomes.includes('committed'))
      wrong.push(`${name}: M is new and no round tells of it`)
  }

  return {
    sent,
    acknowledged,

    async dieAt(moment, kill) {
      last = nothing
      profile.onRun((run) => {
        last = run
      })
      if (delivered === undefined) await arrive()
      if (moment === 'arriving') {
        await pause(random.next() * DELAY_MS.arriving)
        await profile.kill(kill)
        return moment
      }
      if (items.length === 0) await comeToRank()
      let dying = false
      const looking = lookAround(() => dying)
      looking.catch(() => {})
      const fraction = random.next() * 0.9
      const there = ({ phase, fraction: done = 1 }: Run) => phase === moment && done >= fraction
      if (moment === 'after') await reach((run) => over(run) && run.phase === 'idle')
      else if (moment !== 'tracking') await reach(there)
      await pause(random.next() * DELAY_MS[moment])
      const during = last.phase !== 'idle' ? last.phase : over(last) ? 'after' : 'tracking'
      dying = true
      await profile.kill(kill)
      await looking
      return during
    },

    async comeBack() {
      await inspect()
      await profile.goto(app)
      const readyMs = await comeToRank()
      const slots = new Map(stored?.models.map(({ slot, sha256 }) => [slot, sha256]))
      const found = !slots.has('M')
        ? 'no model'
        : slots.get('M') !== slots.get('M0')
          ? 'committed'
          : slots.has('Mbuf')
            ? 'buffer'
            : 'nothing trained'
      return { found, readyMs }
    },

    halfModels() {
      const found = wrong
      wrong = []
      return found
    },

    done: () => stored !== null && over(stored),

    async deliver() {
      for (;;) {
        await profile.call('flush').catch(() => {})
        const { events } = (await profile.call('status')) as { events: { waiting: number } }
        if (events.waiting === 0) break
        await pause(100)
      }
      stored = await profile.stored()
    },

    device: () => stored?.device ?? '',
  }
}
