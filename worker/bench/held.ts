/**
 * A trainer's worker that does one round and stops at each point where it holds the most: just before a model is let go.
 * It says `held` there and goes on when it is told to, so that the page can take its measure meanwhile.
 */
import type { Engine, Model } from '../../shared/engine/engine.ts'
import { createFusedEngine } from '../../shared/engine/fused/engine.ts'
import { builtTasks } from '../testing/built.ts'
import { createTrainer } from '../trainer/trainer.ts'
import { roundOf } from './round.ts'

/** Bytes of linear memory made so far: what browsers tell of a worker leaves them out. None is taken off again. */
let linear = 0
const { Memory } = WebAssembly
WebAssembly.Memory = class extends Memory {
  constructor(descriptor: WebAssembly.MemoryDescriptor) {
    super(descriptor)
    linear += this.buffer.byteLength
  }
}

const told = (): Promise<void> =>
  new Promise((resolve) => self.addEventListener('message', () => resolve(), { once: true }))

async function hold(at: string): Promise<void> {
  const answer = told()
  self.postMessage({ held: at, linear })
  await answer
}

/** The same engine; `steps` counts what has been learnt so far by a model. */
function holding(engine: Engine): Engine {
  return {
    ...engine,
    async load(...args) {
      const model = await engine.load(...args)
      let learning = false
      let marked = false
      return new Proxy(model, {
        get(of, name: keyof Model) {
          const value = of[name]
          if (typeof value !== 'function') return value
          if (name === 'step') learning = true
          if (name === 'mark') marked = true
          // The classifier's last act is to score; the ranking model's, where it has improved, to be saved.
          const last = (name === 'predict' && learning && !marked) || name === 'save'
          if (!last) return value.bind(of)
          return async (...given: unknown[]) => {
            const result = await (value as (...given: unknown[]) => unknown).apply(of, given)
            await hold(name)
            return result
          }
        },
      })
    },
  }
}

const { run } = createTrainer(async () => ({ engine: holding(await createFusedEngine()), timings: [] }))
const round = roundOf(run, builtTasks)
await hold('start')
const { kept, stepsKept } = await round()
self.postMessage({ done: { kept, stepsKept } })
