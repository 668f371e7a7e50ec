/**
 * The codes of a data folder: one learnt from the first rows that there are, and if they were few, another one from as many as
 * it takes. Which code a row was packed by follows from its sample's number: the second begins where the first ends.
 */
import * as z from 'zod'
import type { Store } from '../../store/store.ts'
import { codeSchema, learnCode } from './code.ts'
import { createPacking, type Packing } from './packing.ts'

const learntSchema = z.strictObject({
  /** The first sample that was packed by it. */
  from: z.int().min(0),
  /** How many rows it was learnt from. */
  rows: z.int().min(0),
  code: codeSchema,
})
/** More rows make no better code. */
export const ENOUGH = 2000
const keyOf = (n: number) => `packing-${n}`

type Kept = Pick<Store, 'meta' | 'samples'>

export interface Packings {
  /** What the row of a sample was packed by. Throws `RangeError` before there is any. */
  of(sample: number): Packing
  /** What rows are packed by from now on. */
  newest(): Packing | undefined
  /** Takes notice of a code that was learnt meanwhile, maybe in another thread. */
  refresh(): Promise<void>
  /** `refresh`, unless it is certain that samples up to this one have the codes that are known. */
  cover(sample: number): Promise<void>
  /** Learns a code if there is none, or if there are enough samples now for a better one; `first` gives the first rows. */
  learn(first: () => Promise<readonly Uint8Array[]>): Promise<void>
  /** Rows as they were encoded; undefined for a sample that is gone. */
  rows(samples: ArrayLike<number>): Promise<(Uint8Array | undefined)[]>
}

export function createPackings({ meta, samples }: Kept): Packings {
  const known: (z.infer<typeof learntSchema> & { packing: Packing })[] = []
  /** A code that is not known here yet packs no sample below this. */
  let covered = 0

  async function refresh(): Promise<void> {
    const next = await samples.next()
    for (;;) {
      const learnt = await meta.get(keyOf(known.length), learntSchema)
      if (!learnt) break
      known.push({ ...learnt, packing: createPacking(learnt.code) })
    }
    covered = next
  }

  function of(sample: number): Packing {
    const found = known.findLast(({ from }) => from <= sample)
    if (!found) throw new RangeError('no row was packed yet')
    return found.packing
  }

  async function rows(ids: ArrayLike<number>): Promise<(Uint8Array | undefined)[]> {
    await refresh()
    const packed = await samples.rows(ids)
    return packed.map((row, i) => row && of(ids[i]!).unpack(row))
  }

  /** Some of the rows that there are. */
  async function some(): Promise<Uint8Array[]> {
    const { ids } = await samples.owned()
    return (await rows(spread(ids, ENOUGH))).filter((row) => row !== undefined)
  }

  return {
    of,
    newest: () => known.at(-1)?.packing,
    refresh,
    async cover(sample) {
      if (sample >= covered) await refresh()
    },
    async learn(first) {
      await refresh()
      const last = known.at(-1)
      if (last && (last.rows >= ENOUGH || (await samples.count()) < ENOUGH)) return
      const from = await samples.next()
      const taught = last ? await some() : spread(await first(), ENOUGH)
      if (taught.length === 0) return
      await meta.put(keyOf(known.length), { from, rows: taught.length, code: learnCode(taught) })
      await refresh()
    },
    rows,
  }
}

/** `count` of them at most, at even distances. */
export function spread<T>(all: ArrayLike<T>, count: number): T[] {
  const step = Math.max(1, all.length / count)
  return Array.from({ length: Math.min(count, all.length) }, (_, i) => all[Math.floor(i * step)]!)
}
