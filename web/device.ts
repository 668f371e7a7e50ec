/** The page's one way to the device: its worker, started, connected, and started anew where it dies. */
import type { DeviceApi, Status } from '../shared/protocol.ts'
import { scriptAddress } from '../shared/trusted.ts'
// biome-ignore lint/style/noRestrictedImports: its address alone, for it is reached by messages
import deviceUrl from '../worker/device/index.ts?worker&url'
import { keepWorking } from './client/alive.ts'
import { placeIn } from './place.ts'
import { createStore, type Store } from './store.ts'

/** `?seed=7` makes a visit repeatable: the draw of the feed and the rounds. */
export function seedIn(query: string): number | undefined {
  const seed = new URLSearchParams(query).get('seed') ?? ''
  return /^\d{1,9}$/.test(seed) ? Number(seed) : undefined
}

/** The worker's name carries `?engine=tfjs-wasm&seed=7` on, beside what the page says; the worker knows which engines there are. */
export function workerName(query: string, place = new URLSearchParams()): string {
  const engine = new URLSearchParams(query).get('engine') ?? ''
  const seed = seedIn(query)
  const options = new URLSearchParams(place)
  if (/^[a-z]+(-[a-z]+)?$/.test(engine)) options.set('engine', engine)
  if (seed !== undefined) options.set('seed', String(seed))
  return options.toString() || 'kindred'
}

/** Starts the device worker. Throws where the browser has no module workers. */
export function startDevice(query: string): DeviceApi {
  const name = workerName(query, placeIn(document))
  return keepWorking(() => new Worker(scriptAddress(deviceUrl), { type: 'module', name }))
}

/** The newest status; null until the worker has said the first. */
export function statusOf(device: DeviceApi): Store<Status | null> {
  const status = createStore<Status | null>(null)
  device.onStatus(status.set)
  return status
}
