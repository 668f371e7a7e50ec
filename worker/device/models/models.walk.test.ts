/**
 * Random walks through Figure 6, for two models on one disk, against a naive model of it: each operation is a list of the
 * states that it goes through. The process is killed between any two operations of the database, and blobs are damaged or
 * lost; what is stored must be one of those states, and whatever is served must be whole.
 */

import { IDBFactory } from 'fake-indexeddb'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { sha256 } from '../../../shared/hash.ts'
import { createLocks } from '../../locks.ts'
import { type Faults, killAfter, withFaults } from '../../testing/faults.ts'
import { type Held, type Op, outcomeOf, repaired, type State } from '../../testing/figure6.ts'
import { dbOn, handClock } from '../../testing/storage.ts'
import { getState, putState } from '../storage/state.ts'
import type { Db, Slot } from '../storage/tables.ts'
import { createModels, type Models } from './models.ts'

const NAMES = ['films', 'news'] as const
type Name = (typeof NAMES)[number]
type States = Readonly<Record<Name, State>>
/** What is stored: models, and the mark that the last operation wrote along with its own. */
interface World {
  readonly models: States
  readonly mark: string
}

const bytesOf = (content: number) => Uint8Array.of(content, 1, 2, 3)
const training = { since: 0, seed: 1, of: '', checkpoint: null }

class Device {
  readonly disk = new IDBFactory()
  db!: Db
  models!: Models
  faults!: Faults
  locks!: ReturnType<typeof createLocks>
  constructor() {
    this.open()
  }
  /** As after a kill: nothing is left but the disk. */
  open(): void {
    this.db?.close()
    this.db = dbOn(this.disk)
    this.faults = withFaults(this.db)
    this.locks = createLocks()
    this.models = createModels({ db: this.db, locks: this.locks, clock: handClock(1000) })
  }

  async do(name: Name, op: Op, mark: string): Promise<unknown> {
    const also = () => putState(this.db, 'cutUpTo', mark)
    switch (op.kind) {
      case 'receive': {
        const bytes = bytesOf(op.content)
        return this.models.receive({ name, version: 1, sha256: await sha256(bytes), bytes }, also)
      }
      case 'train':
      case 'checkpoint': {
        const { row } = await this.models.base(name)
        const ended = op.kind === 'train'
        return this.models.buffer(name, row.sha256, bytesOf(op.content), { ...training, ended })
      }
      case 'load':
        return this.models.load(name)
      default:
        return this.models[op.kind](name, also)
    }
  }

  async damage(name: Name, slot: Slot, how: 'flip' | 'lose'): Promise<void> {
    const blob = this.db.blobs.where('[name+slot]').equals([name, slot])
    if (how === 'lose') await blob.delete()
    else
      await blob.modify((row) => {
        Object.assign(row, { bytes: Uint8Array.from(row.bytes, (byte) => byte ^ 1) })
      })
  }

  /** What is stored, looked at past everything of ours. */
  async look(contents: ReadonlyMap<string, number>): Promise<World> {
    const { db } = this
    const [rows, blobs, mark] = await db.transaction('r', db.models, db.blobs, db.state, () =>
      Promise.all([db.models.toArray(), db.blobs.toArray(), getState(db, 'cutUpTo')]),
    )
    const models: Record<Name, Partial<Record<Slot, Held>>> = { films: {}, news: {} }
    for (const { name, slot, sha256: due, base, training } of rows) {
      const blob = blobs.find((other) => other.name === name && other.slot === slot)
      models[name as Name][slot] = {
        content: contents.get(due)!,
        whole: blob !== undefined && (await sha256(blob.bytes)) === due,
        ...(slot === 'Mbuf' && { base: contents.get(base!)!, ended: training!.ended }),
      }
    }
    return { models, mark: mark ?? '' }
  }
}

// ── The walk ────────────────────────────────────────────────────────────────────────────────────────────────────────

