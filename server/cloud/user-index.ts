/**
 * The index of all users who have a vector: opened from its file and brought up to the profiles, kept there as they change,
 * and published (checked, then written) once a day.
 */
import { join } from 'node:path'
import type { Mark } from '../store/ports/events.ts'
import type { Profile } from '../store/ports/samples.ts'
import { INDEX, indexFileSchema, loadIndex, saveIndex, sweepIndexes } from './index-file.ts'
import { createGraph, threadsFor } from './matching.ts'
import { createNeighbours, isWorn, type Neighbours, type Query, renewed } from './neighbours.ts'
import { recallOf } from './recall.ts'
import type { Room } from './room.ts'
import { createTurns } from './turns.ts'
import { isZero } from './vectors.ts'

/** Users who are put into an index at a time. */
const CHUNK = 20_000
/** Users that a check asks for, and the share of their neighbours that must be found: below it something is broken. */
const CANARIES = 64
const LEAST_RECALL = 0.95

export interface UserIndex {
  readonly neighbours: Neighbours
  /** Brings the index up to the profiles that have changed; tells how many users moved. */
  follow(): Promise<number>
  /** Takes a user out, at once and for good: the file, which has their vector, goes. The next `publish` or `save` writes another. */
  forget(user: number): Promise<void>
  /** Writes the file anew that `forget` removed. */
  save(): Promise<void>
  /**
   * Writes the index, if anything changed, once it has found what it must of a sample of users: else it is built anew, and
   * if that finds no more, the one that was published last stays, with those in it who have not moved. Gives the recall.
   */
  publish(): Promise<number>
}

export type Judge = (index: Neighbours, k: number) => number
const canaries: Judge = (index, k) => recallOf(index, k, CANARIES, index.points)

export async function openUserIndex(room: Room, dims: number, judge = canaries): Promise<UserIndex> {
  const { store, dir, hyper, linkThreads, tell } = room
  const folder = join(dir, 'index')
  /** Files and their name in the store change together, or one is swept away while the other is written. */
  const files = createTurns()
  let changed = false
  let broken = false
  let forgotten = false
  let neighbours = await opened()

  async function stored() {
    const file = await store.meta.get(INDEX, indexFileSchema)
    if (!file || file.dims !== dims) return undefined
    try {
      return loadIndex(folder, file, linkThreads)
    } catch (error) {
      tell('The index cannot be read, and is built anew.', { reason: (error as Error).message })
      return undefined
    }
  }

  async function opened(): Promise<Neighbours> {
    const marks = await store.profiles.moved()
    const found = await stored()
    const threads = threadsFor(await store.users.count(), linkThreads)
    const index = found ?? createNeighbours(createGraph(dims, threads))
    const points = index.points
    await fill((users) => index.put(users))
    await store.profiles.settleMoved(marks)
    if (!found || index.points > points) changed = true
    return index
  }

  /** Gives all users who have a vector to `put`, some at a time. */
  async function fill(put: (users: Query[]) => void): Promise<void> {
    let users: Query[] = []
    for await (const profile of store.profiles.all()) {
      if (!isZero(profile.sum)) users.push(queryOf(profile))
      if (users.length < CHUNK) continue
      put(users)
      users = []
    }
    put(users)
  }

  const write = () =>
    files.next(async () => {
      const file = saveIndex(folder, neighbours)
      changed = false
      forgotten = false
      await store.meta.put(INDEX, file)
      sweepIndexes(folder, file.name)
    })

  function renew(): void {
    neighbours = renewed(neighbours, linkThreads)
    changed = true
  }

  /** The index as it was published, with those in it who are where they were. */
  async function last(): Promise<Neighbours | undefined> {
    const index = await stored()
    if (index) await fill((users) => index.attach(users))
    return index
  }

  async function move(marks: readonly Mark[]): Promise<number> {
    const users: Query[] = []
    for (const { user } of marks) {
      const profile = await store.profiles.of(user)
      if (profile && !isZero(profile.sum)) users.push(queryOf(profile))
      else neighbours.remove(user)
    }
    const moved = neighbours.put(users)
    if (moved > 0) changed = true
    await store.profiles.settleMoved(marks)
    return moved
  }

  return {
    get neighbours() {
      return neighbours
    },
    async follow() {
      store.refresh()
      let moved = 0
      if (broken) {
        neighbours = await opened()
        broken = false
        return neighbours.count
      }
      const marks = await store.profiles.moved()
      for (let at = 0; at < marks.length; at += CHUNK) moved += await move(marks.slice(at, at + CHUNK))
      return moved
    },
    async forget(user) {
      neighbours.remove(user)
      changed = true
      await files.next(async () => {
        forgotten ||= (await store.meta.get(INDEX, indexFileSchema)) !== undefined
        await store.meta.remove(INDEX)
        sweepIndexes(folder, undefined)
      })
    },
    async save() {
      if (forgotten && !broken) await write()
    },
    async publish() {
      const { neighbours: k } = hyper
      if (isWorn(neighbours, linkThreads)) renew()
      if (!changed) return 1
      let recall = judge(neighbours, k)
      if (recall < LEAST_RECALL) {
        tell('The index finds too few of the nearest users, and is built anew.', { recall })
        renew()
        recall = judge(neighbours, k)
      }
      if (recall >= LEAST_RECALL) {
        await write()
        return recall
      }
      tell('The index built anew finds too few, too: the one that was published last stays.', { recall })
      neighbours = (await last()) ?? neighbours
      broken = true
      return recall
    },
  }
}

const queryOf = ({ user, sum }: Profile): Query => ({ user, vector: sum })
