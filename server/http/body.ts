/** Reads an upload without ever holding more than the limits. */
import { promisify } from 'node:util'
import { gunzip, inflate } from 'node:zlib'
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { AppError } from '../../shared/failure.ts'

/** Bytes of an upload as it is sent … */
export const MAX_BODY = 256 << 10
/** … and as it unfolds. */
const MAX_INFLATED = 4 << 20

const decoders: Record<string, (bytes: Uint8Array) => Promise<Uint8Array>> = {
  identity: async (bytes) => bytes,
  deflate: (bytes) => promisify(inflate)(bytes, { maxOutputLength: MAX_INFLATED }),
  gzip: (bytes) =>
    promisify<Uint8Array, { maxOutputLength: number }, Buffer>(gunzip)(bytes, {
      maxOutputLength: MAX_INFLATED,
    }),
}

/** The JSON of a body, its size bounded by `bodyLimit` before. Throws 413, 415, or `bad-input`. */
export async function readJson(c: Context): Promise<unknown> {
  const decode = decoders[c.req.header('content-encoding')?.toLowerCase() ?? 'identity']
  if (!decode) throw new HTTPException(415)
  const sent = new Uint8Array(await c.req.arrayBuffer())
  const bytes = await decode(sent).catch((cause) => {
    if (cause.code === 'ERR_BUFFER_TOO_LARGE') throw new HTTPException(413)
    throw new AppError('bad-input', 'The body is not what its Content-Encoding says.', { cause })
  })
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new AppError('bad-input', 'The body is not JSON.', { cause })
  }
}
