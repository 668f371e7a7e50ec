/**
 * What the host calls. A batch is cut into pieces that fit the scratch memory: `begin`, then `learn` for each piece, then
 * `finish`, which leaves the gradient in its buffer; then perhaps `adam`, and always `clear`. Or `begin` and `predict`.
 */
import { moveOthers, moveRows, moveTouched } from './adam.ts'
import { prepareUnit } from './attend.ts'
import { finishUnit, prepareUnitBack } from './attend-back.ts'
import { layerBack, layerForward, outputBack, outputForward, prepareLayerBack } from './layers.ts'
import { crossEntropy, sigmoid } from './loss.ts'
import { partBack, partForward } from './parts.ts'
import { ATTEND, Layer, Model, Part, Table } from './records.ts'
import { clearTouched } from './table.ts'

export function begin(model: Model, learning: bool): void {
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

/** Probabilities of the `n` rows whose ids and dense values lie in place. */
export function predict(model: Model, n: usize): void {
  forward(model, n)
  for (let r: usize = 0; r < n; r++)
    store<f32>(model.probabilities + (r << 2), <f32>sigmoid(load<f32>(model.logits + (r << 2))))
}

/** Adds the gradient of the `n` rows whose input lies in place; answers their share of the loss. */
export function learn(model: Model, n: usize): f64 {
  forward(model, n)
  const loss = backToLogits(model, n)
  outputBack(model, n)
  for (let at = model.lastLayer; at !== 0; at = changetype<Layer>(at).previous)
    layerBack(model, changetype<Layer>(at), n)
  for (let at = model.parts; at !== 0; at = changetype<Part>(at).next)
    partBack(model, changetype<Part>(at), n)
  return loss
}

export function finish(model: Model): void {
  for (let at = model.parts; at !== 0; at = changetype<Part>(at).next)
    if (changetype<Part>(at).kind === ATTEND) finishUnit(model, changetype<Part>(at))
}

/** Step `t` = 1, 2, … along the gradient; rate and epsilon are those of `corrected`. */
export function adam(model: Model, t: i32, rate: f32, epsilon: f32, lazy: bool): void {
  moveOthers(model, rate, epsilon)
  for (let at = model.tables; at !== 0; at = changetype<Table>(at).next)
    if (lazy) moveTouched(model, changetype<Table>(at), rate, epsilon)
    else moveRows(model, changetype<Table>(at), t, rate, epsilon)
}

export function clear(model: Model): void {
  for (let at = model.tables; at !== 0; at = changetype<Table>(at).next)
    clearTouched(changetype<Table>(at), model.toGradient)
}

function forward(model: Model, n: usize): void {
  for (let at = model.parts; at !== 0; at = changetype<Part>(at).next)
    partForward(model, changetype<Part>(at), n)
  for (let at = model.layers; at !== 0; at = changetype<Layer>(at).next)
    layerForward(changetype<Layer>(at), n)
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
