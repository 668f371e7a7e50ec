/** A server that wants to be left alone. Light: the service worker needs it, too. */

/** Longest that a `Retry-After` is honoured: a wrong one must not silence the device for ever. */
const MAX_PATIENCE_MS = 3_600_000
/** Devices that were sent away together do not come back together: each waits up to this share longer. */
const JITTER = 0.25

/** How long it still wants to be left alone, ms. */
export function silenceLeft(until: number, now: number): number {
  const left = until - now
  // More than we would ever promise is no promise of ours: the clock was put back meanwhile.
  return left <= MAX_PATIENCE_MS * (1 + JITTER) ? Math.max(0, left) : 0
}

/**
 * For how long (ms) an answer sends the device away, with its own share of the jitter, in [0, 1). Undefined where it does
 * not, or for longer than any server of ours would.
 */
export function patienceAsked(
  status: number,
  headers: Pick<Headers, 'get'>,
  now: number,
  share: number,
): number | undefined {
  if (status !== 429 && status !== 503) return undefined
  const wait = retryAfter(headers, now)
  return wait > 0 && wait <= MAX_PATIENCE_MS ? wait * (1 + JITTER * share) : undefined
}

/** Milliseconds that a `Retry-After` asks for: seconds, or a date by the server's own clock (RFC 9110 §10.2.3). */
function retryAfter(headers: Pick<Headers, 'get'>, now: number): number {
  const value = headers.get('retry-after') ?? ''
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const theirs = Date.parse(headers.get('date') ?? '')
  return Date.parse(value) - (Number.isNaN(theirs) ? now : theirs)
}
