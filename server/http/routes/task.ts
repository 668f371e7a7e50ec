/** /api/task and /artifacts: what is deployed to the devices. */
import { createHash } from 'node:crypto'
import { type Context, Hono } from 'hono'
import * as z from 'zod'
import { parse } from '../../../shared/failure.ts'
import { dataBytes, manifestSchema } from '../../../shared/task.ts'
import { TASK_LIMITS } from '../../../shared/tasks/manifest.ts'
import type { Artifact } from '../../cloud/release.ts'
import type { Env, Services } from '../env.ts'
import { endpoint } from '../openapi.ts'
import { problem } from '../problem.ts'

const artifactPath = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}(\.js)?$/, 'a SHA-256 in hex') })
const REVALIDATE = { 'cache-control': 'no-cache' }
const FOR_EVER = { 'cache-control': 'public, max-age=31536000, immutable', vary: 'accept-encoding' }
/** A module, whatever it is looked at as; as a page or a worker of its own it could do nothing. */
const SCRIPT = {
  'content-type': 'text/javascript; charset=utf-8',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
}
const BYTES = { 'content-type': 'application/octet-stream' }
const ETAG = 'Of this version of the task.'

export const taskRoutes = ({ cloud }: Services) =>
  new Hono<Env>().get(
    '/task',
    endpoint(
      {
        name: 'readTask',
        group: 'tasks',
        summary: 'What is deployed: the manifest',
        detail:
          'It names model and catalogue by their SHA-256. Ask with `If-None-Match` to learn whether it is another.',
        answers: {
          200: {
            what: 'The manifest.',
            schema: manifestSchema.meta({ ref: 'Manifest' }),
            headers: { etag: ETAG },
          },
          304: 'It is the one that you have.',
          404: 'There is no task yet.',
        },
      },
      async (c) => {
        const manifest = await cloud.manifest()
        if (!manifest) return problem(c, 404, 'There is no task yet.')
        const bytes = dataBytes(manifest)
        const etag = `"${createHash('sha256').update(bytes).digest('base64url')}"`
        const headers = { etag, ...REVALIDATE }
        return matches(c.req.header('if-none-match'), etag)
          ? c.body(null, 304, headers)
          : c.body(bytes, 200, { 'content-type': 'application/json', ...headers })
      },
    ),
  )

export const artifactRoutes = ({ cloud }: Services) =>
  new Hono<Env>().get(
    '/artifacts/:sha256',
    endpoint(
      {
        name: 'readArtifact',
        group: 'tasks',
        summary: 'A model, a catalogue or a script, by the hash that a manifest promises',
        detail: 'With `.js` behind the hash it is a module that can be imported.',
        path: artifactPath,
        answers: {
          200: { what: 'Its bytes, for ever the same; compressed by gzip for who accepts that.' },
          400: 'The address is not a SHA-256.',
          404: 'There is none of this hash (any more).',
        },
      },
      async (c) => {
        const [hash = '', asScript] = parse(artifactPath, c.req.param(), 'The address').sha256.split('.')
        const artifact = await cloud.artifact(hash)
        if (!artifact || (asScript && artifact.bytes.length > TASK_LIMITS.script)) return problem(c, 404)
        return sent(c, artifact, asScript ? SCRIPT : BYTES)
      },
    ),
  )

function sent(c: Context, { bytes, gzip }: Artifact, headers: Record<string, string>) {
  const zipped = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '')
  return c.body(zipped ? gzip : bytes, 200, {
    ...headers,
    ...FOR_EVER,
    ...(zipped && { 'content-encoding': 'gzip' }),
  })
}

const matches = (header: string | undefined, etag: string): boolean =>
  header?.split(',').some((one) => one.trim().replace(/^W\//, '') === etag) ?? false
