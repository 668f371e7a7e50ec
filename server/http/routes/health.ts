/** /healthz and /readyz: for what watches over the process, and what sends devices to it. */
import { Hono } from 'hono'
import * as z from 'zod'
import { type Env, NO_STORE, type Services } from '../env.ts'
import { endpoint } from '../openapi.ts'
import { problem } from '../problem.ts'

const healthSchema = z.strictObject({ ok: z.literal(true) })
const readySchema = z.strictObject({
  ready: z.literal(true),
  /** The work cycle that it is, and whether its samples and matches are there already. */
  day: z.int().min(0),
  prepared: z.boolean(),
})

/** `isClosing`: whether the server takes leave. */
export function healthRoutes({ cloud }: Services, isClosing: () => boolean) {
  return new Hono<Env>()
    .get(
      '/healthz',
      endpoint(
        {
          name: 'health',
          steady: true,
          group: 'server',
          summary: 'Whether the process is alive',
          answers: { 200: { what: 'It is.', schema: healthSchema } },
        },
        (c) => c.json({ ok: true }, 200, NO_STORE),
      ),
    )
    .get(
      '/readyz',
      endpoint(
        {
          name: 'readiness',
          group: 'server',
          summary: 'Whether devices should be sent here',
          answers: {
            200: { what: 'Yes.', schema: readySchema },
            503: 'Not yet: no day was prepared so far. Or not any more: the server closes.',
          },
        },
        async (c) => {
          const { day, prepared, preparedOnce } = await cloud.status()
          const why = isClosing()
            ? 'The server closes.'
            : preparedOnce
              ? undefined
              : 'No day was prepared so far.'
          return why === undefined
            ? c.json({ ready: true, day, prepared }, 200, NO_STORE)
            : problem(c, 503, why, { 'retry-after': '10' })
        },
      ),
    )
}
