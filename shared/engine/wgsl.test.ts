/**
 * What fused WGSL does before a GPU sees it. That it computes rightly is shown by the contract in a browser, since Node
 * has no WebGPU: e2e/engines.spec.ts.
 */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ACTIVATIONS, type ModelSpec } from '../model/spec.ts'
import { seeded } from '../random.ts'
import type { Batch } from '../sample.ts'
import { denseOnly, examples, randomBatch } from './contract.data.ts'
import { settle } from './training.ts'
import { createWgslEngine } from './wgsl/engine.ts'
import { termsOf } from './wgsl/gather.ts'
import { layOut, ZERO } from './wgsl/layout.ts'
import { learnShaders } from './wgsl/network.ts'
import { optimizeShader } from './wgsl/optimize.ts'
import { Sender } from './wgsl/send.ts'
import { HEADER, HEADER_WORDS, TOUCHED_WORDS } from './wgsl/text.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

const lesson = { total: 2, rate: 0.5, epsilon: 0.25 }

/** Two tables; the second row's history has padding inside it. */
const spec: ModelSpec = {
  idWidth: 5,
  denseWidth: 1,
  tables: [
    { name: 'items', rows: 9, dim: 2 },
    { name: 'topics', rows: 4, dim: 3 },
  ],
  inputs: [
    { kind: 'lookup', feature: 'item', table: 0, at: 0 },
    { kind: 'attend', feature: 'clicks', table: 0, at: 1, length: 3, query: 0 },
    { kind: 'pool', feature: 'topics', table: 1, at: 4, length: 1 },
    { kind: 'dense', feature: 'taste', at: 0, size: 1 },
  ],
  attention: 2,
  mlp: [2],
}
const batch: Batch = {
  size: 3,
  ids: Int32Array.of(5, 7, 0, 0, 2, /**/ 1, 1, 1, 1, 1, /**/ 7, 0, 7, 5, 0),
  dense: Float32Array.of(0.5, -1, 2),
  labels: Float32Array.of(1, 0, 0),
  weights: Float32Array.of(1, 0, 1),
}

/** What was sent, taken apart: rows' records, and for each touched embedding where its gradients will lie. */
function unpack(rows: number[], of?: typeof lesson) {
  const { sent } = new Sender(layOut(spec)).pack(batch, rows, of)
  const header = Object.fromEntries(HEADER.map((name, i) => [name, sent[i]!]))
  const { words } = layOut(spec).record
  const places = Array.from({ length: header.touched! }, (_, e) => {
    const [parameters, width, from, , , to] = sent.slice(header.touchedAt! + e * TOUCHED_WORDS)
    const at = header.occurrencesAt!
    return { parameters, width, places: [...sent.slice(at + from!, at + to!)] }
  })
  const records = rows.map((_, i) => sent.slice(HEADER_WORDS + i * words, HEADER_WORDS + (i + 1) * words))
  return { header, records, places, floats: new Float32Array(sent.slice().buffer) }
}

