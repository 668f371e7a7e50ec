/** The device worker in a browser: wiring only. What its name may force is in `options.ts`. */
import '../../shared/no-eval.ts'
import { serve } from '../../shared/boundary.ts'
import { systemClock } from '../../shared/clock.ts'
import { compileKernel, type Kernel } from '../../shared/engine/fused/kernel.ts'
import { seeded } from '../../shared/random.ts'
import { createLocks } from '../locks.ts'
import { seedIn } from '../options.ts'
import type { Platform } from '../platform.ts'
import trainerUrl from '../trainer/index.ts?worker&url'
import { connectTrainer } from '../trainer/port.ts'
import { DB_NAME } from './db.ts'
import { createDevice } from './device.ts'

const random = seeded(seedIn(self.name) ?? crypto.getRandomValues(new Uint32Array(1))[0]!)

/** Tabs of other versions meet here, too: each passes over what it does not know. */
const channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel(DB_NAME)

/** For the trainers; where there is none they find out for themselves. */
let kernel: Kernel | undefined
compileKernel().then(
  (compiled) => {
    kernel = compiled
  },
  () => {},
)

const platform: Platform = {
  clock: systemClock,
  fetch: (path, request) => fetch(new URL(path, self.location.origin), request),
  storage: { name: DB_NAME, indexedDB, IDBKeyRange },
  // Without a secure context there are no Web Locks; then each tab only keeps order within itself.
  locks: (navigator.locks as Platform['locks'] | undefined) ?? createLocks(),
  tabs: {
    post: (message) => channel?.postMessage(message),
    onMessage(listener) {
      const hear = ({ data }: MessageEvent) => listener(data)
      channel?.addEventListener('message', hear)
      return () => channel?.removeEventListener('message', hear)
    },
  },
  network: {
    online: () => navigator.onLine,
    onChange(listener) {
      self.addEventListener('online', listener)
      self.addEventListener('offline', listener)
      return () => {
        self.removeEventListener('online', listener)
        self.removeEventListener('offline', listener)
      }
    },
  },
  after(ms, work) {
    const timer = setTimeout(work, ms)
    return () => clearTimeout(timer)
  },
  // The name of the trainer's script has a hash of all its code in it, the engines' too.
  agent: { browser: navigator.userAgent, engines: trainerUrl },
  spawnTrainer() {
    const worker = new Worker(trainerUrl, { type: 'module', name: self.name })
    return connectTrainer(
      worker,
      () => worker.terminate(),
      () => kernel,
    )
  },
  seed: () => random.below(2 ** 32),
}

const device = createDevice(platform)
serve(self, device)
void device.start()
