/** /api/reports: how tasks ran on devices; /api/admin/health: what the operator sees of it. */
import { Hono } from 'hono'
import * as z from 'zod'
import { runHealthSchema } from '../../../shared/admin.ts'
import { reportedSchema, reportsRequestSchema } from '../../../shared/api.ts'
import { parse } from '../../../shared/failure.ts'
import { taskNameSchema } from '../../../shared/tasks/manifest.ts'
import type { Health } from '../../tasks/health/health.ts'
import { readJson } from '../body.ts'
import { type Env, NO_STORE, type Services } from '../env.ts'
import type { createKnown } from '../known.ts'
import { createLimit } from '../limit.ts'
import { endpoint } from '../openapi.ts'
import type { Uploads } from '../uploads.ts'
import { answer, group } from './operator-kit.ts'

const day = z.coerce.number().int().min(0).max(1e9)
const rangeQuery = z.object({
  from: day.optional(),
  to: day.optional(),
  days: z.coerce.number().int().min(1).max(1000).optional(),
  task: taskNameSchema.optional(),
})

export function reportRoutes(
  { cloud, clock, limits }: Services,
  known: ReturnType<typeof createKnown>,
  uploads: Uploads,
) {
  const reports = createLimit(limits.reports, clock)
  const names = createLimit(limits.names, clock)

  return new Hono<Env>().post(
    '/reports',
    known,
    endpoint(
      {
        name: 'sendReports',
        group: 'tasks',
        by: 'device',
        summary: 'Tell how tasks ran: numbers, and neither samples nor weights',
        detail:
          'The id is drawn by lot: an upload that is repeated within two weeks counts once. What is kept are sums of all devices by day; what is told of a version that never was, or is more than the share of one device, is ignored. The body may be compressed.',
        body: {
          schema: reportsRequestSchema.meta({ ref: 'Reports' }),
          required: true,
          what: 'Up to 256 KiB as it is sent.',
        },
        answers: {
          202: {
            what: 'It is on disk, as far as it counts.',
            schema: reportedSchema.meta({ ref: 'Reported' }),
          },
          400: 'Something does not fit: nothing of the upload was taken.',
        },
      },
      async (c) => {
        const { user, device } = c.var
        const teller = {
          id: device,
          mayReport: () => reports(user) === 0,
          mayName: () => names(user) === 0,
        }
        const taken = await uploads(c, async () =>
          cloud.health.take(parse(reportsRequestSchema, await readJson(c), 'The upload'), teller),
        )
        return taken instanceof Response ? taken : c.json(taken, 202, NO_STORE)
      },
    ),
  )
}

export const reportAdminRoutes = (health: Pick<Health, 'tell'>) =>
  new Hono<Env>().get(
    '/health',
    endpoint(
      {
        ...group,
        name: 'readHealth',
        summary:
          'How the versions of tasks do on devices: runs, failures by kind, time, bytes, and what scripts log',
        detail:
          'By the day on which the server heard of it; the `days` up to and with `to`, or those since `from`; by default the fourteen up to now. An alarm is a version that fails more often than the one before it, beyond chance (95 %).',
        query: rangeQuery,
        answers: {
          200: { what: 'Sums of all devices.', schema: runHealthSchema.meta({ ref: 'RunHealth' }) },
          400: 'These are no days, or it is no name of a task.',
        },
      },
      async (c) => {
        return answer(c, await health.tell(parse(rangeQuery, c.req.query(), 'The address')))
      },
    ),
  )
