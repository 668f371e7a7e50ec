/** What a thread of an experiment is told of the task, and what its people are made and scored with. */
import { type Catalogue, catalogueSchema } from '../../shared/catalogue.ts'
import type { Clock } from '../../shared/clock.ts'
import { createFusedEngine } from '../../shared/engine/fused/engine.ts'
import { type Context, createContext } from '../../shared/generate.ts'
import { din } from '../../shared/model/spec.ts'
import type { Manifest } from '../../shared/task.ts'
import { factorsOf } from '../../worker/device/delivery/active.ts'
import type { Arm } from './arms.ts'
import { createCachingFetch } from './http-cache.ts'
import type { Scoring } from './person.ts'

/** An arm, and the URL of its server. */
export type Reached = Arm & { readonly server: string }

/** May be sent to a thread. */
export interface Common {
  readonly now: number
  readonly seed: number
  /** Of the host app, by which tokens are signed. */
  readonly secret: Uint8Array
  readonly manifest: Manifest
  readonly catalogue: Catalogue
  /** The file of the task's item factors, where it has some. */
  readonly factors: Uint8Array | undefined
  readonly arms: readonly Reached[]
}

export interface Scene {
  readonly clock: Clock
  readonly context: Context
  readonly scoring: Scoring
  readonly send: typeof fetch
}

export async function openScene({ now, manifest, catalogue, factors }: Common): Promise<Scene> {
  const context = createContext(manifest.schema, catalogueSchema.parse(catalogue), manifest.hyper)
  return {
    clock: { now: () => now },
    context,
    scoring: {
      engine: await createFusedEngine(),
      spec: din(manifest.schema, manifest.ranking),
      factors: factors && factorsOf(context, factors),
    },
    send: createCachingFetch(),
  }
}
