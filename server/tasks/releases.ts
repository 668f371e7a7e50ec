/** Releases as they are run: every change is written into the ledger, with who, when and why, before it holds. */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import type { Reach } from '../../shared/admin.ts'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { AppError, parse } from '../../shared/failure.ts'
import {
  type Change,
  changeSchema,
  type Entry,
  entrySchema,
  type Order,
  orderSchema,
} from '../../shared/release/changes.ts'
import type { DeviceInfo } from '../../shared/release/device.ts'
import {
  type ActiveList,
  activeList,
  apply,
  armOf,
  type Board,
  EMPTY,
  reaches,
  steadySince,
} from '../../shared/release/releases.ts'
import { hits } from '../../shared/release/rules.ts'
import { canonical, plain } from '../../shared/trust/canonical.ts'
import { createTurns } from '../cloud/turns.ts'
import type { Store } from '../store/store.ts'
import { type By, checkBy } from './by.ts'

/** What a change would do to the devices that are known. */
export interface DryRun {
  /** Known devices. */
  readonly devices: number
  /** Of them, those that the rule hits, whatever their share; all where the change has no rule. */
  readonly hit: number
  /** Those whose active list would be another. */
  readonly reaches: number
  /** By task and from most devices on: null where there is none. */
  readonly moves: readonly {
    readonly task: string
    readonly from: number | null
    readonly to: number | null
    readonly devices: number
  }[]
  /** Of an experiment: how many would be in each arm. */
  readonly arms: Readonly<Record<string, number>>
}

export type Note = Extract<Change, { type: 'approve' | 'withdraw' }>

export interface Releases {
  board(): Board
  /** Throws `bad-input`, which says why, where it makes no sense as things stand; nothing is written then. */
  change(order: Order, by: By): Promise<Entry>
  /** Writes into the ledger what changes no list by itself. */
  note(note: Note, by: By): Promise<Entry>
  /** Changes nothing. `at`: as of that moment, by default now; a later one shows a later stage. */
  dryRun(order: Order, at?: number): Promise<DryRun>
  /** Whom the releases reach now, and which versions the known devices were given when they last asked. */
  reach(): Promise<Reach>
  /** What is active for a device, its entity tag, and the moment since which that is so. */
  activeFor(device: DeviceInfo): { list: ActiveList; etag: string; since: number }
  /** The ledger from entry `from` on. */
  audit(from?: number, limit?: number): Promise<Entry[]>
}

export interface ReleasesOptions {
  readonly store: Pick<Store, 'ledger' | 'deviceFacts'>
  /** SHA-256 of the manifest of a version that may be released. Throws `bad-input` where there is none. */
  manifestOf(task: string, version: number): Promise<string>
  readonly clock?: Clock
}