describe('what is sent', () => {
  const { parts, traceWords, dx } = layOut(spec)
  const [item, clicks, topics, taste] = parts
  if (item?.kind !== 'lookup' || clicks?.kind !== 'attend' || topics?.kind !== 'pool') throw new TypeError()
  if (taste?.kind !== 'dense') throw new TypeError()

  test('has the rows asked for, their sequences without padding', () => {
    const { records, floats, header } = unpack([0, 2], lesson)
    expect(header.rows).toBe(2)
    expect(records.map((record) => record[item.id])).toEqual([5, 7])
    expect(records.map((record) => record[clicks.count])).toEqual([1, 2])
    expect([...records[1]!.slice(clicks.ids, clicks.ids + 2)]).toEqual([7, 5])
    expect(records.map((record) => record[topics.count])).toEqual([1, 0])
    expect(floats[HEADER_WORDS + taste.values]).toBe(0.5)
    expect(floats[HEADER_WORDS + layOut(spec).record.share]).toBe(0.5) // 1 of 2
    expect([...floats.slice(4, 6)]).toEqual([0.5, 0.25])
  })

  test('has every embedding that is touched once, with all places of its gradient in the rows’ order', () => {
    const at = (row: number, place: number) => row * traceWords + place
    const { dKeys, dQuery } = clicks.trace
    expect(unpack([0, 2], lesson).places).toEqual([
      { parameters: 10, width: 2, places: [at(0, dx), at(0, dQuery), at(1, dKeys + 2)] },
      { parameters: 14, width: 2, places: [at(0, dKeys), at(1, dx), at(1, dKeys), at(1, dQuery)] },
      { parameters: 18 + 6, width: 3, places: [at(0, topics.dKey)] },
    ])
  })

  test('has no occurrences where nothing is learnt', () => {
    expect(unpack([0, 1, 2]).places).toEqual([])
  })

  test('has the embeddings of rows that went before, where only what is touched moves, without occurrences', () => {
    const sender = new Sender(layOut(spec))
    const { sent, touched } = sender.pack(batch, [0], lesson, [2])
    const at = sent[HEADER.indexOf('touchedAt')]!
    const places = Array.from({ length: touched }, (_, e) => {
      const [parameters, , from, , , to] = sent.slice(at + e * TOUCHED_WORDS)
      return [parameters, to! - from!]
    })
    expect(places).toEqual([
      [10, 2],
      [14, 1],
      [18 + 6, 1],
    ])
    expect(sender.pack(batch, [2], lesson, [0]).touched).toBe(3)
  })

  test('does not depend on what was sent before', () => {
    const sender = new Sender(layOut(spec))
    const first = sender.pack(batch, [0, 2], lesson).sent.slice()
    sender.pack(randomBatch(spec, 20, seeded(1)), [3, 4, 9], lesson)
    expect(sender.pack(batch, [0, 2], lesson).sent).toEqual(first)
  })
})

test('every parameter outside the embeddings has a gradient, from within a row’s trace', () => {
  for (const { spec } of examples(30)) {
    const layout = layOut(spec)
    const terms = termsOf(layout)
    expect(terms.length).toBe(3 * (layout.plan.size - layout.plan.embedded))
    for (let i = 0; i < terms.length; i++) {
      expect(terms[i]).toBeLessThan(layout.traceWords)
      if (i % 3 < 2) expect(terms[i], `word ${i}`).not.toBe(ZERO)
    }
  }
})

test('neighbouring frozen parameters are one range', () => {
  const layout = layOut(spec)
  const { code } = optimizeShader(layout, settle(spec, { frozen: ['embedding.', 'out.b'] }))
  const { embedded, size } = layout.plan
  expect(code.match(/p >= \d+u && p < \d+u/g)).toEqual([
    `p >= 0u && p < ${embedded}u`,
    `p >= ${size - 1}u && p < ${size}u`,
  ])
  expect(optimizeShader(layout, settle(spec)).code).not.toContain('p >=')
})

test('Dice makes four more dispatches of each hidden layer: there, its statistics, and back the same way', () => {
  const of = (activation: 'prelu' | 'dice', mlp: number[]) =>
    learnShaders(layOut({ ...spec, mlp, activation })).map(({ units }) => units ?? 'rows')
  expect(of('prelu', [2, 3])).toEqual(['rows'])
  expect(of('dice', [])).toEqual(['rows'])
  expect(of('dice', [2, 3])).toEqual(['rows', 2, 'rows', 3, 'rows', 3, 'rows', 2, 'rows'])
})

test('no shader needs more storage buffers than WebGPU promises', () => {
  for (const activation of ACTIVATIONS)
    for (const optimizer of ['adam', 'sgd', 'adagrad'] as const) {
      const spec = { ...denseOnly, activation }
      const { buffers } = optimizeShader(layOut(spec), settle(spec, { optimizer, pull: 1 }))
      expect(buffers.includes('trace')).toBe(activation === 'dice')
      expect(buffers.length).toBeLessThan(9)
    }
})

test.each([
  ['there is no WebGPU', {}, /adapter/],
  ['there is no adapter', { gpu: { requestAdapter: async () => null } }, /adapter/],
  [
    'the device is refused',
    {
      gpu: {
        requestAdapter: async () => ({
          limits: {},
          requestDevice: () => Promise.reject(new Error('out of GPUs')),
        }),
      },
    },
    /out of GPUs/,
  ],
])('where %s it is an engine failure', async (_, navigator, message) => {
  vi.stubGlobal('navigator', navigator)
  await expect(createWgslEngine()).rejects.toMatchObject({
    code: 'engine',
    message: expect.stringMatching(message),
  })
})
