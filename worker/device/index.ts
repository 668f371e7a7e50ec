/** The device worker in a browser: wiring only. Its name may force the trainer's engine: `engine=tfjs-webgpu`. */
import { serve } from '../../shared/boundary.ts'
import { systemClock } from '../../shared/clock.ts'
import { createLocks } from '../locks.ts'
import type { Platform } from '../platform.ts'
import { connectTrainer } from '../trainer/port.ts'
import { DB_NAME } from './db.ts'
import { createDevice } from './device.ts'

const platform: Platform = {
  clock: systemClock,
  fetch: (path, request) => fetch(new URL(path, self.location.origin), request),
  storage: { name: DB_NAME, indexedDB, IDBKeyRange },
  // Without a secure context there are no Web Locks; then each tab only keeps order within itself.
  locks: (navigator.locks as Platform['locks'] | undefined) ?? createLocks(),
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
  spawnTrainer() {
    const worker = new Worker(new URL('../trainer/index.ts', import.meta.url), {
      type: 'module',
      name: self.name,
    })
    return connectTrainer(worker, () => worker.terminate())
  },
  seed: () => crypto.getRandomValues(new Uint32Array(1))[0]!,
}

const device = createDevice(platform)
serve(self, device)
void device.start()
