/** Each route carries its own description; together they are the document at /api/openapi.json. */
import type { Context, Hono } from 'hono'
import { type DescribeRouteOptions, generateSpecs, resolver, uniqueSymbol } from 'hono-openapi'
import * as z from 'zod'
import { problemSchema } from '../../shared/api.ts'
import type { Env } from './env.ts'

export type Answer =
  /** Of a refusal, which has the one form of all of them; or of an answer without a body. */
  | string
  | {
      readonly what: string
      /** Of a body of JSON; without it, the body is bytes. */
      readonly schema?: z.ZodType
      /** Other than JSON or bytes. */
      readonly media?: string
      readonly headers?: Readonly<Record<string, string>>
    }

export interface Endpoint {
  /** For programs: one word. */
  readonly name: string
  readonly group: 'devices' | 'events' | 'batches' | 'tasks' | 'server' | 'admin'
  readonly summary: string
  readonly detail?: string
  /** Who may ask: a device, or the operator. */
  readonly by?: 'device' | 'admin'
  readonly path?: z.ZodObject
  /** What may stand behind the `?`. */
  readonly query?: z.ZodObject
  readonly body?: { readonly schema: z.ZodType; readonly required: boolean; readonly what: string }
  /** Whatever happens, it does not answer 500. */
  readonly steady?: boolean
  /** By status. Refusals that any route may give (429, 500), or any of its kind (400, 401, 413, 415), need not be said. */
  readonly answers: Readonly<Record<number, Answer>>
}

/** The handler of a route, with what it does. */
export function endpoint<R>(described: Endpoint, handler: (c: Context<Env>) => R): (c: Context<Env>) => R {
  return Object.assign(handler, { [uniqueSymbol]: { spec: specOf(described) } })
}

const problemBody = resolver(problemSchema.meta({ ref: 'Problem' }))

const TOO_MANY = 'Too much at once: come again after `Retry-After` seconds.'
const UNFORESEEN = 'Not foreseen. The problem names the request in the log.'
const UNKNOWN = 'The credential is not known.'
const OF_A_BODY = {
  400: 'The body does not fit.',
  413: 'It is too large, or unfolds to too much.',
  415: 'It is encoded in a way that is not known here.',
}

function specOf({
  name,
  group,
  summary,
  detail,
  by,
  path,
  query,
  body,
  steady,
  answers,
}: Endpoint): DescribeRouteOptions {
  const all = {
    ...(body && OF_A_BODY),
    ...answers,
    429: TOO_MANY,
    ...(!steady && { 500: UNFORESEEN }),
    ...(by && { 401: UNKNOWN }),
  }
  return {
    operationId: name,
    tags: [group],
    summary,
    ...(detail !== undefined && { description: detail }),
    ...(by && { security: [{ [by]: [] }] }),
    ...((path || query) && { parameters: [...parametersOf('path', path), ...parametersOf('query', query)] }),
    ...(body && {
      requestBody: {
        description: body.what,
        required: body.required,
        content: { 'application/json': { schema: resolver(body.schema) } },
      },
    }),
    responses: Object.fromEntries(
      Object.entries(all).map(([status, answer]) => [status, responseOf(Number(status), answer)]),
    ),
  }
}

type Responses = NonNullable<DescribeRouteOptions['responses']>

function responseOf(status: number, answer: Answer): Responses[string] {
  const { what, schema, media, headers = {} } = typeof answer === 'string' ? { what: answer } : answer
  const content =
    status >= 400
      ? { 'application/problem+json': { schema: problemBody } }
      : schema
        ? { [media ?? 'application/json']: { schema: resolver(schema) } }
        : typeof answer === 'string'
          ? undefined
          : { [media ?? 'application/octet-stream']: {} }
  const said = status === 429 ? { 'retry-after': 'Seconds.', ...headers } : headers
  return {
    description: what,
    ...(content && { content }),
    ...(Object.keys(said).length > 0 && {
      headers: Object.fromEntries(
        Object.entries(said).map(([name, description]) => [
          name,
          { description, required: true, schema: { type: 'string' as const } },
        ]),
      ),
    }),
  }
}

function parametersOf(
  place: 'path' | 'query',
  parameters: z.ZodObject | undefined,
): NonNullable<DescribeRouteOptions['parameters']> {
  return Object.entries(parameters?.shape ?? {}).map(([name, schema]) => ({
    in: place,
    name,
    required: place === 'path',
    schema: z.toJSONSchema(schema as z.ZodType, { io: 'output' }) as object,
  }))
}

export type ApiDocument = Awaited<ReturnType<typeof generateSpecs>>

/** The document of all described routes of `app`. */
export function documentOf(app: Hono<Env>, version: string): Promise<ApiDocument> {
  return generateSpecs(app, {
    excludeStaticFile: false,
    documentation: {
      info: {
        title: 'Kindred',
        version,
        summary: 'Between devices that train their own ranking models and the server that matches them',
        description:
          'Events go up, batches of samples of kindred users come down. Every refusal is a problem document (RFC 9457).',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          device: {
            type: 'http',
            scheme: 'bearer',
            description: 'What `POST /api/devices` gave the device.',
          },
          admin: {
            type: 'http',
            scheme: 'bearer',
            description: 'The operator’s credential, where one is configured.',
          },
        },
      },
    },
  })
}