/** Reads the ledger. Throws `storage` if an entry in it is not what it was. */
export async function openReleases({
  store,
  manifestOf,
  clock = systemClock,
}: ReleasesOptions): Promise<Releases> {
  const { ledger, deviceFacts } = store
  const turns = createTurns()
  let board = EMPTY
  let last: string | null = null
  for (const entry of await audit()) {
    if (entry.before !== last)
      throw new AppError('storage', `Entry ${entry.n} of the ledger does not follow the one before.`)
    board = apply(board, entry)
    last = hashOf(entry)
  }

  async function audit(from = 1, limit?: number): Promise<Entry[]> {
    return parse(z.array(entrySchema), await ledger.read(from, limit), 'The ledger')
  }

  /** What was left out: which manifest, which salt, and that it is `now`, which may be no later than its entry. */
  async function complete(order: Order, now: number): Promise<Change> {
    const said = parse(orderSchema, order, 'The change')
    const full = (change: object) => parse(changeSchema, change, 'The change')
    if (said.type === 'stages')
      return full({ ...said, stages: said.stages.map((one) => ({ at: now, ...one })) })
    if (said.type === 'release')
      return full({
        ...said,
        salt: said.salt ?? `${said.task} ${board.entries + 1}`,
        stages: said.stages.map((one) => ({ at: now, ...one })),
        manifest: await manifestOf(said.task, said.version),
      })
    if (said.type !== 'experiment') return said
    const arms = said.arms.map(async ({ task, ...arm }) => ({
      ...arm,
      task: task && { ...task, manifest: await manifestOf(said.task, task.version) },
    }))
    return full({ ...said, from: said.from ?? now, arms: await Promise.all(arms) })
  }

  const nextAt = (now: number) => ({ n: board.entries + 1, at: Math.max(now, board.at + 1) })

  const write = (change: (now: number) => Promise<Change>, by: By): Promise<Entry> =>
    turns.next(async () => {
      const now = clock.now()
      const entry: Entry = plain({
        ...nextAt(now),
        ...checkBy(by),
        before: last,
        change: await change(now),
      })
      const after = apply(board, entry)
      if (!(await ledger.append(entry.n, entry)))
        throw new AppError('storage', 'Somebody else has written into the ledger.')
      board = after
      last = hashOf(entry)
      return entry
    })

  return {
    board: () => board,
    audit,
    change: (order, by) => write((now) => complete(order, now), by),
    note: (note, by) => write(async () => note, by),

    async dryRun(order, at) {
      const asked = clock.now()
      const [before, next] = [board, nextAt(asked)]
      const change = await complete(order, asked)
      const after = apply(before, { ...next, change })
      const now = Math.max(at ?? asked, next.at)
      const moves = new Map<string, DryRun['moves'][number]>()
      const arms: Record<string, number> = {}
      let [devices, hit, reaches] = [0, 0, 0]
      for await (const device of deviceFacts.all()) {
        devices++
        if (!('rule' in change) || hits(change.rule, device)) hit++
        const arm = change.type === 'experiment' && armOf(after.experiments.at(-1)!, device)
        if (arm) arms[arm.name] = (arms[arm.name] ?? 0) + 1
        const moved = movesBetween(activeList(before, device, now), activeList(after, device, now))
        if (moved.length > 0) reaches++
        for (const move of moved) {
          const key = canonical(move)
          moves.set(key, { ...move, devices: (moves.get(key)?.devices ?? 0) + 1 })
        }
      }
      const sorted = [...moves.values()].sort((a, b) =>
        a.task < b.task ? -1 : a.task > b.task ? 1 : b.devices - a.devices,
      )
      return { devices, hit, reaches, moves: sorted, arms }
    },

    async reach() {
      const now = Math.max(clock.now(), board.at)
      const standing = board.releases.filter(({ revoked }) => revoked === undefined)
      const found = standing.map((one) => ({ one, hit: 0, reaches: 0 }))
      const given = new Map<string, Map<number, number>>()
      let devices = 0
      for await (const { info, given: versions = {} } of deviceFacts.given()) {
        devices++
        for (const count of found) {
          if (hits(count.one.rule, info)) count.hit++
          if (reaches(count.one, info, now)) count.reaches++
        }
        for (const [task, version] of Object.entries(versions)) {
          const counts = given.get(task) ?? new Map<number, number>()
          given.set(task, counts.set(version, (counts.get(version) ?? 0) + 1))
        }
      }
      return {
        devices,
        releases: found.map(({ one, hit, reaches }) => ({ release: one.id, hit, reaches })),
        given: [...given]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .flatMap(([task, counts]) => versionsOf(task, counts, devices)),
      }
    },

    activeFor(device) {
      const now = Math.max(clock.now(), board.at)
      const list = activeList(board, device, now)
      return {
        list,
        etag: `"${createHash('sha256').update(canonical(list)).digest('base64url')}"`,
        since: steadySince(board, now),
      }
    },
  }
}

/** The newest first; last those that have none. */
function versionsOf(task: string, counts: ReadonlyMap<number, number>, devices: number): Reach['given'] {
  const some = [...counts].sort(([a], [b]) => b - a).map(([version, devices]) => ({ task, version, devices }))
  const none = devices - some.reduce((sum, { devices }) => sum + devices, 0)
  return none > 0 ? [...some, { task, version: null, devices: none }] : some
}

function movesBetween(before: ActiveList, after: ActiveList) {
  const [from, to] = [before, after].map(
    ({ tasks }) => new Map(tasks.map(({ task, version }) => [task, version])),
  )
  return [...new Set([...from!.keys(), ...to!.keys()])]
    .map((task) => ({ task, from: from!.get(task) ?? null, to: to!.get(task) ?? null }))
    .filter((move) => move.from !== move.to)
}

const hashOf = (entry: Entry): string => createHash('sha256').update(canonical(entry)).digest('hex')
