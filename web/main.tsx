import './style/base.css'
import './style/feed.css'
import { render } from 'preact'
import { toFailure } from '../shared/error.ts'
import type { DeviceApi } from '../shared/protocol.ts'
import { seeded } from '../shared/random.ts'
import { lacking } from './able.ts'
import { App } from './app.tsx'
import { watchBadge } from './badge.ts'
import { Cannot } from './cannot.tsx'
import { askToKeep, tellConditions, tellInput } from './client/conditions.ts'
import { seedIn, startDevice, statusOf } from './device.ts'
import { createFeed, type Feed } from './feed/feed.ts'
import { createSession } from './feed/session.ts'
import { createInstall } from './install.ts'
import { followLaunches } from './launch.ts'
import { apply, chosenLook } from './look.ts'
import { Fault } from './parts.tsx'
import { placeIn } from './place.ts'
import { beginSpeaking } from './strings/index.ts'
import { syncLater } from './sync.ts'
import { createUpdates } from './update.ts'

const root = document.getElementById('app')!

function run(device: DeviceApi): void {
  const random = seeded(seedIn(location.search) ?? crypto.getRandomValues(new Uint32Array(1))[0]!)
  const install = createInstall(window)
  const feed = createFeed({
    device,
    session: createSession(sessionStorage),
    seed: () => random.below(2 ** 32),
    now: () => performance.now(),
    later: (act, ms) => setTimeout(act, ms),
  })
  const updates = createUpdates(() => location.reload(), settled(feed))
  const status = statusOf(device)
  tellConditions(window, (conditions) => void device.conditions(conditions).catch(() => {}))
  tellInput(window, status, () => void device.busy(null).catch(() => {}))
  askToKeep(status, device, navigator.storage as StorageManager | undefined)
  // The service worker sends to where it is from.
  if (!placeIn(document).has('server'))
    syncLater(status, navigator.serviceWorker as ServiceWorkerContainer | undefined)
  watchBadge(window, status)
  followLaunches(window)
  document.addEventListener('visibilitychange', () => feed.page(!document.hidden))
  addEventListener('pagehide', () => void feed.flush())
  void feed.start()
  render(<App {...{ device, feed, install, updates, status }} />, root)
}

/** When the feed stands, or cannot. */
const settled = ({ state }: Feed): Promise<void> =>
  new Promise((done) => {
    const stop = state.watch(({ phase }) => {
      if (phase === 'preparing') return
      stop()
      done()
    })
  })

apply(chosenLook())

async function open(): Promise<void> {
  // Worker and words load side by side.
  const words = beginSpeaking()
  const lacks = lacking(window)
  try {
    const device = lacks.length > 0 ? null : startDevice(location.search)
    await words
    if (device) run(device)
    else render(<Cannot lacks={lacks} />, root)
  } catch (error) {
    await words
    render(<Fault failure={toFailure(error, 'engine')} />, root)
  }
}
void open()
