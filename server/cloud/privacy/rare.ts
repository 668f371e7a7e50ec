/**
 * k holds for what is handed out, not only for what is made: when users leave, a value that was known by enough may be known
 * by too few, and then the samples that name it go. What any sample may name is on record before it is made; so a crash
 * between a departure and its consequences leaves something to find.
 */
import * as z from 'zod'
import { FIRST_ID, UNKNOWN_ID } from '../../../shared/catalogue.ts'
import { decodeSample } from '../../../shared/codec.ts'
import type { Sample } from '../../../shared/sample.ts'
import { type FeatureSchema, layoutOf, type Slot } from '../../../shared/schema.ts'
import { createPackings } from '../packing/folder.ts'
import { needPopulation } from '../population.ts'
import type { Room } from '../room.ts'
import { createValues, type Values } from './values.ts'

/** A bit for each value, least first, in base64. */
const NAMED = 'named'
const namedSchema = z.base64()

type Kept = Pick<Room, 'store' | 'privacy'>

/** Removes the samples that name what fewer than k users have shown by now; gives their numbers. */
export async function hideRare(room: Kept): Promise<Uint32Array> {
  const { store, privacy } = room
  const named = await store.meta.get(NAMED, namedSchema)
  if (named === undefined) return new Uint32Array()
  const counts = await store.viewers.counts()
  const rare = new Set<number>()
  for (const value of bitsOf(Buffer.from(named, 'base64')))
    if ((counts[value] ?? 0) < privacy.hideBelow) rare.add(value)
  return rare.size === 0 ? new Uint32Array() : removeNaming(room, rare)
}

/**
 * Puts on record what samples may name from now on; before any is made, while none is being made, and after `hideRare`.
 */
export async function noteNames({ store, privacy }: Kept): Promise<void> {
  const counts = await store.viewers.counts()
  const bits = Buffer.alloc(Math.ceil(counts.length / 8))
  counts.forEach((count, value) => {
    if (count >= privacy.hideBelow) bits[value >> 3]! |= 1 << (value & 7)
  })
  const named = bits.toString('base64')
  if (named !== (await store.meta.get(NAMED, namedSchema))) await store.meta.put(NAMED, named)
}

async function removeNaming({ store }: Kept, rare: ReadonlySet<number>): Promise<Uint32Array> {
  const { schema, catalogue, dayMs } = await needPopulation(store)
  const names = namesIn(schema, createValues(schema, catalogue))
  const packings = createPackings(store)
  const gone: { user: number; ids: number[] }[] = []
  // Who names it has shown it: fewer than k users.
  for (const user of await store.viewers.of(rare)) {
    const { ids } = await store.samples.of(user)
    const rows = await packings.rows(ids)
    const named = [...ids].filter((_, i) => {
      const row = rows[i]
      return row && names(decodeSample(schema, row, dayMs), rare)
    })
    if (named.length > 0) gone.push({ user, ids: named })
  }
  await store.samples.remove(gone)
  return Uint32Array.from(gone.flatMap(({ ids }) => ids))
}

/** Whether a sample names any of some values. A sketch names none: of the few clicks that could be told from it, the sequence tells. */
function namesIn(schema: FeatureSchema, values: Values) {
  const { slots } = layoutOf(schema)
  return (sample: Sample, rare: ReadonlySet<number>): boolean =>
    slots.some((slot) => {
      const number = numberOf(slot, values)
      if (!number) return false
      const { feature, at, width } = slot
      for (let i = 0; i < width; i++)
        if (feature.kind === 'dense') {
          if (sample.dense[at + i] !== 0 && rare.has(number(i))) return true
        } else {
          const id = sample.ids[at + i]!
          if (id > UNKNOWN_ID && rare.has(number(id))) return true
        }
      return false
    })
}

/** The number of the value that an id of a feature stands for, or that a dense feature has at a place; undefined where none is. */
function numberOf({ feature }: Slot, { category, value }: Values): ((id: number) => number) | undefined {
  if (feature.kind === 'dense') {
    if (feature.from === 'taste') return category
    if (feature.from === 'behaviour-counts') return (i) => value('behaviour', FIRST_ID + i)
    return undefined
  }
  const { from, vocabulary } = feature
  if (from === 'item' || from === 'clicks') return (id) => id - FIRST_ID
  if (from === 'category' || from === 'categories') return (id) => category(id - FIRST_ID)
  return (id) => value(vocabulary, id)
}

function* bitsOf(bytes: Uint8Array): Generator<number> {
  for (let at = 0; at < bytes.length; at++)
    for (let bit = 0; bit < 8; bit++) if (bytes[at]! & (1 << bit)) yield 8 * at + bit
}
