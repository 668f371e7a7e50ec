/** What it takes to keep each sample once and two mappings, and what it would take to keep every user's matches whole. */
import { join } from 'node:path'
import { openStore } from '../../../store/lmdb.ts'
import type { Store } from '../../../store/store.ts'
import { filled, type Part } from './part.ts'

export interface Weight {
  readonly samples: number
  /** Users who were given something, each day by itself. */
  readonly matches: number
  /** Samples in all that they were given. */
  readonly matched: number
  /** The samples' own bytes, packed as they are; bytes of all that one would have who kept each user's matches whole. */
  readonly own: number
  readonly naive: number
  /** Bytes that the tables take on disk, whole pages: samples, whose they are, who is given them. */
  readonly disk: { readonly samples: number; readonly owners: number; readonly mappings: number }
}

/** Rows that are looked at together. */
const CHUNK = 10_000

export async function weigh({ samples, mappings, sizes }: Store): Promise<Weight> {
  const { ids } = await samples.owned()
  const lengths = new Map<number, number>()
  let own = 0
  for (let at = 0; at < ids.length; at += CHUNK) {
    const some = ids.subarray(at, at + CHUNK)
    for (const [i, row] of (await samples.rows(some)).entries()) {
      lengths.set(some[i]!, row?.length ?? 0)
      own += row?.length ?? 0
    }
  }
  let matches = 0
  let matched = 0
  let naive = own
  for await (const { batches } of mappings.all()) {
    matches++
    for (const batch of batches)
      for (const id of batch) {
        matched++
        naive += lengths.get(id) ?? 0
      }
  }
  const tables = await sizes()
  const bytesOf = (prefix: string) =>
    tables.filter(({ name }) => name.startsWith(prefix)).reduce((sum, { bytes }) => sum + bytes, 0)
  const disk = { samples: bytesOf('samples-'), owners: bytesOf('owned-'), mappings: bytesOf('mappings-') }
  return { samples: ids.length, matches, matched, own, naive, disk }
}

const ratio = (bytes: number, own: number): number => Math.round((1000 * bytes) / own) / 1000

export const storage: Part = async (bench) => {
  const { source } = await filled(bench)
  bench.progress('Weighing the store', 0, 1)
  const store = openStore(join(bench.dir, 'store'))
  try {
    const weight = await weigh(store)
    bench.progress('Weighing the store', 1, 1)
    const { disk, own, naive } = weight
    const bytes = disk.samples + disk.owners + disk.mappings
    return {
      'cloud.storage_ratio': {
        value: own === 0 ? null : ratio(bytes, own),
        detail: {
          source,
          ...(own === 0 && { why: 'there are no samples' }),
          ...weight,
          naiveRatio: own === 0 ? null : ratio(naive, own),
        },
      },
    }
  } finally {
    await store.close()
  }
}
