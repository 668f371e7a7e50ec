/** The page's one way to the device: its worker, started and connected. */
import { connect } from '../shared/boundary.ts'
import type { DeviceApi, Status } from '../shared/protocol.ts'
import { createStore, type Store } from './store.ts'

/** The worker's name carries `?engine=tfjs-wasm` on; the worker knows which engines there are. */
export function workerName(query: string): string {
  const engine = new URLSearchParams(query).get('engine') ?? ''
  return /^[a-z]+(-[a-z]+)?$/.test(engine) ? `engine=${engine}` : 'kindred'
}

/** Starts the device worker. Throws where the browser has no module workers. */
export function startDevice(query: string): DeviceApi {
  const name = workerName(query)
  return connect(new Worker(new URL('../worker/device/index.ts', import.meta.url), { type: 'module', name }))
}

/** The newest status; null until the worker has said the first. */
export function statusOf(device: DeviceApi): Store<Status | null> {
  const status = createStore<Status | null>(null)
  device.onStatus(status.set)
  return status
}
