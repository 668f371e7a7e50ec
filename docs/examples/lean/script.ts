/** Ranks by what the model says and by what the user leans to: one number for each dense feature, taught by the user's own clicks. */
import type { Batch, NamedSamples, TaskContext } from 'kindred/task'

export function run(context: TaskContext): Promise<unknown> {
  return context.trigger.on === 'call' ? rank(context) : learn(context)
}

async function learn({ samples, models, engine, task, log, progress }: TaskContext) {
  const training = await samples.read('local-training')
  const validation = await samples.read('local-validation')
  const ranking = await models.read('data/ranking')
  if (!ranking || training.ids.length === 0 || validation.ids.length === 0) return { learnt: false }
  const { rounds, learningRate, pull } = task.hyper as Record<'rounds' | 'learningRate' | 'pull', number>

  // What the model says of the user's samples is where the lean begins.
  const model = await engine.load(engine.din(), ranking)
  const said = {
    training: await model.predict(training.batch),
    validation: await model.predict(validation.batch),
  }

  const lean = new Float32Array(task.layout.denseWidth)
  for (let round = 1; round <= rounds; round++) {
    const chances = leaning(training.batch, said.training, lean)
    lean.forEach((number, column) => {
      const slope = chances.reduce((sum, chance, row) => {
        const { dense, labels } = training.batch
        return sum + (chance - labels[row]!) * dense[row * lean.length + column]!
      }, 0)
      lean[column] = number - learningRate * (slope / chances.length + pull * number)
    })
    progress(round / rounds)
  }

  const before = lossOf(validation.batch, said.validation)
  const after = lossOf(validation.batch, leaning(validation.batch, said.validation, lean))
  log.report('lean', { before, after })
  const learnt = after < before
  if (learnt) await models.write('lean', { lean: { shape: [lean.length], data: lean } })
  return { learnt, before, after }
}

async function rank({ samples, models }: TaskContext) {
  const { batch, scores }: NamedSamples = await samples.read('candidates')
  const lean = (await models.read('lean'))?.lean
  if (scores) samples.rank(lean ? leaning(batch, scores, lean.data) : scores)
}

/** The chance of each row, moved on the logarithm's scale of the odds by its dense features. */
function leaning({ dense }: Batch, chances: Float32Array, lean: Float32Array): Float32Array {
  return chances.map((chance, row) => {
    const odds = lean.reduce((sum, number, column) => sum + number * dense[row * lean.length + column]!, 0)
    return 1 / (1 + Math.exp(-odds) * (1 / clipped(chance) - 1))
  })
}

function lossOf({ labels }: Batch, chances: Float32Array): number {
  const sum = chances.reduce((all, chance, row) => {
    const right = labels[row] === 1 ? clipped(chance) : 1 - clipped(chance)
    return all - Math.log(right)
  }, 0)
  return sum / chances.length
}

const clipped = (chance: number): number => Math.min(1 - 1e-6, Math.max(1e-6, chance))
