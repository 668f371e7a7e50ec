/**
 * What the up tunnel, while a page is open, and the service worker, when none is, have in common: emptying the outbox. Light,
 * since a service worker is started for every visit: neither schemas nor Dexie, and browsers can compress.
 */
import type { KindredEvent } from '../../../shared/event.ts'
import { MAX_EVENTS } from '../../../shared/limits.ts'
import type { Request } from '../../platform.ts'

/** Events that wait, by their ids, which are in the order of time. */
export interface Outbox {
  /** Id of the newest; undefined where none waits. */
  newest(): Promise<string | undefined>
  /** The oldest of those up to and with `last`, at most `limit`. */
  oldest(last: string, limit: number): Promise<KindredEvent[]>
  /** These have arrived: they go, and are counted, as far as they are still there. */
  delivered(ids: readonly string[]): Promise<void>
}

/** Gives the zlib stream (RFC 1950) of bytes. */
export type Compress = (
  bytes: Uint8Array<ArrayBuffer>,
) => Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>

/** Where uploads go. */
export const UPLOADS = '/api/events'

/**
 * Sends everything that waits, aggregated and compressed; `send` throws unless the server has acknowledged it. What was not
 * when it throws still waits.
 */
export async function empty(
  outbox: Outbox,
  compress: Compress,
  send: (upload: Request) => Promise<unknown>,
): Promise<void> {
  // What comes in meanwhile waits for the next time: else a busy user is sent event by event.
  const last = await outbox.newest()
  while (last !== undefined) {
    const events = await outbox.oldest(last, MAX_EVENTS)
    if (events.length === 0) return
    await send({
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'deflate' },
      body: await compress(new TextEncoder().encode(JSON.stringify({ events }))),
    })
    await outbox.delivered(events.map(({ id }) => id))
  }
}
