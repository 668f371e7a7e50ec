import { expect, test } from 'vitest'
import { engineIn, seedIn } from './options.ts'

test('a worker’s name can force an engine that exists, and nothing else', () => {
  expect(engineIn('engine=tfjs-webgpu')).toBe('tfjs-webgpu')
  expect(engineIn('engine=tfjs-cpu&x=1')).toBe('tfjs-cpu')
  for (const name of ['', 'kindred', 'engine=', 'engine=gpu', 'engine=__proto__'])
    expect(engineIn(name)).toBeUndefined()
})

test('a worker’s name can give a seed that is a number, and nothing else', () => {
  expect(seedIn('engine=plain&seed=7')).toBe(7)
  for (const name of ['', 'seed=', 'seed=-1', 'seed=1e9', 'seed=x']) expect(seedIn(name)).toBeUndefined()
})
