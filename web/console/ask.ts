/** The operator's routes, asked with the operator's credential. */
import { AppError } from '../../shared/error.ts'
import { parse } from '../../shared/failure.ts'
import { t } from './words/index.ts'

type Schema<T> = Parameters<typeof parse<T>>[0]

/**
 * Asks a route under /api/admin; with a body by POST. Throws `unauthorised` for a credential that does not count, `offline` where
 * nothing answers, `not-ready` where there is no such thing, and `refused` with what the server says.
 */
export type Ask = <T>(schema: Schema<T>, path: string, body?: object) => Promise<T>

export const createAsk =
  (credential: string, fetched: typeof fetch = (...asked) => fetch(...asked)): Ask =>
  async (schema, path, body) => {
    const response = await fetched(`/api/admin${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: headersWith(credential),
      credentials: 'omit',
      cache: 'no-store',
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).catch((cause: unknown) => {
      throw new AppError('offline', t.offline, { cause })
    })
    const value: unknown = await response.json().catch(() => null)
    if (response.ok) return parse(schema, value, 'The answer')
    const { title = `${response.status}`, detail } = (value ?? {}) as { title?: string; detail?: string }
    if (response.status === 401) throw new AppError('unauthorised', t.signIn.wrong)
    if (response.status === 429) throw new AppError('refused', t.signIn.tooMany)
    throw new AppError(response.status === 404 ? 'not-ready' : 'refused', detail ?? title)
  }

/** What cannot stand in a header is no credential. */
function headersWith(credential: string): Headers {
  try {
    return new Headers({ authorization: `Bearer ${credential}`, 'content-type': 'application/json' })
  } catch (cause) {
    throw new AppError('unauthorised', t.signIn.wrong, { cause })
  }
}
