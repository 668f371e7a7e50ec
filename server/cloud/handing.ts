/** What devices are handed: batches, artifacts and rows of tables, each the same bytes every time. */
import type { RowsRequest } from '../../shared/api.ts'
import type { Store } from '../store/store.ts'
import { assembleBatch } from './packing/batch.ts'
import { createPackings } from './packing/folder.ts'
import type { Population } from './population.ts'
import { type Artifact, readArtifact } from './release.ts'
import { createTables } from './rows.ts'

/** Artifacts that are kept at hand. */
const AT_HAND = 8

type Bytes = Uint8Array<ArrayBuffer>

export interface Handing {
  /** Batch `n` as raw deflate; undefined where there is none. */
  batch(user: number, day: number, n: number): Promise<Bytes | undefined>
  artifact(sha256: string): Promise<Artifact | undefined>
  /** Rows of a sliced table; undefined where there is no such table (any more). Throws `bad-input` for ids beyond it. */
  rows(request: RowsRequest): Promise<Bytes | undefined>
}

export interface HandingDeps {
  readonly dir: string
  readonly store: Store
  /** What samples are called outside follows from it. */
  readonly key: Buffer
  readonly batchesPerDay: number
  population(): Population | undefined
  /** Those of tasks. */
  artifactOfTasks(sha256: string): Promise<Artifact | undefined>
}

export function createHanding(deps: HandingDeps): Handing {
  const { dir, store, key, batchesPerDay, population, artifactOfTasks } = deps
  const artifacts = new Map<string, Artifact>()
  const tables = createTables(dir)
  const packings = createPackings(store)

  return {
    async batch(user, day, n) {
      const about = population()
      if (n >= batchesPerDay || !about) return undefined
      const ids = await store.mappings.batch(user, day, n)
      if (!ids) return undefined
      await packings.cover(ids.at(-1) ?? 0)
      const { schema, dayMs } = about
      return assembleBatch({ schema, dayMs, packings, key, samples: store.samples }, user, ids)
    },
    async artifact(sha256) {
      const known =
        artifacts.get(sha256) ?? (await readArtifact(dir, sha256)) ?? (await artifactOfTasks(sha256))
      if (!known) return undefined
      if (!artifacts.has(sha256) && artifacts.size >= AT_HAND)
        artifacts.delete(artifacts.keys().next().value!)
      artifacts.set(sha256, known)
      return known
    },
    async rows({ table, sha256, ids }) {
      const dim = population()?.schema.vocabularies[table]?.dim
      return dim === undefined ? undefined : tables.read(sha256, dim, ids)
    },
  }
}
