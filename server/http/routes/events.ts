/** /api/events: the up tunnel. */
import { Hono } from 'hono'
import { acceptedSchema } from '../../../shared/api.ts'
import { uploadSchema } from '../../../shared/event.ts'
import { parse } from '../../../shared/failure.ts'
import { readJson } from '../body.ts'
import { type Env, NO_STORE, type Services, tooMany } from '../env.ts'
import { createGate } from '../gate.ts'
import type { createKnown } from '../known.ts'
import { endpoint } from '../openapi.ts'
import type { Uploads } from '../uploads.ts'

export function eventRoutes(services: Services, known: ReturnType<typeof createKnown>, uploads: Uploads) {
  const { cloud, clock, limits, metrics } = services
  const events = createGate(limits.events, clock)
  metrics.gauge('kindred_events_waiting', 'Events that wait for the disk', () => events.inside)

  return new Hono<Env>().post(
    '/events',
    known,
    endpoint(
      {
        name: 'sendEvents',
        group: 'events',
        by: 'device',
        summary: 'Hand over what the user was shown and did',
        detail:
          'Each event has an id of the device’s making, so that an upload may be repeated at will. The body may be compressed: `Content-Encoding: deflate` or `gzip`.',
        body: {
          schema: uploadSchema.meta({ ref: 'Upload' }),
          required: true,
          what: 'Up to 256 KiB as it is sent.',
        },
        answers: {
          202: { what: 'Every event is on disk.', schema: acceptedSchema.meta({ ref: 'Accepted' }) },
          400: 'Something does not fit: nothing of the upload was taken.',
        },
      },
      async (c) => {
        const upload = await uploads(c, async () => parse(uploadSchema, await readJson(c), 'The upload'))
        if (upload instanceof Response) return upload
        const count = upload.events.length
        const late = events.enter(count)
        if (late > 0) return tooMany(c, services, 'events', late)
        try {
          const accepted = await cloud.ingest(c.var.user, upload.events)
          metrics.ingested(accepted)
          return c.json(accepted, 202, NO_STORE)
        } finally {
          events.leave(count)
        }
      },
    ),
  )
}
