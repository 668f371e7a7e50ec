/**
 * One request to the server and its whole answer. Whatever else answers than our server — a captive portal, a proxy, a cut
 * or dripping line — ends in a typed failure; a server that asks for patience is left alone, also after a reload.
 */
import type * as z from 'zod'
import { problemSchema } from '../../../shared/api.ts'
import { AppError, type FailureCode, parse } from '../../../shared/failure.ts'
import type { TrafficKind } from '../../../shared/protocol.ts'
import type { Platform, Request } from '../../platform.ts'
import { unlessAborted } from '../../turns.ts'
import { isSameMoment, noteContact } from '../storage/ages.ts'
import { count, getState, putState } from '../storage/state.ts'
import type { Db } from '../storage/tables.ts'
import { patienceAsked, silenceLeft } from './patience.ts'

/** Longest that one request may take, its answer included: a line that drips is as good as none. */
export const TIMEOUT_MS = 30_000
/** Answers beyond this are refused: a manifest lists a schema's values. */
const MAX_JSON = 4 << 20
const MAX_PROBLEM = 64 << 10

/** An answer below 400, to be read while its time runs. */
export interface Answer {
  readonly status: number
  header(name: string): string | null
  /** Throws `offline` for anything but JSON, `bad-input` for JSON of another shape. */
  json<T>(schema: z.ZodType<T>): Promise<T>
  /** The body as it is, where it is JSON. Throws `offline` where it is not. */
  jsonBytes(): Promise<Uint8Array<ArrayBuffer>>
  /** The body as it is. Throws `bad-artifact` if it is longer than `limit` bytes; what exceeds it is not read. */
  bytes(limit: number): Promise<Uint8Array<ArrayBuffer>>
}

/**
 * Sends a request and gives what `read` makes of the answer. Throws `offline` without an answer of our server, `refused`
 * (with the HTTP status: `Refusal`) or `unauthorised` for one ≥ 400 and while the server wants to be left alone.
 */
export type Line = <T>(
  path: string,
  request: Request,
  read: (answer: Answer) => Promise<T>,
  signal?: AbortSignal,
) => Promise<T>

/** The server's refusal, with its HTTP status. */
export class Refusal extends AppError {
  readonly status: number
  constructor(code: FailureCode, message: string, status: number) {
    super(code, message)
    this.status = status
  }
}

export function createLine({
  db,
  fetch,
  clock,
  after,
  seed,
  patient = true,
}: {
  db: Db
  /** False where nobody is there who could ask to be left alone. */
  patient?: boolean
} & Pick<Platform, 'fetch' | 'clock' | 'after' | 'seed'>): Line {
  async function bePatient(): Promise<void> {
    if (!patient) return
    const left = silenceLeft((await getState(db, 'silentUntil')) ?? 0, clock.now())
    if (left > 0)
      throw new AppError('refused', `The server asked to be left alone for ${Math.ceil(left / 1000)} s.`)
  }

  async function noteRetryAfter({ status, headers }: Response): Promise<void> {
    if (!patient) return
    const now = clock.now()
    const wait = patienceAsked(status, headers, now, seed() / 2 ** 32)
    if (wait !== undefined) await putState(db, 'silentUntil', Math.ceil(now + wait))
  }

  /** The server's time at the last contact that was noted. */
  let noted = Number.NaN

  /** What time it is at the server; an artifact may come from a cache, and tell what time it was. */
  async function noteTime(path: string, { headers }: Response): Promise<void> {
    const server = Date.parse(headers.get('date') ?? '')
    if (!path.startsWith('/api/') || Number.isNaN(server) || isSameMoment(server, noted)) return
    await noteContact(db, clock, server)
    noted = server
  }

  return async (path, request, read, signal) => {
    await bePatient()
    const overdue = new AbortController()
    const stop = signal ? AbortSignal.any([signal, overdue.signal]) : overdue.signal
    const cancel = after(TIMEOUT_MS, () => overdue.abort(new Error('The server took too long.')))
    const bytes = async (response: Response, limit: number) => {
      const body = await reach(() => readBounded(response, limit, stop), signal)
      await count(db, { down: body.length, kind: kindOf(path) })
      return body
    }
    const jsonBytes = (response: Response) => {
      if (!/json/.test(typeOf(response))) throw portal()
      return bytes(response, MAX_JSON)
    }
    try {
      const response = await reach(
        () => unlessAborted(fetch(path, { ...request, signal: stop }), stop),
        signal,
      )
      const sent = bodyLength(request)
      if (sent > 0) await count(db, { up: sent, kind: kindOf(path) })
      if (response.status >= 400) {
        await noteRetryAfter(response)
        throw problem(response, await bytes(response, MAX_PROBLEM).catch(unlessTooLong))
      }
      const result = await read({
        status: response.status,
        header: (name) => response.headers.get(name),
        json: async (schema) => readAs(schema, await jsonBytes(response)),
        jsonBytes: () => jsonBytes(response),
        async bytes(limit) {
          if (/html/.test(typeOf(response))) throw portal()
          return bytes(response, limit)
        },
      })
      await noteTime(path, response)
      return result
    } finally {
      cancel()
    }
  }
}

