/** /api/batches and /api/rows: the down tunnel. */
import { Hono } from 'hono'
import * as z from 'zod'
import { batchListSchema, rowsRequestSchema } from '../../../shared/api.ts'
import { parse } from '../../../shared/failure.ts'
import { reprDigest } from '../../../shared/hash.ts'
import { readJson } from '../body.ts'
import { type Env, NO_STORE, type Services, tooMany } from '../env.ts'
import { createGate } from '../gate.ts'
import type { createKnown } from '../known.ts'
import { endpoint } from '../openapi.ts'
import { problem } from '../problem.ts'

const whole = z.coerce.number().int().min(0).max(1e9)
const batchPath = z.object({ day: whole, n: whole })

const BYTES = { 'content-type': 'application/octet-stream', ...NO_STORE }

export function batchRoutes(services: Services, known: ReturnType<typeof createKnown>) {
  const { cloud, clock, limits, metrics } = services
  const waiting = createGate(limits.waiting, clock)
  metrics.gauge('kindred_waiting', 'Devices that wait for matches or rows', () => waiting.inside)

  /** Runs what may take a while, unless too many wait for the like of it already. */
  async function patiently<T>(work: () => Promise<T>): Promise<{ wait: number } | { found: T }> {
    const wait = waiting.enter(1)
    if (wait > 0) return { wait }
    try {
      return { found: await work() }
    } finally {
      waiting.leave(1)
    }
  }

  return new Hono<Env>()
    .get(
      '/batches',
      known,
      endpoint(
        {
          name: 'listBatches',
          group: 'batches',
          by: 'device',
          summary: 'Which batches of samples there are today',
          detail: 'A user who has none yet is matched now, if a few clicks are known of them.',
          answers: {
            200: { what: 'How many, or why none.', schema: batchListSchema.meta({ ref: 'BatchList' }) },
          },
        },
        async (c) => {
          const asked = await patiently(() => cloud.batches(c.get('user')))
          return 'wait' in asked
            ? tooMany(c, services, 'waiting', asked.wait)
            : c.json(asked.found, 200, NO_STORE)
        },
      ),
    )
    .get(
      '/batches/:day/:n',
      known,
      endpoint(
        {
          name: 'pullBatch',
          group: 'batches',
          by: 'device',
          summary: 'One batch',
          detail: 'The same bytes whenever it is asked for. Their format: docs/wire-format.md.',
          path: batchPath,
          answers: {
            200: { what: 'Samples, packed.' },
            400: 'The address is not that of a batch.',
            404: 'This device has no such batch.',
          },
        },
        async (c) => {
          const { day, n } = parse(batchPath, c.req.param(), 'The address')
          const batch = await cloud.batch(c.get('user'), day, n)
          // By itself, an answer with a plain object of headers goes out without an instance of Headers being made.
          return batch
            ? new Response(batch, { status: 200, headers: BYTES })
            : problem(c, 404, 'You have no such batch.')
        },
      ),
    )
    .post(
      '/rows',
      known,
      endpoint(
        {
          name: 'readRows',
          group: 'tasks',
          by: 'device',
          summary: 'Rows of a table that is too large to be delivered whole',
          body: {
            schema: rowsRequestSchema.meta({ ref: 'RowsRequest' }),
            required: true,
            what: 'The ids ascend.',
          },
          answers: {
            200: {
              what: 'float32, little-endian, a row after the other in the order of the ids.',
              headers: { 'repr-digest': 'SHA-256 of the body (RFC 9530).' },
            },
            400: 'The request does not fit, or asks for rows beyond the table.',
            404: 'There is no such table (any more).',
            413: 'It is too large.',
            415: 'It is encoded in a way that is not known here.',
          },
        },
        async (c) => {
          const asked = parse(rowsRequestSchema, await readJson(c), 'The request')
          const read = await patiently(() => cloud.rows(asked))
          if ('wait' in read) return tooMany(c, services, 'waiting', read.wait)
          const { found } = read
          if (!found) return problem(c, 404, 'There is no such table (any more).')
          return c.body(found, 200, { ...BYTES, 'repr-digest': await reprDigest(found) })
        },
      ),
    )
}
