import { randomBytes } from 'node:crypto'
import type { Context } from 'hono'

const PROCESS = randomBytes(6).toString('base64url')
const ids = new WeakMap<Context, string>()
let requests = 0

/** What the log calls this request. */
export function requestId(c: Context): string {
  let id = ids.get(c)
  if (id === undefined) {
    id = `${PROCESS}-${++requests}`
    ids.set(c, id)
  }
  return id
}