/** A request that says `value`. */
export const asJson = (value: unknown, method: 'POST' | 'PUT' = 'POST'): Request => ({
  method,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
})

/** What is asked for at a path. */
function kindOf(path: string): TrafficKind {
  const kinds: readonly (readonly [string, TrafficKind])[] = [
    ['/artifacts/', 'artifacts'],
    ['/api/batches', 'samples'],
    ['/api/rows', 'rows'],
    ['/api/events', 'events'],
  ]
  return kinds.find(([prefix]) => path.startsWith(prefix))?.[1] ?? 'other'
}

/** Bytes of the request's body; it is text of ASCII characters, or bytes. */
const bodyLength = ({ body }: Request): number => body?.length ?? 0

const portal = () =>
  new AppError('offline', 'Something between this device and the server answered in its place.')

/** Runs what needs the network: `cancelled` if the caller stopped it, `offline` for every other way to fail. */
async function reach<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (signal?.aborted) throw new AppError('cancelled', 'Stopped.', { cause })
    if (cause instanceof AppError) throw cause
    throw new AppError('offline', 'The server cannot be reached.', { cause })
  }
}

const typeOf = ({ headers }: Response): string => headers.get('content-type') ?? ''

/** What JSON says. Throws `bad-input` where it is none, or of another shape. */
export const readAs = <T>(schema: z.ZodType<T>, bytes: Uint8Array): T =>
  parse(schema, readJson(bytes), 'An answer of the server')

function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new AppError('bad-input', 'An answer of the server is not JSON.', { cause })
  }
}

/** What is too long counts as not having come. */
export const unlessTooLong = (error: unknown): undefined => {
  if (!(error instanceof AppError && error.code === 'bad-artifact')) throw error
}

/** Only a problem document is the server's own word; anything else came from something in between. */
function problem({ status }: Response, bytes: Uint8Array | undefined): AppError {
  try {
    const { title, detail } = problemSchema.parse(bytes && readJson(bytes))
    const code = status === 401 ? 'unauthorised' : 'refused'
    return new Refusal(code, detail ? `${title}: ${detail}` : title, status)
  } catch {
    return portal()
  }
}

/** The body, if it is no longer than `limit`. */
async function readBounded(
  response: Response,
  limit: number,
  stop: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = response.body?.getReader()
  try {
    for (;;) {
      const next = await (reader && unlessAborted(reader.read(), stop))
      if (!next || next.done) break
      length += next.value.length
      if (length > limit)
        throw new AppError(
          'bad-artifact',
          `An answer of the server is longer than the ${limit} bytes allowed.`,
        )
      chunks.push(next.value)
    }
  } catch (error) {
    reader?.cancel(error).catch(() => {})
    throw error
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
