/** A look into the event log of a server that has stopped. */
import { join } from 'node:path'
import { openStore } from '../../server/store/lmdb.ts'
import type { KindredEvent } from '../../shared/event.ts'

export { type Random, seeded } from '../../shared/random.ts'

/** By device: its events in the log. */
export async function readLog(
  data: string,
  devices: readonly string[],
): Promise<ReadonlyMap<string, readonly KindredEvent[]>> {
  const store = openStore(join(data, 'store'))
  try {
    const logs = new Map<string, readonly KindredEvent[]>()
    for (const device of devices) {
      const found = await store.users.byDevice(device)
      logs.set(device, found ? await store.events.of(found.user) : [])
    }
    return logs
  } finally {
    await store.close()
  }
}
