/** /api/devices and /api/me: who a device is to the server, until it wants to be forgotten. */
import { Hono } from 'hono'
import { erasedSchema, registrationSchema } from '../../../shared/api.ts'
import { type Env, NO_STORE, type Services, tooMany } from '../env.ts'
import type { createKnown } from '../known.ts'
import { createLimit } from '../limit.ts'
import { endpoint } from '../openapi.ts'
import { unauthorised } from '../problem.ts'

export function deviceRoutes(services: Services, known: ReturnType<typeof createKnown>) {
  const { cloud, clock, limits, addressOf, identity } = services
  const limit = createLimit(limits.registrations, clock)
  return new Hono<Env>()
    .post(
      '/devices',
      endpoint(
        {
          name: 'registerDevice',
          group: 'devices',
          summary: 'Make a new device known',
          detail:
            'The credential is shown once; the server keeps its hash only. Where the server is set up to ask who the user is, `Authorization: Bearer` carries a token (JWT) of the app around it, and all devices of its subject are one user.',
          answers: {
            201: {
              what: 'The device, and what it shows from now on.',
              schema: registrationSchema.meta({ ref: 'Registration' }),
            },
            401: 'A token is due, and there is none that is accepted.',
            503: 'The keys that tokens are checked with cannot be had.',
          },
        },
        async (c) => {
          const wait = limit(addressOf(c))
          if (wait > 0) return tooMany(c, services, 'registrations', wait)
          const subject = await identity?.(c)
          return c.json(await cloud.register(subject), 201, NO_STORE)
        },
      ),
    )
    .post(
      '/me/credential',
      known,
      endpoint(
        {
          name: 'renewCredential',
          group: 'devices',
          by: 'device',
          summary: 'Get another credential',
          detail:
            'The old one is accepted until the new one is shown for the first time, so that a lost answer locks nobody out.',
          answers: {
            200: {
              what: 'The same device with a new credential.',
              schema: registrationSchema.meta({ ref: 'Registration' }),
            },
          },
        },
        async (c) => {
          const renewed = await cloud.renew(c.var.credential)
          return renewed ? c.json(renewed, 200, NO_STORE) : unauthorised(c)
        },
      ),
    )
    .delete(
      '/me',
      known,
      endpoint(
        {
          name: 'forgetMe',
          group: 'devices',
          by: 'device',
          summary: 'Erase everything of this device’s user',
          detail: 'None of the user’s devices is known after it.',
          answers: { 200: { what: 'What was removed.', schema: erasedSchema.meta({ ref: 'Erased' }) } },
        },
        async (c) => {
          const erased = await cloud.erase(c.var.user)
          return erased ? c.json(erased, 200, NO_STORE) : unauthorised(c)
        },
      ),
    )
}
