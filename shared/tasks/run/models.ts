/** The models that a script reads, and those that it leaves behind: by the names that its manifest declares. */
import { AppError } from '../../failure.ts'
import { allFinite, cloneWeights, type Weights } from '../../model/weights.ts'
import type { TaskModels } from '../context.ts'
import { DATA, RANKING } from '../manifest.ts'
import type { Effects } from '../run.ts'
import type { Within } from './context.ts'
import { jsonOf, STATE_BYTES } from './json.ts'

export function createModels({ manifest, ground, signal, during }: Within) {
  const { name, budget } = manifest
  const { reads, writes } = manifest.models
  const written = new Map<string, Weights>()
  const folds = new Set<string>()

  function mayRead(ref: string): { owner: string; own: string } {
    signal.throwIfAborted()
    if (!reads.includes(ref) && !writes.includes(ref))
      throw new AppError('refused', `${name} does not say that it reads ${ref}.`)
    const [owner, own] = ref.includes('/') ? ref.split('/') : [name, ref]
    return { owner: owner!, own: own! }
  }
  function mayWrite(ref: string): void {
    signal.throwIfAborted()
    if (!writes.includes(ref)) throw new AppError('refused', `${name} does not say that it writes ${ref}.`)
  }
  const copied = async (weights: Promise<Weights | undefined>) => {
    const found = await weights
    return found && cloneWeights(found)
  }

  const models: TaskModels = {
    read: (ref) =>
      during(async () => {
        const { owner, own } = mayRead(ref)
        return copied(written.has(ref) ? Promise.resolve(written.get(ref)) : ground.model(owner, own))
      }),
    initial: (ref) =>
      during(async () => {
        const { owner, own } = mayRead(ref)
        if (owner !== name && owner !== DATA) throw new AppError('refused', `${ref} is another task’s.`)
        return copied(ground.initial(owner, own))
      }),
    write: (ref, weights) =>
      during(async () => {
        mayWrite(ref)
        const copy = checked(weights, ref)
        written.set(ref, copy)
        const bytes = [...written.values()].reduce((sum, one) => sum + bytesOf(one), 0)
        if (bytes <= budget.modelBytes) return
        written.delete(ref)
        throw new AppError('refused', `The models have ${bytes} bytes, of at most ${budget.modelBytes}.`)
      }),
    checkpoint: (ref, weights, state = null) =>
      during(async () => {
        mayWrite(ref)
        const copy = weights && checked(weights, ref)
        if (copy && bytesOf(copy) > budget.modelBytes)
          throw new AppError('refused', `The checkpoint is larger than ${budget.modelBytes} bytes.`)
        await ground.keep(ref, {
          weights: copy,
          state: jsonOf(state, STATE_BYTES, 'What goes with a checkpoint'),
        })
      }),
    resume: (ref) =>
      during(async () => {
        mayWrite(ref)
        const kept = await ground.kept(ref)
        return (
          kept && {
            weights: kept.weights && cloneWeights(kept.weights),
            state: structuredClone(kept.state),
          }
        )
      }),
    fold(ref) {
      signal.throwIfAborted()
      mayWrite(ref)
      if (ref !== RANKING) throw new AppError('refused', `Only ${RANKING} has a personal vector.`)
      folds.add(ref)
    },
  }
  return {
    models,
    effects: (): Pick<Effects, 'models' | 'folds'> => ({
      models: Object.fromEntries(written),
      folds: [...folds],
    }),
  }
}

const bytesOf = (weights: Weights): number =>
  Object.values(weights).reduce((sum, { data }) => sum + data.byteLength, 0)

function checked(weights: Weights, ref: string): Weights {
  for (const [tensor, { data }] of Object.entries(weights))
    if (!allFinite(data)) throw new AppError('bad-artifact', `${tensor} of ${ref} is not finite.`)
  return cloneWeights(weights)
}