const content = fc.nat(9)
const op: fc.Arbitrary<Op> = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant('receive' as const), content }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant('train' as const), content }), weight: 4 },
  { arbitrary: fc.record({ kind: fc.constant('checkpoint' as const), content }), weight: 1 },
  { arbitrary: fc.record({ kind: fc.constant('commit' as const) }), weight: 4 },
  { arbitrary: fc.record({ kind: fc.constantFrom('discard' as const, 'rollback', 'load') }), weight: 3 },
)
/** Mostly nothing. */
const now = <T>(arbitrary: fc.Arbitrary<T>, weight: number): fc.Arbitrary<T | null> =>
  fc.oneof({ arbitrary: fc.constant(null), weight: 10 - weight }, { arbitrary, weight })
const step = fc.record({
  name: fc.constantFrom(...NAMES),
  op,
  /** After so many operations of the database the process is killed. */
  kill: now(fc.nat(8), 4),
  /** Before it, a blob is damaged. */
  damage: now(
    fc.record({
      slot: fc.constantFrom<Slot[]>('M', 'M0', 'Mbuf'),
      how: fc.constantFrom('flip' as const, 'lose' as const),
    }),
    1,
  ),
})

let device: Device
afterEach(() => device.db.close())

test('a walk through Figure 6, with kills and damage, stays on its paths and serves nothing but whole models', async () => {
  const contents = new Map<string, number>()
  for (let n = 0; n < 10; n++) contents.set(await sha256(bytesOf(n)), n)
  const committed = { done: 0, killed: 0, failed: 0 }

  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 24 }), async (steps) => {
      device?.db.close()
      device = new Device()
      let world: World = { models: { films: {}, news: {} }, mark: '' }
      const put = (name: Name, state: State, mark = world.mark): World => ({
        models: { ...world.models, [name]: state },
        mark,
      })
      for (const [i, { name, op, kill, damage }] of steps.entries()) {
        if (damage) {
          await device.damage(name, damage.slot, damage.how)
          world = await device.look(contents)
        }
        const { path, fails, marked } = outcomeOf(world.models[name], op)
        const mark = `${i}`
        const ways = [
          world,
          ...path.map((state, j) => put(name, state, marked && j === path.length - 1 ? mark : world.mark)),
        ]
        if (kill === null) {
          const answer = await device.do(name, op, mark).then(
            (value) => ({ value }),
            (error) => ({ error }),
          )
          if (fails) expect(answer).toMatchObject({ error: { name: 'AppError' } })
          else expect(answer).not.toHaveProperty('error')
          world = await device.look(contents)
          expect(world).toEqual(ways.at(-1))
          if (op.kind === 'commit') committed[fails ? 'failed' : 'done']++
        } else {
          killAfter(device.faults, kill)
          await device.do(name, op, mark).catch(() => {})
          device.open()
          world = await device.look(contents)
          expect(ways).toContainEqual(world)
          if (op.kind === 'commit') committed.killed++
        }
        await servesOnlyWhole(name, world.models[name])
        world = await device.look(contents) // which may have repaired M
      }
    }),
    { numRuns: 60, seed: 6 },
  )
  // The walk went where it matters.
  for (const times of Object.values(committed)) expect(times).toBeGreaterThan(10)
}, 120_000)

/** What M is, or M0 in its place; while M's lock is held, M0. */
async function servesOnlyWhole(name: Name, state: State): Promise<void> {
  if (state.M0?.whole) {
    const locked = device.locks.request(`kindred:model:${name}`, {}, () => device.models.load(name))
    expect((await locked).bytes).toEqual(bytesOf(state.M0.content))
  }
  const ready = repaired(state)
  if (ready) expect((await device.models.load(name)).bytes).toEqual(bytesOf(ready.M!.content))
  else await expect(device.models.load(name)).rejects.toMatchObject({ name: 'AppError' })
}
