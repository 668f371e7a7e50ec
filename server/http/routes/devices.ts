/** /api/devices and /api/me: who a device is to the server, until it wants to be forgotten. */
import { Hono } from 'hono'
import {
  consentSchema,
  erasedSchema,
  registerSchema,
  registrationSchema,
  sharingSchema,
} from '../../../shared/api.ts'
import { parse } from '../../../shared/failure.ts'
import { readJson } from '../body.ts'
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
          body: {
            schema: registerSchema.meta({ ref: 'Register' }),
            required: false,
            what: 'Whether others may learn from the user’s samples. Who says nothing shares.',
          },
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
          const said = c.req.header('content-type') === undefined ? {} : await readJson(c)
          const { consent } = parse(registerSchema, said, 'The registration')
          return c.json(await cloud.register({ subject, ...consent }), 201, NO_STORE)
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
    .get(
      '/me/consent',
      known,
      endpoint(
        {
          name: 'getConsent',
          group: 'devices',
          by: 'device',
          summary: 'What is on record about sharing',
          answers: {
            200: {
              what: 'What the user said last; version 0 if nothing.',
              schema: consentSchema.meta({ ref: 'Consent' }),
            },
          },
        },
        async (c) => c.json(await cloud.consentOf(c.var.user), 200, NO_STORE),
      ),
    )
    .put(
      '/me/consent',
      known,
      endpoint(
        {
          name: 'putConsent',
          group: 'devices',
          by: 'device',
          summary: 'Let others learn from this user’s samples, or no longer',
          detail:
            'After a withdrawal is answered, no sample of the user’s can be handed out, whoever it was matched to. Their events stay, for what they are themselves matched by.',
          body: {
            schema: sharingSchema.meta({ ref: 'Sharing' }),
            required: true,
            what: 'The user’s choice.',
          },
          answers: {
            200: { what: 'What is on record now.', schema: consentSchema.meta({ ref: 'Consent' }) },
          },
        },
        async (c) => {
          const { sharing } = parse(sharingSchema, await readJson(c), 'The consent')
          return c.json(await cloud.consent(c.var.user, sharing), 200, NO_STORE)
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
