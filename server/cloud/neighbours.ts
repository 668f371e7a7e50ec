/** The index over all users, kept in a file that is rebuilt when a user vector has changed. */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { sha256Schema } from '../../shared/task.ts'
import { Neighbours, type Query } from './matching.ts'
import type { Room } from './room.ts'
import { isZero, vectorOf } from './vectors.ts'

const INDEX = 'index'
const indexSchema = z.strictObject({
  file: z.string(),
  sha256: sha256Schema,
  dims: z.int().positive(),
  count: z.int().min(0),
  /** The `changes` that it knows of. */
  changes: z.int().min(0),
})

/** The index as it was last written; undefined if there is none, or none that can be trusted. */
export async function openIndex(room: Room): Promise<{ sha256: string; neighbours: Neighbours } | undefined> {
  const entry = await room.store.meta.get(INDEX, indexSchema)
  if (!entry) return undefined
  const { file, changes: _, ...promised } = entry
  const path = join(folder(room), file)
  if (!existsSync(path)) return undefined
  try {
    return { sha256: entry.sha256, neighbours: Neighbours.load(path, promised) }
  } catch {
    // A damaged index is worth nothing, and the next preparation builds another.
    return undefined
  }
}

export const indexHash = async (room: Room): Promise<string | undefined> =>
  (await room.store.meta.get(INDEX, indexSchema))?.sha256

/** An index of every user who has a vector, as things stand: the one there is, or a new one. */
export async function freshIndex(room: Room, dims: number): Promise<Neighbours> {
  const entry = await room.store.meta.get(INDEX, indexSchema)
  if (entry?.changes === (await room.store.samples.changes())) {
    const opened = await openIndex(room)
    if (opened) return opened.neighbours
  }
  return rebuildIndex(room, dims)
}

/** Somebody may be erased meanwhile: what is published last knows of everything before it. */
export async function rebuildIndex(room: Room, dims: number): Promise<Neighbours> {
  const { store } = room
  for (;;) {
    const changes = await store.samples.changes()
    const users: Query[] = []
    for await (const profile of store.samples.profiles()) {
      const vector = vectorOf(profile)
      if (!isZero(vector)) users.push({ user: profile.user, vector })
    }
    const neighbours = Neighbours.build(dims, users)
    await publish(room, neighbours, changes)
    store.refresh()
    if ((await store.samples.changes()) === changes) return neighbours
  }
}

async function publish(room: Room, neighbours: Neighbours, changes: number): Promise<void> {
  mkdirSync(folder(room), { recursive: true })
  const file = `${crypto.randomUUID()}.usearch`
  const saved = neighbours.save(join(folder(room), file))
  await room.store.meta.put(INDEX, { file, ...saved, changes })
  for (const other of readdirSync(folder(room)))
    if (other.endsWith('.usearch') && other !== file) rmSync(join(folder(room), other), { force: true })
}

const folder = ({ dir }: Room): string => join(dir, 'index')
