/**
 * The way to the server and back. Up: events leave the outbox aggregated and compressed, and are deleted only after the
 * server has acknowledged them; their ids make a repeated upload harmless. Down: the task, its artifacts by hash, and
 * batches of matched samples. Whatever else answers than our server — a captive portal, a proxy, a cut line — ends in a
 * typed failure and changes nothing.
 */
import { zlibSync } from 'fflate'
import type * as z from 'zod'
import {
  acceptedSchema,
  type BatchList,
  batchListSchema,
  type Erased,
  erasedSchema,
  problemSchema,
  type Registration,
  registrationSchema,
} from '../../shared/api.ts'
import { decodeBatch } from '../../shared/codec.ts'
import { MAX_EVENTS } from '../../shared/event.ts'
import { AppError, type FailureCode, parse } from '../../shared/failure.ts'
import { sha256 as hash } from '../../shared/hash.ts'
import type { MatchedSample } from '../../shared/sample.ts'
import type { FeatureSchema } from '../../shared/schema.ts'
import { type Manifest, manifestSchema } from '../../shared/task.ts'
import type { Platform, Request } from '../platform.ts'
import { count, type Db, getState, putState } from './db.ts'

/** Longest that one request may take. */
const TIMEOUT_MS = 30_000
/** Longest that a `Retry-After` is honoured: a wrong one must not silence the device for ever. */
const MAX_PATIENCE_MS = 3_600_000
/** Answers beyond these are refused: a manifest lists a schema's values, a batch holds ≤ 40 samples. */
const MAX_JSON = 4 << 20
const MAX_BATCH = 256 << 10
/** Largest artifact that a manifest may ask for: 50 M weights. */
const MAX_ARTIFACT = 200 << 20

type TaskAnswer =
  | { readonly state: 'unchanged' }
  | { readonly state: 'none' }
  | { readonly state: 'new'; readonly manifest: Manifest; readonly etag: string | null }

export interface Tunnel {
  /** This device's name at the server, registering if it has none. */
  identify(signal?: AbortSignal): Promise<Registration>
  /** Sends everything that waits in the outbox. What was not acknowledged when it throws is still there. */
  flush(signal?: AbortSignal): Promise<void>
  task(etag: string | null, signal?: AbortSignal): Promise<TaskAnswer>
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
  /** Has the server erase everything of this device; null where the server knows nothing of it. */
  erase(signal?: AbortSignal): Promise<Erased | null>
}

