/** /api/active and /api/roots: which tasks a device is to have, signed. */
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { Hono } from 'hono'
import * as z from 'zod'
import { type ActiveAnswer, activeRequestSchema, activeSchema } from '../../../shared/api.ts'
import { parse } from '../../../shared/failure.ts'
import type { Cloud } from '../../cloud/cloud.ts'
import { along } from '../../tasks/along.ts'
import type { Tasks } from '../../tasks/tasks.ts'
import { readJson } from '../body.ts'
import type { CountryOf } from '../country.ts'
import type { Env } from '../env.ts'
import type { createKnown } from '../known.ts'
import { endpoint } from '../openapi.ts'
import { problem } from '../problem.ts'

const rootPath = z.object({ version: z.coerce.number().int().min(1).max(1e9) })

export const activeRoutes = (
  { tasks, cloud, countryOf }: { tasks: Tasks; cloud: Cloud; countryOf: CountryOf | undefined },
  known: ReturnType<typeof createKnown>,
) =>
  new Hono<Env>()
    .post(
      '/active',
      known,
      endpoint(
        {
          name: 'readActive',
          group: 'tasks',
          by: 'device',
          summary: 'Which tasks are active for this device',
          detail:
            'It says of itself what releases may go by. The snapshot names targets and list by their SHA-256; the targets are an artifact. Who says which root it trusts and what it has is given, with the answer, the roots that came since and small artifacts that it lacks.',
          body: {
            schema: activeRequestSchema.meta({ ref: 'ActiveRequest' }),
            required: true,
            what: 'What is left out is not known, and hits no rule. A server that is told countries by its proxy reads none here.',
          },
          answers: {
            200: {
              what: 'The snapshot and the list, each as the text that was signed or hashed.',
              schema: activeSchema.meta({ ref: 'Active' }),
              headers: { etag: 'Of both, and of the newest root.' },
            },
            304: 'They are those that you have, and there is no newer root.',
            503: 'Nothing is approved yet.',
          },
        },
        async (c) => {
          const {
            root,
            have,
            country: said,
            ...info
          } = parse(activeRequestSchema, await readJson(c), 'The request')
          const registered = await cloud.since(c.var.user)
          // Not the one that it says where the proxy knows none: else hiding would be a way to choose.
          const country = countryOf ? countryOf(c) : said
          const { snapshot, list, active } = await tasks.contact({
            ...info,
            id: c.var.device,
            ...(country !== undefined && { country }),
            ...(registered !== undefined && { registered }),
          })
          const roots = root === undefined ? undefined : await tasks.rootsAfter(root)
          const newest = String(await tasks.newestRoot())
          const tag = createHash('sha256').update(snapshot).update(list).update(newest).digest('base64url')
          const etag = `"${tag}"`
          const headers = { etag, 'cache-control': 'private, no-cache' }
          if (c.req.header('if-none-match') === etag) return c.body(null, 304, headers)
          const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
          const answer: ActiveAnswer = {
            snapshot: text(snapshot),
            list: text(list),
            ...(roots && { roots: roots.map(text) }),
            ...(have && { artifacts: await along(tasks, active, have) }),
          }
          // Scripts are most of a first answer.
          if (!answer.artifacts?.length || !/\bgzip\b/.test(c.req.header('accept-encoding') ?? ''))
            return c.json(answer, 200, headers)
          const zipped = await promisify(gzip)(JSON.stringify(answer))
          return c.body(new Uint8Array(zipped), 200, {
            ...headers,
            'content-type': 'application/json',
            'content-encoding': 'gzip',
            vary: 'accept-encoding',
          })
        },
      ),
    )
    .get(
      '/roots/:version',
      endpoint(
        {
          name: 'readRoot',
          group: 'tasks',
          summary: 'A root of trust: whose signatures count',
          detail: 'Each is signed by the keys of the one before. Ask for the next one until there is none.',
          path: rootPath,
          answers: {
            200: {
              what: 'As it was signed.',
              schema: z.strictObject({
                signed: z.record(z.string(), z.unknown()),
                signatures: z.array(z.unknown()),
              }),
            },
            400: 'That is no version.',
            404: 'There is none of this version (yet).',
          },
        },
        async (c) => {
          const root = await tasks.root(parse(rootPath, c.req.param(), 'The address').version)
          if (!root) return problem(c, 404, 'There is no root of this version.')
          return c.body(root, 200, { 'content-type': 'application/json', 'cache-control': 'no-cache' })
        },
      ),
    )
