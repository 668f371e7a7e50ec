/** /api/events: the up tunnel. */
import { Hono } from 'hono'
import { acceptedSchema } from '../../../shared/api.ts'
import { uploadSchema } from '../../../shared/event.ts'
import { parse } from '../../../shared/failure.ts'
import { lengthOf, MAX_BODY, readJson } from '../body.ts'
import { type Env, NO_STORE, type Services, tooMany } from '../env.ts'
import { createGate } from '../gate.ts'
import type { createKnown } from '../known.ts'
import { endpoint } from '../openapi.ts'

export function eventRoutes(services: Services, known: ReturnType<typeof createKnown>) {
  const { cloud, clock, limits, metrics, addressOf } = services
  const uploads = createGate(limits.uploads, clock)
  const events = createGate(limits.events, clock)
  metrics.gauge('kindred_uploads_bytes', 'Bytes of uploads that are being received', () => uploads.inside)
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
        const size = Math.min(lengthOf(c) ?? MAX_BODY, MAX_BODY)
        const from = addressOf(c)
        const early = uploads.enter(size, from)
        if (early > 0) return tooMany(c, services, 'uploads', early)
        let upload: ReturnType<typeof uploadSchema.parse>
        try {
          upload = parse(uploadSchema, await readJson(c), 'The upload')
        } finally {
          uploads.leave(size, from)
        }
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
