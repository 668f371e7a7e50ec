/** /api/task and /artifacts: what is deployed to the devices. */
import { createHash } from 'node:crypto'
import { Hono } from 'hono'
import * as z from 'zod'
import { parse } from '../../../shared/failure.ts'
import { dataBytes, manifestSchema, sha256Schema } from '../../../shared/task.ts'
import type { Env, Services } from '../env.ts'
import { endpoint } from '../openapi.ts'
import { problem } from '../problem.ts'

const artifactPath = z.object({ sha256: sha256Schema })
const REVALIDATE = { 'cache-control': 'no-cache' }
const FOR_EVER = { 'cache-control': 'public, max-age=31536000, immutable', vary: 'accept-encoding' }
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
        path: artifactPath,
        answers: {
          200: { what: 'Its bytes, for ever the same; compressed by gzip for who accepts that.' },
          400: 'The address is not a SHA-256.',
          404: 'There is none of this hash (any more).',
        },
      },
      async (c) => {
        const artifact = await cloud.artifact(parse(artifactPath, c.req.param(), 'The address').sha256)
        if (!artifact) return problem(c, 404)
        const zipped = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '')
        return c.body(zipped ? artifact.gzip : artifact.bytes, 200, {
          'content-type': 'application/octet-stream',
          'x-content-type-options': 'nosniff',
          ...FOR_EVER,
          ...(zipped && { 'content-encoding': 'gzip' }),
        })
      },
    ),
  )

const matches = (header: string | undefined, etag: string): boolean =>
  header?.split(',').some((one) => one.trim().replace(/^W\//, '') === etag) ?? false
