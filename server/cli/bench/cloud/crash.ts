/** What is lost when the server is killed again and again under load: `kindred torture --server` as a part. */
import { crashMetrics } from '../../../crash/metrics.ts'
import { crash as run } from '../../../crash/run.ts'
import type { Part } from './part.ts'

export const crash: Part = async ({ quick, progress }) => {
  const kills = quick ? 6 : 100
  return crashMetrics(
    await run({ kills, seed: 1, onKill: (done) => progress('Killing servers', done, kills) }),
  )
}
