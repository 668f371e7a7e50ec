/** The device runtime in a worker of a browser: wiring only. What the worker's name may say is in `options.ts`. */

import { version } from '../../package.json'
import { serve } from '../../shared/boundary.ts'
import { systemClock } from '../../shared/clock.ts'
import { compileKernel, type Kernel } from '../../shared/engine/fused/kernel.ts'
import { seeded } from '../../shared/random.ts'
import { createLocks, locksOf } from '../locks.ts'
import { accountIn, rootIn, seedIn, serverIn, signsIn, staticIn } from '../options.ts'
import type { Platform } from '../platform.ts'
import { connectTrainer } from '../trainer/port.ts'
import { createDevice } from './device.ts'
import { factsOf } from './facts.ts'
import { DB_NAME } from './storage/names.ts'

/** The root of trust that this app was built for (SHA-256), if the build was told. */
const BUILT_FOR = rootIn(`root=${import.meta.env.VITE_KINDRED_ROOT ?? ''}`)

/** Where the trainers of this worker come from. */
export interface Trainers {
  /** Another one where their code is another. */
  readonly engines: string
  open(): Worker
}

/** Starts the device of this worker, and answers for it. */
export function serveHere({ engines, open }: Trainers): void {
  const { name } = self
  const random = seeded(seedIn(name) ?? crypto.getRandomValues(new Uint32Array(1))[0]!)
  const server = serverIn(name, self.location.origin)
  const files = staticIn(name, self.location.origin)
  const account = accountIn(name)
  const root = rootIn(name) ?? BUILT_FOR
  const { userAgent, language } = navigator
  const agent = { userAgent, language, gpu: 'gpu' in navigator }
  const stored = account === undefined ? DB_NAME : `${DB_NAME}:${account}`

  /** Tabs of other versions meet here, too: each passes over what it does not know. */
  const channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel(stored)

  /** For the trainers; where there is none they find out for themselves. */
  let kernel: Kernel | undefined
  compileKernel().then(
    (compiled) => {
      kernel = compiled
    },
    () => {},
  )

  // Without a secure context there are no Web Locks; then each tab only keeps order within itself.
  const locks = (navigator.locks as Platform['locks'] | undefined) ?? createLocks()

  const platform: Platform = {
    clock: systemClock,
    fetch: (path, request) => fetch(new URL(path.slice(1), server), request),
    ...(files !== undefined && {
      files: (path, request) => fetch(new URL(path.slice(1), files), request),
    }),
    signsIn: signsIn(name),
    facts: () => factsOf(agent, version),
    ...(root !== undefined && { root }),
    storage: { name: stored, indexedDB, IDBKeyRange },
    locks: account === undefined ? locks : locksOf(account, locks),
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
    agent: { browser: navigator.userAgent, engines },
    spawnTrainer() {
      const worker = open()
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
}
