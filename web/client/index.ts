/** `kindred/client`: a list that is ranked on the user's own device, in any page. docs/client.md shows how. */
import { AppError, toFailure } from '../../shared/error.ts'
import { type Ending, keepWorking } from './alive.ts'
import type * as api from './api.ts'
import { createClient } from './client.ts'
import { tellConditions, tellInput } from './conditions.ts'
import { addressOf, workerName } from './options.ts'
import { STARTING } from './status.ts'

export { AppError } from '../../shared/error.ts'
export type * from './api.ts'
export { watchExposures } from './exposures.ts'

export const createKindred: typeof api.createKindred = (options = {}) => {
  if (typeof window === 'undefined') return createClient(absent('There is no browser here.'))
  const base = document.baseURI
  const name = workerName(options, base)
  const at = options.worker === undefined ? undefined : addressOf(options.worker, base, 'worker')
  let device: Ending
  try {
    device = keepWorking(() =>
      at === undefined
        ? new Worker(new URL('../../worker/device/embedded.ts', import.meta.url), { type: 'module', name })
        : new Worker(at, { type: 'module', name }),
    )
  } catch (error) {
    const { message } = toFailure(error)
    return createClient(absent(`The worker cannot be started; it must be of the page's origin: ${message}`))
  }
  const over = new AbortController()
  let training: Parameters<typeof tellInput>[1]['get'] = () => null
  device.onStatus((status) => {
    training = () => status
  })
  const { storage } = navigator as { storage?: StorageManager }
  const client = createClient({ device, token: options.token, storage, onClose: () => over.abort() })
  tellConditions(window, (now) => void device.conditions(now).catch(() => {}), over.signal)
  tellInput(
    window,
    { get: () => training() },
    () => void device.busy(null).catch(() => {}),
    () => performance.now(),
    over.signal,
  )
  return client
}

/** A device that does nothing, and says why. */
function absent(message: string): Parameters<typeof createClient>[0] {
  const why = new AppError('worker', message)
  const refuse = () => Promise.reject(why)
  const device = new Proxy({} as Ending, {
    get: (_, name) => (name === 'onStatus' || name === 'end' ? () => () => {} : refuse),
  })
  return { device, initial: { ...STARTING, phase: 'idle', failure: toFailure(why) } }
}
