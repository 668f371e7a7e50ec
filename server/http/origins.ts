/** Sites of other origins, whose pages may ask the API as devices do (CORS, Fetch Standard §3.3). */
import { cors } from 'hono/cors'

/** Longest that browsers remember what they may ask; Chromium's own limit. */
const REMEMBERED_S = 7200

/**
 * Says so to the pages of `origins`, and to no others. Never with cookies: a device shows its credential in a header, and so
 * does the app around it its token.
 */
export const forOrigins = (origins: readonly string[]) =>
  cors({
    origin: [...origins],
    allowMethods: ['GET', 'POST', 'PUT', 'DELETE'],
    allowHeaders: ['authorization', 'content-type', 'content-encoding', 'if-none-match'],
    // What a device reads of an answer, beyond what any page may.
    exposeHeaders: ['date', 'etag', 'repr-digest', 'retry-after'],
    maxAge: REMEMBERED_S,
  })
