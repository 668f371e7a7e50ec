/**
 * Kills real browsers in the middle of what they do, and looks at what is left: nothing that was acknowledged may be lost
 * or counted twice, no model may be there in part, and the feed must rank again.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Random, readLog, seeded } from '../harness/log.ts'
import type { Server } from '../server.ts'
import { createPerson, type Person } from './person.ts'
import { createProfile, type Kill } from './profile.ts'

/** When a kill is aimed at; they follow each other in the life of one profile, until its round is over. */
const MOMENTS = [
  'arriving',
  'tracking',
  'fetching',
  'filtering',
  'training',
  'training',
  'committing',
  'after',
] as const
export type Moment = (typeof MOMENTS)[number]

/** How a kill went. */
export interface Death {
  readonly kill: Kill
  readonly aimed: Moment
  /** What the device had last said it was doing, and what was found of the round. */
  readonly during: string
  readonly found: 'no model' | 'nothing trained' | 'buffer' | 'committed'
  /** From the navigation to a ranked feed, ms. */
  readonly readyMs: number
}

export interface Findings {
  readonly deaths: readonly Death[]
  readonly people: number
  /** Calls of `track` that were made, those that the page was told are done, and those in the server's log. */
  readonly sent: number
  readonly acknowledged: number
  readonly logged: number
  /** Acknowledged, but not in the log. */
  readonly lost: readonly string[]
  /** In the log more than once, in part, or without having been sent. */
  readonly miscounted: readonly string[]
  /** Models that were there in part, were not what their row says, or whose backup is not what was delivered. */
  readonly halfModels: readonly string[]
}

export interface RunOptions {
  readonly server: Server
  readonly executablePath: string
  readonly kills: number
  readonly seed: number
  readonly say: (text: string) => void
}

/** Stops the server in the end, for its log to be read. */
export async function runKills({ server, executablePath, kills, seed, say }: RunOptions): Promise<Findings> {
  const random = seeded(seed)
  const deaths: Death[] = []
  const halfModels: string[] = []
  const people: Person[] = []
  /** What is left of the moments of a profile whose round was over too early goes to the next. */
  let moments: readonly Moment[] = MOMENTS
  while (deaths.length < kills) {
    const folder = await mkdtemp(join(tmpdir(), 'kindred-profile-'))
    const profile = createProfile(executablePath, folder)
    const person = createPerson({ profile, url: server.url, name: `p${people.length}`, random })
    people.push(person)
    try {
      while (deaths.length < kills && !person.done()) {
        const [aimed, ...rest] = moments
        const death = await die(person, aimed!, random)
        moments = rest.length > 0 ? rest : MOMENTS
        deaths.push(death)
        halfModels.push(...person.halfModels())
        say(
          `kill ${deaths.length} of ${kills}: the ${death.kill} while ${death.during}, ${death.found}; ranks after ${Math.round(death.readyMs)} ms`,
        )
      }
      await person.deliver()
    } finally {
      await profile.end()
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    }
  }
  await server.stop()
  return { deaths, people: people.length, halfModels, ...(await account(server, people)) }
}

async function die(person: Person, aimed: Moment, random: Random): Promise<Death> {
  const kill = random.next() < 0.5 ? 'browser' : 'renderer'
  const during = await person.dieAt(aimed, kill)
  return { kill, aimed, during, ...(await person.comeBack()) }
}

/** Holds what people were told against the server's log. */
async function account(server: Server, people: readonly Person[]) {
  const logs = await readLog(
    server.data,
    people.map(({ device }) => device()),
  )
  const counts = { sent: 0, acknowledged: 0, logged: 0 }
  const lost: string[] = []
  const miscounted: string[] = []
  for (const person of people) {
    const log = logs.get(person.device())!
    const marks = log.flatMap((event) => (event.type === 'behaviour' ? [event.name] : []))
    const unique = new Set(marks)
    counts.sent += person.sent.size
    counts.acknowledged += person.acknowledged.size
    counts.logged += marks.length
    lost.push(...[...person.acknowledged].filter((mark) => !unique.has(mark)))
    miscounted.push(...marks.filter((mark, i) => !person.sent.has(mark) || marks.indexOf(mark) !== i))
    // A call is one: with its mark come its clicks, and the page itself clicks nothing.
    const clicks = log.filter(({ type }) => type === 'click').length
    const promised = [...unique].reduce((sum, mark) => sum + (person.sent.get(mark) ?? 0), 0)
    if (clicks !== promised) miscounted.push(`${person.device()}: ${clicks} clicks in place of ${promised}`)
  }
  return { ...counts, lost, miscounted }
}