export function createTunnel({
  db,
  fetch,
  locks,
  clock,
}: { db: Db } & Pick<Platform, 'fetch' | 'locks' | 'clock'>): Tunnel {
  let silentUntil = 0

  /** Sends one request. Throws `offline` without an answer, and what `problem` makes of an answer ≥ 400. */
  async function send(path: string, request: Request, signal?: AbortSignal): Promise<Response> {
    const patience = silentUntil - clock.now()
    if (patience > 0 && patience <= MAX_PATIENCE_MS)
      throw new AppError('refused', `The server asked to be left alone for ${Math.ceil(patience / 1000)} s.`)
    const timeout = AbortSignal.timeout(TIMEOUT_MS)
    const stop = signal ? AbortSignal.any([signal, timeout]) : timeout
    const response = await reach(() => fetch(path, { ...request, signal: stop }), signal)
    if (response.status < 400) return response
    const wait = Number(response.headers.get('retry-after'))
    if (response.status === 429 && wait > 0) silentUntil = clock.now() + wait * 1000
    throw await problem(response, signal)
  }

  /** Sends with this device's credential. A server that does not know it (any more) gets one new registration. */
  async function ask(path: string, request: Request, signal?: AbortSignal): Promise<Response> {
    const identity = await identify(signal)
    try {
      return await send(path, authorised(request, identity), signal)
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'unauthorised')) throw error
      return send(path, authorised(request, await identify(signal, identity)), signal)
    }
  }

  /** The stored identity, or a new one; `refused` is one that the server no longer accepts. */
  async function identify(signal?: AbortSignal, refused?: Registration): Promise<Registration> {
    const stored = await getState(db, 'identity')
    if (stored && stored.credential !== refused?.credential) return stored
    // Another tab may be registering this very moment.
    return locks.request('kindred:identity', signal ? { signal } : {}, async () => {
      const present = await getState(db, 'identity')
      if (present && present.credential !== refused?.credential) return present
      const response = await send('/api/devices', json({}), signal)
      const identity = await readJson(response, registrationSchema, signal)
      await db.transaction('rw', db.state, async () => {
        await putState(db, 'identity', identity)
        // The day's batches belonged to the one that the server has forgotten.
        await db.state.delete('pulled')
      })
      return identity
    })
  }

  async function download(
    response: Response,
    limit: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (/html/.test(response.headers.get('content-type') ?? '')) throw portal()
    const bytes = await readBounded(response, limit, signal)
    await count(db, { down: bytes.length })
    return bytes
  }

  async function readJson<T>(response: Response, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T> {
    if (!/json/.test(response.headers.get('content-type') ?? '')) throw portal()
    const bytes = await download(response, MAX_JSON, signal)
    let value: unknown
    try {
      value = JSON.parse(new TextDecoder().decode(bytes))
    } catch (cause) {
      throw new AppError('bad-input', 'An answer of the server is not JSON.', { cause })
    }
    return parse(schema, value, 'An answer of the server')
  }

  return {
    identify,

    async flush(signal) {
      // What comes in meanwhile waits for the next time: else a busy user is sent event by event.
      const [last] = await db.outbox.orderBy('id').reverse().limit(1).primaryKeys()
      while (last !== undefined) {
        const events = await db.outbox.where('id').belowOrEqual(last).limit(MAX_EVENTS).toArray()
        if (events.length === 0) return
        const body = zlibSync(new TextEncoder().encode(JSON.stringify({ events })))
        const headers = { 'content-type': 'application/json', 'content-encoding': 'deflate' }
        const response = await ask('/api/events', { method: 'POST', headers, body }, signal)
        await readJson(response, acceptedSchema, signal)
        await db.transaction('rw', db.outbox, db.state, async () => {
          // Another tab may have sent the same ones.
          const sent = db.outbox.where('id').anyOf(events.map(({ id }) => id))
          await count(db, { delivered: await sent.delete(), up: body.length })
        })
      }
    },

    async task(etag, signal) {
      const headers: Record<string, string> = etag === null ? {} : { 'if-none-match': etag }
      try {
        const response = await ask('/api/task', { headers, cache: 'no-store' }, signal)
        if (response.status === 304) return { state: 'unchanged' }
        const manifest = await readJson(response, manifestSchema, signal)
        return { state: 'new', manifest, etag: response.headers.get('etag') }
      } catch (error) {
        if (error instanceof Answer && error.status === 404) return { state: 'none' }
        throw error
      }
    },

    async artifact({ sha256, bytes: length }, signal) {
      if (length > MAX_ARTIFACT)
        throw new AppError('bad-artifact', `An artifact of ${length} bytes is too large.`)
      const get = async (cache: 'default' | 'reload') => {
        const response = await send(`/artifacts/${sha256}`, { cache }, signal)
        // One byte more than promised is room enough to see that there is too much.
        const bytes = await download(response, length + 1, signal).catch(unlessTooLong)
        return bytes?.length === length && (await hash(bytes)) === sha256 ? bytes : undefined
      }
      // What is immutable is cached for ever, and so would be a damaged copy: the second try goes round the cache.
      const bytes = (await get('default')) ?? (await get('reload'))
      if (!bytes) throw new AppError('bad-artifact', `Artifact ${sha256} is not what its name promises.`)
      return bytes
    },

    async batches(signal) {
      return readJson(await ask('/api/batches', { cache: 'no-store' }, signal), batchListSchema, signal)
    },

    async batch(schema, day, n, signal) {
      const bytes = await download(await ask(`/api/batches/${day}/${n}`, {}, signal), MAX_BATCH, signal)
      return { samples: decodeBatch(schema, bytes), bytes: bytes.length }
    },

    async erase(signal) {
      const identity = await getState(db, 'identity')
      if (!identity) return null
      try {
        const response = await send('/api/me', authorised({ method: 'DELETE' }, identity), signal)
        return await readJson(response, erasedSchema, signal)
      } catch (error) {
        if (error instanceof AppError && error.code === 'unauthorised') return null
        throw error
      }
    },
  }
}

/** The server's refusal, with its HTTP status. */
class Answer extends AppError {
  readonly status: number
  constructor(code: FailureCode, message: string, status: number) {
    super(code, message)
    this.status = status
  }
}

const portal = () =>
  new AppError('offline', 'Something between this device and the server answered in its place.')

const json = (value: unknown): Request => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
})

const authorised = (request: Request, { credential }: Registration): Request => ({
  ...request,
  headers: { ...request.headers, authorization: `Bearer ${credential}` },
})

/** Runs what needs the network: `cancelled` if the caller stopped it, `offline` for every other way to fail. */
async function reach<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    if (signal?.aborted) throw new AppError('cancelled', 'Stopped.', { cause })
    throw new AppError('offline', 'The server cannot be reached.', { cause })
  }
}

function unlessTooLong(error: unknown): undefined {
  if (!(error instanceof AppError && error.code === 'bad-artifact')) throw error
}

/** Only a problem document is the server's own word; anything else came from something in between. */
async function problem(response: Response, signal: AbortSignal | undefined): Promise<AppError> {
  const bytes = await readBounded(response, 64 << 10, signal)
  try {
    const { title, detail } = problemSchema.parse(JSON.parse(new TextDecoder().decode(bytes)))
    const code = response.status === 401 ? 'unauthorised' : 'refused'
    return new Answer(code, detail ? `${title}: ${detail}` : title, response.status)
  } catch {
    return portal()
  }
}

/** The body, if it is no longer than `limit`; what exceeds it is not read. */
function readBounded(
  response: Response,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  return reach(async () => {
    const chunks: Uint8Array[] = []
    let length = 0
    const reader = response.body?.getReader()
    for (;;) {
      const next = await reader?.read()
      if (!next || next.done) break
      length += next.value.length
      if (length > limit) {
        await reader?.cancel()
        throw new AppError(
          'bad-artifact',
          `An answer of the server is longer than the ${limit} bytes allowed.`,
        )
      }
      chunks.push(next.value)
    }
    const bytes = new Uint8Array(length)
    let at = 0
    for (const chunk of chunks) {
      bytes.set(chunk, at)
      at += chunk.length
    }
    return bytes
  }, signal)
}
