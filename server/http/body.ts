/** Reads an upload without ever holding more than the limits. */
import { promisify } from 'node:util'
import { gunzip, gunzipSync, inflate, inflateSync } from 'node:zlib'
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { AppError } from '../../shared/failure.ts'

/** Bytes of an upload as it is sent … */
export const MAX_BODY = 256 << 10
/** … and as it unfolds. */
const MAX_INFLATED = 4 << 20
/** Up to here it is faster to inflate at once than to ask another thread: at most a few milliseconds. */
const SMALL = 16 << 10
/** Larger uploads that unfold at the same time. */
const AT_ONCE = 4

interface Decoder {
  readonly now: (bytes: Uint8Array) => Uint8Array
  readonly elsewhere: (bytes: Uint8Array) => Promise<Uint8Array>
}

const options = { maxOutputLength: MAX_INFLATED }
const decoders = new Map<string, Decoder | undefined>([
  ['identity', undefined],
  [
    'deflate',
    {
      now: (bytes) => inflateSync(bytes, options),
      elsewhere: (bytes) => promisify<Uint8Array, typeof options, Buffer>(inflate)(bytes, options),
    },
  ],
  [
    'gzip',
    {
      now: (bytes) => gunzipSync(bytes, options),
      elsewhere: (bytes) => promisify<Uint8Array, typeof options, Buffer>(gunzip)(bytes, options),
    },
  ],
])

const utf8 = new TextDecoder('utf-8', { fatal: true })
const takeTurn = createTurns(AT_ONCE)

/** The JSON of a body. Throws 413, 415, or `bad-input`. */
export async function readJson(c: Context): Promise<unknown> {
  const encoding = c.req.header('content-encoding')?.toLowerCase() ?? 'identity'
  if (!decoders.has(encoding)) throw new HTTPException(415)
  const bytes = await decode(await receive(c), decoders.get(encoding))
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch (cause) {
    throw new AppError('bad-input', 'The body is not JSON.', { cause })
  }
}

/** The bytes as they were sent. Throws 413 before there are more than may be. */
async function receive(c: Context): Promise<Uint8Array> {
  const length = lengthOf(c)
  if (length !== undefined && length > MAX_BODY) throw new HTTPException(413)
  try {
    // The parser of HTTP holds a body to the length that was promised.
    return length === undefined
      ? await readBounded(c.req.raw.body)
      : new Uint8Array(await c.req.arrayBuffer())
  } catch (cause) {
    if (cause instanceof HTTPException) throw cause
    throw new AppError('bad-input', 'The body did not come to its end.', { cause })
  }
}

/** What a request says of the length of its body; undefined where it does not. */
export function lengthOf(c: Context): number | undefined {
  const said = c.req.header('content-length')
  return said !== undefined && /^\d+$/.test(said) ? Number(said) : undefined
}

async function readBounded(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = body?.getReader()
  for (;;) {
    const next = await reader?.read()
    if (!next || next.done) return Buffer.concat(chunks)
    length += next.value.length
    if (length > MAX_BODY) {
      reader?.cancel().catch(() => {})
      throw new HTTPException(413)
    }
    chunks.push(next.value)
  }
}

async function decode(sent: Uint8Array, decoder: Decoder | undefined): Promise<Uint8Array> {
  if (!decoder) return sent
  try {
    return sent.length <= SMALL ? decoder.now(sent) : await takeTurn(() => decoder.elsewhere(sent))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new HTTPException(413)
    throw new AppError('bad-input', 'The body is not what its Content-Encoding says.', { cause })
  }
}

/** Runs so many jobs at the same time, the others in the order in which they came. */
function createTurns(most: number): <T>(job: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (job) => {
    if (running === most) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await job()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
