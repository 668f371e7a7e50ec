/** Every 4xx and 5xx: RFC 9457, `application/problem+json`. It says what the caller did wrong, and nothing of the inside. */
import { STATUS_CODES } from 'node:http'
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { routePath } from 'hono/route'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Logger } from 'pino'
import type { Problem } from '../../shared/api.ts'
import { AppError, type FailureCode } from '../../shared/failure.ts'
import { requestId } from './request-id.ts'

export function problem<S extends ContentfulStatusCode>(
  c: Context,
  status: S,
  detail?: string,
  headers: Record<string, string> = {},
) {
  const body: Problem = {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    ...(detail !== undefined && { detail }),
  }
  return c.json(body, status, {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    ...headers,
  })
}

export const unauthorised = (c: Context, detail = 'This device is not known: register it.') =>
  problem(c, 401, detail, { 'www-authenticate': 'Bearer' })

/** Failures whose message is meant for the caller. */
const STATUS: Partial<Record<FailureCode, ContentfulStatusCode>> = {
  'bad-input': 400,
  unauthorised: 401,
  'not-ready': 503,
}

/** What any thrown thing is answered with. */
export function answerError(log: Logger) {
  return (error: Error, c: Context) => {
    if (error instanceof HTTPException) return problem(c, error.status as ContentfulStatusCode)
    const status = error instanceof AppError ? STATUS[error.code] : undefined
    if (status === 401) return unauthorised(c, error.message)
    if (status) return problem(c, status, error.message, status === 503 ? { 'retry-after': '60' } : {})
    const request = requestId(c)
    log.error({ err: error, id: request, route: routePath(c) }, 'a request failed')
    return problem(c, 500, `The log has it under ${request}.`)
  }
}
