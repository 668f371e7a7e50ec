/** The engine as a script has it: its models do nothing once the run is over, and are given back then. */
import type { Model, Training } from '../../engine/engine.ts'
import { din, initialWeights, type ModelSpec, prunedDin } from '../../model/spec.ts'
import type { Weights } from '../../model/weights.ts'
import type { Random } from '../../random.ts'
import type { TaskEngine } from '../context.ts'
import type { Within } from './context.ts'

export function createEngine({ ground, signal, during }: Within, random: Random) {
  const { schema, widths } = ground
  const loaded = new Set<Model>()

  async function load(spec: ModelSpec, weights: Weights, training?: Training): Promise<Model> {
    const model = await ground.engine.load(spec, weights, training)
    loaded.add(model)
    const paced = <T>(work: () => Promise<T>) =>
      during(async () => {
        const wait = ground.pause?.()
        if (wait) await wait
        signal.throwIfAborted()
        return work()
      })
    return {
      spec: model.spec,
      step: (batch, rate) => paced(() => model.step(batch, rate)),
      predict: (batch) => during(() => model.predict(batch)),
      gradient: (batch) => paced(() => model.gradient(batch)),
      save: () => during(() => model.save()),
      mark: () => during(() => model.mark()),
      revert: () => during(() => model.revert()),
      dispose() {
        if (loaded.delete(model)) model.dispose()
      },
    }
  }

  const engine: TaskEngine = {
    din: (own = widths.ranking) => din(schema, own),
    prunedDin: (own = widths.classifier) => prunedDin(schema, own),
    load: (spec, weights, training) => during(() => load(spec, weights, training)),
    initialise: (spec, given) => initialWeights(spec, random, given),
  }
  return {
    engine,
    dispose() {
      for (const model of loaded) model.dispose()
      loaded.clear()
    },
  }
}
