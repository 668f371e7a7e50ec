/**
 * What the host calls. A batch is cut into pieces that fit the scratch memory: `begin`, then `enter`, `learn` and `leave`
 * for each piece, then `finish`, which leaves the gradient in its buffer; then perhaps `step`, and always `clear`. Or
 * `begin` and `predict`. With Dice, whose statistics are those of the whole batch, all pieces enter before `learn`, and
 * since each takes the scratch memory of the one before, all but one enter again before they leave.
 */
import { prepareUnit } from './attend.ts'
import { finishUnit, prepareUnitBack } from './attend-back.ts'
import { layerBack, layerForward, outputBack, outputForward, prepareLayerBack } from './layers.ts'
import { crossEntropy, sigmoid } from './loss.ts'
import { clearPulled, moveAll, prepareStep } from './optimizer.ts'
import { idsFit, partBack, partForward } from './parts.ts'
import { ATTEND, Layer, Model, Part, Table } from './records.ts'
import { clearTouched } from './table.ts'

/** `sparing` leaves out gradients of frozen parameters, where that saves anything. */
export function begin(model: Model, learning: bool, sparing: bool): void {
  model.sparing = sparing ? 1 : 0
  for (let at = model.parts; at !== 0; at = changetype<Part>(at).next) {
    const part = changetype<Part>(at)
    if (part.kind !== ATTEND) continue
    prepareUnit(part)
    if (learning) prepareUnitBack(part)
  }
  if (!learning) return
  memory.fill(model.other + model.toGradient, 0, model.others << 2)
  for (let at = model.layers; at !== 0; at = changetype<Layer>(at).next)
    prepareLayerBack(changetype<Layer>(at))
}

/** Probabilities of the `n` rows whose ids and dense values lie in place; false if an id lies in no table. */
export function predict(model: Model, n: usize): bool {
  if (!enter(model, 0, n)) return false
  forward(model, n, false)
  for (let r: usize = 0; r < n; r++)
    store<f32>(model.probabilities + (r << 2), <f32>sigmoid(load<f32>(model.logits + (r << 2))))
  return true
}

/**
 * Takes the `n` rows whose ids and dense values lie in place to the layers, as their rows from `at` on; false, and none has
 * gone, if an id lies in no table.
 */
export function enter(model: Model, at: usize, n: usize): bool {
  for (let part = model.parts; part !== 0; part = changetype<Part>(part).next)
    if (!idsFit(model, changetype<Part>(part), n)) return false
  const x = model.x
  model.x = x + ((at * model.xWidth) << 2)
  for (let part = model.parts; part !== 0; part = changetype<Part>(part).next)
    partForward(model, changetype<Part>(part), n)
  model.x = x
  return true
}

/** Adds the layers' gradient from their first `n` rows, whose labels and shares lie in place; answers their loss. */
export function learn(model: Model, n: usize): f64 {
  forward(model, n, true)
  const loss = backToLogits(model, n)
  outputBack(model, n)
  for (let at = model.lastLayer; at !== 0; at = changetype<Layer>(at).previous) {
    const layer = changetype<Layer>(at)
    if (model.sparing !== 0 && layer.trained === 0 && layer.below === 0) break
    layerBack(model, layer, n)
  }
  return loss
}

/** Adds the parts' gradient from the layers' rows [at, at + n), which were the last to enter. */
export function leave(model: Model, at: usize, n: usize): void {
  const dx = model.dx
  model.dx = dx + ((at * model.dxWidth) << 2)
  for (let part = model.parts; part !== 0; part = changetype<Part>(part).next)
    if (isWanted(model, changetype<Part>(part))) partBack(model, changetype<Part>(part), n)
  model.dx = dx
}

export function finish(model: Model): void {
  for (let at = model.parts; at !== 0; at = changetype<Part>(at).next)
    if (changetype<Part>(at).kind === ATTEND && isWanted(model, changetype<Part>(at)))
      finishUnit(model, changetype<Part>(at))
}

function isWanted(model: Model, part: Part): bool {
  return model.sparing === 0 || part.trained !== 0
}

/**
 * Step `t` = 1, 2, … along the gradient plus `pull`·(w − w₀); rate and epsilon are those of `paceOf`, `alone` says whether
 * rows without a gradient in this batch move too. False, and nothing has moved, if the gradient is too steep.
 */
export function step(model: Model, t: i32, rate: f32, epsilon: f32, pull: f32, alone: bool): bool {
  const fine = prepareStep(model, t, pull, alone)
  if (fine) moveAll(model, t, rate, epsilon, alone)
  clearPulled(model)
  return fine
}

export function clear(model: Model): void {
  for (let at = model.tables; at !== 0; at = changetype<Table>(at).next)
    clearTouched(changetype<Table>(at), model.toGradient)
}

function forward(model: Model, n: usize, learning: bool): void {
  for (let at = model.layers; at !== 0; at = changetype<Layer>(at).next)
    layerForward(changetype<Layer>(at), n, learning)
  outputForward(model, n)
}

/** Replaces the logits by the derivative of the loss. */
function backToLogits(model: Model, n: usize): f64 {
  let loss: f64 = 0
  for (let r: usize = 0; r < n; r++) {
    const share: f64 = load<f32>(model.shares + (r << 2))
    const label: f64 = load<f32>(model.labels + (r << 2))
    const at = model.logits + (r << 2)
    const logit: f64 = load<f32>(at)
    loss += share * crossEntropy(logit, label)
    store<f32>(at, <f32>(share * (sigmoid(logit) - label)))
  }
  return loss
}
