/** An engine as a script gets it: what goes wrong with it is heard by the trainer, whatever the script makes of it. */
import type { Engine, Model } from '../../shared/engine/engine.ts'
import { AppError } from '../../shared/failure.ts'
import { allFinite, type Weights } from '../../shared/model/weights.ts'

export interface Ears {
  /**
   * Hears of whatever an engine throws and is no fault of who asked: `diverged`, `engine`, or no failure of ours at all. Who
   * asked gets it, too.
   */
  failed(error: unknown): void
  /** After each call: the time to see how much it holds. */
  used(): void
}

/** What a script asks wrongly, or the run that is over, says nothing of the engine. */
const ASKED_WRONGLY: readonly string[] = ['bad-input', 'bad-artifact', 'cancelled']

/** Also throws `diverged` for scores and weights that are not finite, where the engine itself does not. */
export function watchedEngine(engine: Engine, { failed, used }: Ears): Engine {
  async function heard<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work()
      used()
      return result
    } catch (error) {
      if (!(error instanceof AppError && ASKED_WRONGLY.includes(error.code))) failed(error)
      throw error
    }
  }

  const watchedModel = (model: Model): Model => ({
    spec: model.spec,
    step: (batch, rate) => heard(() => model.step(batch, rate)),
    predict: (batch) =>
      heard(async () => {
        const scores = await model.predict(batch)
        if (!allFinite(scores)) throw new AppError('diverged', 'A score is no number any more.')
        return scores
      }),
    gradient: (batch) => heard(() => model.gradient(batch)),
    save: () =>
      heard(async () => {
        const weights = await model.save()
        if (!areFinite(weights)) throw new AppError('diverged', 'A weight is no number any more.')
        return weights
      }),
    mark: () => heard(() => model.mark()),
    revert: () => heard(() => model.revert()),
    dispose: () => model.dispose(),
  })

  return {
    ...engine,
    load: (...given) => heard(async () => watchedModel(await engine.load(...given))),
  }
}

const areFinite = (weights: Weights): boolean => Object.values(weights).every(({ data }) => allFinite(data))
