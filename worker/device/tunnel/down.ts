/** What comes down: the data, which tasks are active, artifacts by hash, batches of matched samples, embedding rows. */
import {
  type ActiveAnswer,
  type ActiveRequest,
  activeSchema,
  type BatchList,
  batchListSchema,
  type RowsRequest,
} from '../../../shared/api.ts'
import { decodeBatch } from '../../../shared/codec.ts'
import { AppError } from '../../../shared/failure.ts'
import { sha256 as hash, reprDigest } from '../../../shared/hash.ts'
import type { MatchedSample } from '../../../shared/sample.ts'
import type { FeatureSchema } from '../../../shared/schema.ts'
import { type Manifest, manifestSchema } from '../../../shared/task.ts'
import { getState } from '../storage/state.ts'
import type { Db } from '../storage/tables.ts'
import { type Answer, asJson, type Line, Refusal, readAs, unlessTooLong } from './line.ts'

/** A batch beyond this is refused: it holds ≤ 40 samples. */
const MAX_BATCH = 256 << 10
/** Largest artifact that a manifest may ask for: 50 M weights. */
const MAX_ARTIFACT = 200 << 20

type TaskAnswer =
  | { readonly state: 'unchanged' }
  | { readonly state: 'none' }
  | {
      readonly state: 'new'
      readonly manifest: Manifest
      readonly etag: string | null
      /** Of the manifest as it came. */
      readonly sha256: string
    }

/** What is active for this device, as it came. */
interface ActiveCome {
  readonly answer: ActiveAnswer
  readonly etag: string | null
  /** What time it is at the server, ms; undefined where it does not say. */
  readonly at: number | undefined
}

export interface Down {
  task(etag: string | null, signal?: AbortSignal): Promise<TaskAnswer>
  /** What is active for this device, or null where it is what it was when the ETag came. */
  active(said: ActiveRequest, etag: string | null, signal?: AbortSignal): Promise<ActiveCome | null>
  /** Throws `bad-artifact` unless the bytes are those that were promised. */
  artifact(promised: Manifest['model'], signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>
  batches(signal?: AbortSignal): Promise<BatchList>
  /** Batch `n` of `day`, and the bytes that it took. */
  batch(
    schema: FeatureSchema,
    day: number,
    n: number,
    signal?: AbortSignal,
  ): Promise<{ samples: MatchedSample[]; bytes: number }>
  /**
   * Rows of `dim` numbers of a table, one after the other; null where the server has that table no more. Throws
   * `bad-artifact` unless they are finite, and as many and the very ones that the server sent.
   */
  rows(request: RowsRequest, dim: number, signal?: AbortSignal): Promise<Float32Array<ArrayBuffer> | null>
}

export interface DownDeps {
  readonly db: Db
  readonly line: Line
  /** The same, by a device that shows who it is. */
  readonly ask: Line
  /** The way to artifacts. */
  readonly near: Line
}

export function createDown({ db, line, ask, near }: DownDeps): Down {
  return {
    async task(etag, signal) {
      const headers: Record<string, string> = etag === null ? {} : { 'if-none-match': etag }
      // Who is not registered yet need not wait for that.
      const asking = (await getState(db, 'identity')) ? ask : line
      try {
        return await asking(
          '/api/task',
          { headers, cache: 'no-store' },
          async (answer): Promise<TaskAnswer> => {
            if (answer.status === 304) return { state: 'unchanged' }
            const bytes = await answer.jsonBytes()
            const manifest = readAs(manifestSchema, bytes)
            return { state: 'new', manifest, etag: answer.header('etag'), sha256: await hash(bytes) }
          },
          signal,
        )
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) return { state: 'none' }
        throw error
      }
    },

    active(said, etag, signal) {
      const request = asJson(said)
      const headers = { ...request.headers, ...(etag !== null && { 'if-none-match': etag }) }
      const read = async (answer: Answer): Promise<ActiveCome | null> => {
        if (answer.status === 304) return null
        const at = Date.parse(answer.header('date') ?? '')
        return {
          answer: await answer.json(activeSchema),
          etag: answer.header('etag'),
          at: Number.isNaN(at) ? undefined : at,
        }
      }
      return ask('/api/active', { ...request, headers, cache: 'no-store' }, read, signal)
    },

    async artifact({ sha256, bytes: length }, signal) {
      if (length > MAX_ARTIFACT)
        throw new AppError('bad-artifact', `An artifact of ${length} bytes is too large.`)
      const get = async (cache: 'default' | 'reload') => {
        // One byte more than promised is room enough to see that there is too much.
        const read = near(`/artifacts/${sha256}`, { cache }, (answer) => answer.bytes(length + 1), signal)
        const bytes = await read.catch(unlessTooLong)
        return bytes?.length === length && (await hash(bytes)) === sha256 ? bytes : undefined
      }
      // What is immutable is cached for ever, and so would be a damaged copy: the second try goes round the cache.
      const bytes = (await get('default')) ?? (await get('reload'))
      if (!bytes) throw new AppError('bad-artifact', `Artifact ${sha256} is not what its name promises.`)
      return bytes
    },

    batches: (signal) =>
      ask('/api/batches', { cache: 'no-store' }, (answer) => answer.json(batchListSchema), signal),

    async batch(schema, day, n, signal) {
      const bytes = await ask(`/api/batches/${day}/${n}`, {}, (answer) => answer.bytes(MAX_BATCH), signal)
      return { samples: decodeBatch(schema, bytes), bytes: bytes.length }
    },

    async rows(request, dim, signal) {
      const length = request.ids.length * dim * Float32Array.BYTES_PER_ELEMENT
      const read = async (answer: Answer) => {
        const bytes = await answer.bytes(length)
        const digests = answer.header('repr-digest')?.split(/, */) ?? []
        const values = bytes.length === length ? new Float32Array(bytes.buffer) : undefined
        if (!values?.every(Number.isFinite) || !digests.includes(await reprDigest(bytes)))
          throw new AppError('bad-artifact', 'The embedding rows that came are not those that were sent.')
        return values
      }
      try {
        return await ask('/api/rows', asJson(request), read, signal)
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) return null
        throw error
      }
    },
  }
}
