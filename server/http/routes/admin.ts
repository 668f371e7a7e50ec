/** /api/admin: for the operator alone, and only where there is a credential for it. */
import { hash, timingSafeEqual } from 'node:crypto'
import { type Context, Hono } from 'hono'
import { createMiddleware } from 'hono/factory'
import * as z from 'zod'
import { erasedSchema } from '../../../shared/api.ts'
import { AppError, parse } from '../../../shared/failure.ts'
import { type Env, NO_STORE, type Services } from '../env.ts'
import { bearerOf } from '../known.ts'
import { endpoint } from '../openapi.ts'
import { problem, unauthorised } from '../problem.ts'

/** What can stand in a header (RFC 6750 §2.1), and cannot be guessed. */
const CREDENTIAL = /^[\w.~+/-]{32,}=*$/

const statusSchema = z.strictObject({
  day: z.int().min(0),
  /** Of this day; and whether any day ever was. */
  prepared: z.boolean(),
  preparedOnce: z.boolean(),
  users: z.int().min(0),
  events: z.int().min(0),
  samples: z.int().min(0),
  /** Long jobs that were started from here and are under way. */
  running: z.array(z.enum(['prepare', 'train'])),
})
const startedSchema = z.strictObject({ started: z.enum(['prepare', 'train']) })
const revokedSchema = z.strictObject({ revoked: z.literal(true) })
const devicePath = z.object({ device: z.uuid() })

type Job = z.infer<typeof startedSchema>['started']

/** Throws `bad-input` for a credential that is too short, or cannot be sent. */
export function adminRoutes({ cloud, log }: Services, credential: string) {
  if (!CREDENTIAL.test(credential))
    throw new AppError(
      'bad-input',
      'The admin credential must be 32 or more letters, digits and any of -._~+/.',
    )
  const due = hash('sha256', credential, 'buffer')
  const operator = createMiddleware(async (c, next) => {
    const shown = hash('sha256', bearerOf(c.req.header('authorization')), 'buffer')
    if (!timingSafeEqual(shown, due)) return unauthorised(c, 'That is not the operator’s credential.')
    await next()
  })

  const running = new Set<Job>()
  function start(c: Context, job: Job, work: () => Promise<object>) {
    if (running.has(job)) return problem(c, 409, 'It is under way already.')
    running.add(job)
    void work()
      .then(
        (result) => log.info({ job, ...result }, 'a job is done'),
        (error) => log.error({ job, err: error }, 'a job failed'),
      )
      .finally(() => running.delete(job))
    return c.json({ started: job }, 202, NO_STORE)
  }
  const jobAnswers = {
    202: { what: 'It has begun; the log says how it ends.', schema: startedSchema },
    409: 'It is under way already.',
  }

  return new Hono<Env>()
    .use(operator)
    .get(
      '/status',
      endpoint(
        {
          name: 'readStatus',
          group: 'admin',
          by: 'admin',
          summary: 'What the server holds and does',
          answers: { 200: { what: 'Counts, and the jobs under way.', schema: statusSchema } },
        },
        async (c) => {
          const { day, prepared, preparedOnce, users, events, samples } = await cloud.status()
          return c.json(
            { day, prepared, preparedOnce, users, events, samples, running: [...running] },
            200,
            NO_STORE,
          )
        },
      ),
    )
    .delete(
      '/devices/:device',
      endpoint(
        {
          name: 'revokeDevice',
          group: 'admin',
          by: 'admin',
          summary: 'Make a device unknown',
          detail: 'What its user did stays. An anonymous device registers anew and is another user then.',
          path: devicePath,
          answers: {
            200: { what: 'It is not known any more.', schema: revokedSchema },
            400: 'That is no name of a device.',
            404: 'There is no such device.',
          },
        },
        async (c) =>
          (await cloud.revoke(deviceOf(c)))
            ? c.json({ revoked: true }, 200, NO_STORE)
            : problem(c, 404, 'There is no such device.'),
      ),
    )
    .delete(
      '/devices/:device/user',
      endpoint(
        {
          name: 'eraseUser',
          group: 'admin',
          by: 'admin',
          summary: 'Erase everything of the user whose device this is',
          path: devicePath,
          answers: {
            200: { what: 'What was removed.', schema: erasedSchema.meta({ ref: 'Erased' }) },
            400: 'That is no name of a device.',
            404: 'There is no such device.',
          },
        },
        async (c) => {
          const user = await cloud.userOf(deviceOf(c))
          const erased = user === undefined ? undefined : await cloud.erase(user)
          return erased ? c.json(erased, 200, NO_STORE) : problem(c, 404, 'There is no such device.')
        },
      ),
    )
    .post(
      '/prepare',
      endpoint(
        {
          name: 'prepareDay',
          steady: true,
          group: 'admin',
          by: 'admin',
          summary: 'Prepare this day now',
          answers: jobAnswers,
        },
        (c) => start(c, 'prepare', () => cloud.prepare()),
      ),
    )
    .post(
      '/train',
      endpoint(
        {
          name: 'trainModel',
          steady: true,
          group: 'admin',
          by: 'admin',
          summary: 'Train the global model and release it',
          answers: jobAnswers,
        },
        (c) => start(c, 'train', () => cloud.train()),
      ),
    )
}

const deviceOf = (c: Context): string => parse(devicePath, c.req.param(), 'The address').device
