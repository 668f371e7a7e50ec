/** Background Sync: what could not be sent is sent by the service worker once there is a network, also with no page open. */
import type { Status } from '../shared/protocol.ts'
import { OUTBOX_SYNC } from '../shared/version.ts'
import type { Store } from './store.ts'

/** Chromium's; not in TypeScript's DOM. */
interface WithSync {
  readonly sync?: { register(tag: string): Promise<void> }
  /** Every registration has it; so that one without `sync` fits, too. */
  readonly scope: string
}

/** Asks for it each time that the server could not be reached while events waited. */
export function syncLater(
  status: Store<Pick<Status, 'online' | 'events'> | null>,
  worker: { readonly ready: Promise<WithSync> } | undefined,
): void {
  let asked = false
  status.watch((now) => {
    const stranded = now !== null && !now.online && now.events.waiting > 0
    if (stranded && !asked)
      worker?.ready
        .then(({ sync }) => sync?.register(OUTBOX_SYNC))
        // Refused, as by the user's settings: then it waits for the next page.
        .catch(() => {})
    asked = stranded
  })
}
